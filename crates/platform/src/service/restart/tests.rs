//! What no service manager at hand can show: Wine knows no dependents, and does not let services hang as one likes.

use std::collections::HashMap;
use std::sync::Mutex;

use baton_finding::Explain as _;

use super::*;

const LIMIT: Duration = Duration::from_secs(60);

/// A service of the stand-in: how long it takes, and how it ends.
#[derive(Clone, Default)]
struct Fake {
    stops_in: Duration,
    starts_in: Duration,
    /// How long it runs before it dies, and how.
    dies_after: Option<(Duration, Exit)>,
    depends_on: Option<&'static str>,
    /// What it was told last, and when.
    told: Option<(Order, Instant)>,
    is_down: bool,
}

impl Fake {
    fn state(&self) -> State {
        match self.told {
            Some((Order::End, _)) => State::Stopped,
            Some((Order::Stop, at)) if at.elapsed() < self.stops_in => State::Stopping,
            Some((Order::Start, at)) if at.elapsed() < self.starts_in => State::Starting,
            Some((Order::Start, at)) => {
                let dies = self.dies_after.is_some_and(|(after, _)| at.elapsed() >= self.starts_in + after);
                if dies { State::Stopped } else { State::Running }
            }
            Some(_) => State::Stopped,
            None if self.is_down => State::Stopped,
            None => State::Running,
        }
    }
}

#[derive(Default)]
struct Fakes {
    services: Mutex<HashMap<&'static str, Fake>>,
    orders: Mutex<Vec<String>>,
}

impl Fakes {
    fn with(services: impl IntoIterator<Item = (&'static str, Fake)>) -> Arc<Self> {
        Arc::new(Self { services: Mutex::new(services.into_iter().collect()), ..Self::default() })
    }

    fn orders(&self) -> Vec<String> {
        self.orders.lock().unwrap().clone()
    }

    fn tell(&self, order: Order, name: &str) {
        self.orders.lock().unwrap().push(format!("{order} {name}"));
        self.services.lock().unwrap().get_mut(name).unwrap().told = Some((order, Instant::now()));
    }

    fn state(&self, name: &str) -> State {
        self.services.lock().unwrap()[name].state()
    }
}

impl Services for Arc<Fakes> {
    fn status(&self, name: &str) -> Result<Status, Refusal> {
        let services = self.services.lock().unwrap();
        let service = services.get(name).ok_or(Refusal::Missing)?;
        let exit = service.dies_after.map_or(Exit::System(0), |(_, exit)| exit);
        Ok(Status { state: service.state(), exit, wait_hint: Duration::from_secs(3), process: Some(42) })
    }

    fn stop(&self, name: &str) -> Result<(), Refusal> {
        match Arc::as_ref(self).state(name) {
            State::Running => self.tell(Order::Stop, name),
            State::Stopped => return Err(Refusal::Already),
            _ => return Err(Refusal::NotNow),
        }
        Ok(())
    }

    fn start(&self, name: &str) -> Result<(), Refusal> {
        let needs = self.services.lock().unwrap()[name].depends_on;
        assert!(needs.is_none_or(|needs| Arc::as_ref(self).state(needs) == State::Running), "{name}");
        match Arc::as_ref(self).state(name) {
            State::Stopped => self.tell(Order::Start, name),
            _ => return Err(Refusal::Already),
        }
        Ok(())
    }

    fn running_dependents(&self, name: &str) -> Result<Vec<String>, Refusal> {
        let services = self.services.lock().unwrap();
        let depends = |service: &Fake| service.depends_on == Some(name) && service.state() != State::Stopped;
        let mut names: Vec<String> =
            services.iter().filter(|(_, it)| depends(it)).map(|(name, _)| (*name).to_owned()).collect();
        names.sort();
        Ok(names)
    }

    fn end(&self, process: u32) -> Result<(), Refusal> {
        assert_eq!(process, 42);
        self.tell(Order::End, "server");
        Ok(())
    }
}

fn service() -> Service {
    Service { name: "server".to_owned(), time_limit: LIMIT, ends_hung: false, log: None }
}

fn slow(seconds: u64) -> Fake {
    let time = Duration::from_secs(seconds);
    Fake { stops_in: time, starts_in: time, ..Fake::default() }
}

fn dependent() -> Fake {
    Fake { depends_on: Some("server"), ..slow(1) }
}

#[tokio::test(start_paused = true)]
async fn what_depends_on_it_stops_before_it_and_starts_after_it() {
    let down = Fake { is_down: true, ..dependent() };
    let fakes = Fakes::with([("server", slow(20)), ("a", dependent()), ("b", dependent()), ("c", down)]);
    let done = restart(Arc::clone(&fakes), &service(), &[]).await.unwrap();
    // What did not run before is left alone.
    assert_eq!(fakes.orders(), ["stop a", "stop b", "stop server", "start server", "start b", "start a"]);
    assert_eq!(done.lines().count(), 6, "{done}");
    assert!(["server", "a", "b"].iter().all(|name| fakes.state(name) == State::Running));
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_was_broken_off_is_repeated_with_those_that_ran_before() {
    let down = |fake: Fake| Fake { is_down: true, ..fake };
    let fakes = Fakes::with([("server", down(slow(1))), ("a", down(dependent())), ("b", down(dependent()))]);
    let before = ["a".to_owned(), "b".to_owned()];
    for _ in 0..2 {
        restart(Arc::clone(&fakes), &service(), &before).await.unwrap();
        assert!(["server", "a", "b"].iter().all(|name| fakes.state(name) == State::Running));
    }
    assert_eq!(fakes.orders()[..3], ["start server", "start b", "start a"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_hangs_is_told_and_not_killed() {
    let fakes = Fakes::with([("server", slow(3600))]);
    let begun = Instant::now();
    let error = restart(Arc::clone(&fakes), &service(), &[]).await.unwrap_err();
    assert_eq!(error.code(), "service-hung");
    assert_eq!(error.to_string(), "the service `server` is still stopping 60 s after it was told to stop");
    assert!((LIMIT..LIMIT + LOOKS.1).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    // It is told once, and no more by the next try.
    restart(Arc::clone(&fakes), &service(), &[]).await.unwrap_err();
    assert_eq!(fakes.orders(), ["stop server"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_hangs_is_ended_where_the_settings_say_so() {
    let fakes = Fakes::with([("server", slow(50))]);
    let settings = Service { ends_hung: true, time_limit: Duration::from_secs(5), ..service() };
    let error = restart(Arc::clone(&fakes), &settings, &[]).await.unwrap_err();
    // It takes longer than its limit to start as well.
    assert_eq!(error.code(), "service-not-running");
    assert_eq!(fakes.orders(), ["stop server", "end the process of server", "start server"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_stands_still_for_a_dependent_that_hangs() {
    let hanging = Fake { depends_on: Some("server"), ..slow(3600) };
    let fakes = Fakes::with([("server", slow(1)), ("a", dependent()), ("b", hanging)]);
    let settings = Service { ends_hung: true, ..service() };
    let error = restart(Arc::clone(&fakes), &settings, &[]).await.unwrap_err();
    assert_eq!(error.to_string(), "the service `b` is still stopping 60 s after it was told to stop");
    assert_eq!(fakes.orders(), ["stop a", "stop b", "start a"]);
    assert_eq!(fakes.state("server"), State::Running);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_dies_at_its_start_is_told_with_its_exit_code_and_its_log() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("server.log");
    fs_err::write(&log, "reading the certificate\nno access to the key\n").unwrap();
    // At once, and after it was said to run.
    for after in [Duration::ZERO, Duration::from_millis(600)] {
        let fake = Fake { dies_after: Some((after, Exit::Own(7))), ..slow(1) };
        let fakes = Fakes::with([("server", fake)]);
        let settings = Service { log: Some(log.clone()), ..service() };
        let error = restart(Arc::clone(&fakes), &settings, &[]).await.unwrap_err();
        assert_eq!(error.code(), "service-died");
        let text = error.to_string();
        assert!(
            text.starts_with("the service `server` ended at its start, with exit code 7; the end of"),
            "{text}"
        );
        assert!(text.ends_with("\nno access to the key"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_about_to_start_is_waited_for_and_then_stopped() {
    let fakes = Fakes::with([("server", slow(5))]);
    fakes.tell(Order::Start, "server");
    restart(Arc::clone(&fakes), &service(), &[]).await.unwrap();
    assert_eq!(fakes.orders(), ["start server", "stop server", "start server"]);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_is_not_restarted() {
    let error = restart(Fakes::with([]), &service(), &[]).await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("service-missing", "there is no service `server`")
    );
}
