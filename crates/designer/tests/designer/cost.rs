//! What pages and live views cost.

use std::sync::Arc;

use fs_err as fs;
use tokio::sync::{Notify, Semaphore};

use crate::fixed::Fixed;
use crate::sample::{row, status};
use crate::site::Site;

/// How many views are open at once.
const VIEWS: usize = 200;

/// What they may take, in bytes; their clients are in this process too, and in it.
const MOST: usize = 50 * 1024 * 1024;

/// How often a page is asked for.
const PAGES: u32 = 50;

/// Memory of this process that is in use, in bytes (proc(5), `/proc/pid/statm`).
fn resident() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// Processor time of this process, in milliseconds (proc(5), `/proc/pid/stat`: ticks of ten each).
fn worked() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()) * 10
}

#[tokio::test]
async fn two_hundred_live_views_cost_less_than_fifty_megabytes() {
    let gate = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let begun = Arc::clone(&gate.0);
    let site = Site::start_showing(Fixed { gate: Some(gate), ..Fixed::default() }).await;
    let form = "change=recover&target=sap";
    let kind = "application/x-www-form-urlencoded";
    assert_eq!(site.client().await.post("/operations", kind, form).await.code, 303);
    begun.notified().await;

    let before = resident();
    let mut viewers = Vec::new();
    for _ in 0..VIEWS {
        let mut viewer = site.client().await;
        viewer.write("GET /operations/1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        while !viewer.line().await.unwrap().contains(">switch</span>") {}
        viewers.push(viewer);
    }
    let taken = resident().saturating_sub(before);
    assert!(taken < MOST, "{VIEWS} views take {taken} bytes");
    // Others are served beside them.
    assert_eq!(site.get("/style.css").await.code, 200);
}

#[ignore = "a measurement, to be read by people: `cargo test --release -p baton-designer -- --ignored cost --nocapture`"]
#[tokio::test]
async fn a_page_with_a_thousand_targets() {
    let rows = (0..1000).map(|number| row(&format!("c{number:04}"))).collect();
    let site = Site::start_showing(Fixed { status: Ok(status(rows)), ..Fixed::default() }).await;
    let mut client = site.client().await;
    for path in ["/", "/?q=c09&sort=left", "/timeline"] {
        client.get(path).await;
        let before = worked();
        for _ in 0..PAGES {
            assert_eq!(client.get(path).await.code, 200);
        }
        println!("{path}: {} ms of processor time for {PAGES} pages", worked() - before);
    }
}
