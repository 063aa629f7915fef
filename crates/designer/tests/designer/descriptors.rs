//! What happens when there is no file descriptor left.
//!
//! The limit holds for a whole process, so the test starts this program again with a low one, for itself alone.

use std::io::{Read as _, Seek as _};
use std::process::Command;
use std::time::Duration;

use fs_err::File;
use tokio::time::timeout;

use crate::site::Site;

/// Clock ticks that this process has worked, out of its open `/proc/self/stat`: `utime` and `stime` of proc(5), a
/// hundred to the second.
fn work(stat: &mut File) -> u64 {
    let mut text = String::new();
    stat.rewind().unwrap();
    stat.read_to_string(&mut text).unwrap();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

#[test]
fn want_of_descriptors_neither_ends_it_nor_keeps_it_busy() {
    let output = Command::new("sh")
        .args(["-c", "ulimit -n 64 && exec \"$0\" --exact --ignored descriptors::with_few"])
        .arg(std::env::current_exe().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[ignore = "started by the test above, with few descriptors"]
#[tokio::test]
async fn with_few() {
    let site = Site::start().await;
    let mut stat = File::open("/proc/self/stat").unwrap();
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
        assert!(taken.len() < 64, "the limit is in force");
    }
    // The last descriptor goes to the client: there is none for the other side.
    taken.pop();
    let mut waiting = Box::pin(site.client());
    let before = work(&mut stat);
    let outage = timeout(Duration::from_millis(1500), &mut waiting).await;
    assert!(outage.is_err(), "nobody answers");
    assert!(work(&mut stat) - before < 30, "it waits, and does not try without a pause");

    drop(taken);
    assert_eq!(waiting.await.get("/").await.code, 200, "it goes on");
}
