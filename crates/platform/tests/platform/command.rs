use std::path::Path;
use std::time::{Duration, Instant};

use baton_platform::command::{Command, CommandError, find};
use baton_platform::lock::FileLock;

/// What the children of these tests are to do.
const TASK: &str = "BATON_TEST_TASK";
/// How long a child lives that nobody ends.
const LONG: Duration = Duration::from_secs(60);

/// This program, which then does nothing but what [`the_child`] does.
fn child(task: &str, time_limit: Duration) -> Command {
    let program = std::env::current_exe().unwrap().display().to_string();
    let arguments = ["--exact", "command::the_child", "--ignored", "--nocapture"].map(str::to_owned);
    let argv = std::iter::once(program).chain(arguments).collect();
    Command { environment: vec![(TASK, task.to_owned())], ..Command::new(argv, time_limit) }
}

#[tokio::test]
#[ignore = "a child of the other tests, and no test itself"]
#[expect(clippy::disallowed_methods, clippy::exit, clippy::zombie_processes, reason = "a program of its own")]
async fn the_child() {
    let task = std::env::var(TASK).unwrap_or_default();
    let (verb, rest) = task.split_once(' ').unwrap_or((&task, ""));
    match verb {
        "say" => println!("{rest}"),
        "read" => println!("read {:?}", std::io::read_to_string(std::io::stdin()).unwrap()),
        "exit" => std::process::exit(rest.parse().unwrap()),
        "hold" => {
            let _lock = FileLock::try_acquire(Path::new(rest)).unwrap().unwrap();
            std::thread::sleep(LONG);
        }
        // A child of its own, which it does not wait for; and then it stays as long, or not.
        "leave" | "stay" => {
            let task = format!("hold {rest}");
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "command::the_child", "--ignored"]).env(TASK, task);
            let _child = command.spawn().unwrap();
            wait_until(|| is_held(Path::new(rest)));
            if verb == "stay" {
                std::thread::sleep(LONG);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn a_command_tells_its_exit_code_and_its_output() {
    let said = child("say what was asked", LONG).run().await.unwrap();
    assert!(said.output.contains("what was asked"), "{said:?}");
    let read = Command { input: b"some input".to_vec(), ..child("read", LONG) }.run().await.unwrap();
    assert!(read.output.contains("read \"some input\""), "{read:?}");
    let read = child("read", LONG).run().await.unwrap();
    assert!(read.output.contains("read \"\""), "{read:?}");
    let failed = child("exit 3", LONG).run_to_end().await.unwrap();
    assert_eq!(failed.exit_code, Some(3));
    assert!(matches!(child("exit 3", LONG).run().await, Err(CommandError::Failed { .. })));
    let absent = Command::new(vec!["no-such-program-of-baton".to_owned()], LONG).run().await;
    assert!(matches!(absent, Err(CommandError::NotStarted { .. })));
    assert!(find("no-such-program-of-baton").is_none());
    assert!(find(&std::env::current_exe().unwrap().display().to_string()).is_some());
}

#[tokio::test]
async fn at_its_time_limit_a_command_is_ended_with_all_it_has_started() {
    let directory = tempfile::tempdir().unwrap();
    let lock = directory.path().join("lock");
    let began = Instant::now();
    let ended = child(&format!("stay {}", lock.display()), Duration::from_secs(5)).run().await;
    assert!(matches!(ended, Err(CommandError::TimedOut { .. })), "{ended:?}");
    assert!(began.elapsed() < LONG / 2);
    assert!(lock.exists(), "it had started its own child");
    wait_until(|| !is_held(&lock));
}

#[cfg(windows)]
#[tokio::test]
async fn of_a_tied_command_nothing_is_left_when_it_has_ended() {
    let directory = tempfile::tempdir().unwrap();
    let lock = directory.path().join("lock");
    let command = Command { is_tied: true, ..child(&format!("leave {}", lock.display()), LONG) };
    command.run().await.unwrap();
    assert!(lock.exists(), "it had started its own child");
    wait_until(|| !is_held(&lock));
}

fn is_held(lock: &Path) -> bool {
    lock.exists() && FileLock::try_acquire(lock).unwrap().is_none()
}

fn wait_until(condition: impl Fn() -> bool) {
    let ends = Instant::now() + LONG / 4;
    while !condition() {
        assert!(Instant::now() < ends, "it has not come about");
        std::thread::sleep(Duration::from_millis(20));
    }
}
