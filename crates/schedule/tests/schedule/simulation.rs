//! A hundred thousand certificates of 47 days over two years, with all that goes wrong meanwhile, by the very agenda that
//! `baton up` works off. Nothing may ever be late: no certificate may end before its successor is in its place.
//!
//! The true time is that of the certificates and the issuers; what the machine's clock says is another matter.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU32;

use baton_schedule::{
    Agenda, Attention, CertificateId, Held, Lifetime, Limiter, Limits, Rate, Reason, RenewalWindow,
    Situation, Suggestion, Task, ask_after_failure, ask_again, attention,
};
use jiff::{SignedDuration, Timestamp};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

const CERTIFICATES: u32 = 100_000;
const LIFETIME: i64 = 47 * DAY;
const END: i64 = 730 * DAY;

/// From here on what is counted are renewals: before, every certificate is issued for the first time.
const SETTLED: i64 = 31 * DAY;

/// All public issuers are down, for questions and for orders.
const OUTAGE: std::ops::Range<i64> = 90 * DAY..91 * DAY;
/// The machine sleeps over a weekend.
const SLEEP: std::ops::Range<i64> = 120 * DAY + 18 * HOUR..123 * DAY + 8 * HOUR;
/// The clock is a day ahead, and later a day behind.
const AHEAD: std::ops::Range<i64> = 150 * DAY..150 * DAY + 12 * HOUR;
const BEHIND: std::ops::Range<i64> = 210 * DAY..210 * DAY + 12 * HOUR;
/// The issuers move all windows to three days earlier.
const MOVED: i64 = 240 * DAY;
/// The issuers ask for a tenth of all certificates to be replaced at once.
const REVOKED: i64 = 365 * DAY;
const REVOKED_COUNT: u32 = CERTIFICATES / 10;

/// How long the loop sleeps at the most, as timers stand still while the machine sleeps; and at the least, so that what is
/// due in one minute is done together.
const LONGEST_SLEEP: i64 = 10 * MINUTE;
const SHORTEST_SLEEP: i64 = 30;

/// True for `BATON_ACCEPTANCE=1`: every certificate has an issuer that is asked.
fn is_full() -> bool {
    #[expect(clippy::disallowed_methods, reason = "tests have no settings to read it from")]
    std::env::var("BATON_ACCEPTANCE").is_ok_and(|value| value == "1")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::constant(1_793_836_800, 0) + SignedDuration::from_secs(seconds)
}

/// What the machine's clock says.
fn clock(true_time: i64) -> Timestamp {
    let wrong = match true_time {
        time if AHEAD.contains(&time) => DAY,
        time if BEHIND.contains(&time) => -DAY,
        _ => 0,
    };
    at(true_time + wrong)
}

/// SplitMix64: the same world in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.next().is_multiple_of(count)
    }
}

/// One certificate in the world.
#[derive(Clone, Copy)]
struct Server {
    id: CertificateId,
    is_asked: bool,
    /// When what is served ends; none yet at the start.
    ends: Option<i64>,
    /// When the certificate at hand, served or not, was issued.
    issued_at: i64,
    seed: u64,
    asked_at: i64,
    /// When it was handed over.
    served_since: i64,
    failures: u32,
}

impl Server {
    fn lifetime(&self) -> Lifetime {
        Lifetime { not_before: at(self.issued_at), not_after: at(self.issued_at + LIFETIME) }
    }

    fn served_lifetime(&self) -> Option<Lifetime> {
        self.ends.map(|ends| Lifetime { not_before: at(ends - LIFETIME), not_after: at(ends) })
    }
}

#[derive(Default)]
struct Seen {
    late: u32,
    soon: u32,
    now: u32,
    orders: u64,
    questions: u64,
    first_issues: u64,
    longest_without_question: i64,
    last_revoked: i64,
    /// Orders that began in each hour.
    load: Vec<u32>,
}

struct World {
    servers: Vec<Server>,
    agenda: Agenda,
    /// What is under way: when it ends, and for which certificate.
    under_way: BinaryHeap<Reverse<(i64, u32, bool)>>,
    chance: Chance,
    seen: Seen,
}

impl World {
    fn new(is_full: bool) -> Self {
        let rate =
            |count| Rate { count: NonZeroU32::new(count).unwrap(), period: SignedDuration::from_hours(1) };
        let public = Limits::PUBLIC;
        let other = Limits { orders: Some(rate(1000)), ..Limits::PUBLIC };
        let mut agenda = Agenda::default();
        // Where all are asked, five issuers share them. Else one has a tenth; the others, which suggest nothing, are
        // another public one and the internal CA.
        let issuers: Vec<_> = if is_full {
            (0..5).map(|_| (agenda.add_issuer(public, Limiter::default()), true, 2)).collect()
        } else {
            [(public, true, 1), (other, false, 5), (Limits::LOCAL, false, 4)]
                .map(|(limits, is_asked, tenths)| {
                    (agenda.add_issuer(limits, Limiter::default()), is_asked, tenths)
                })
                .into()
        };
        let mut servers = Vec::new();
        for (issuer, is_asked, tenths) in issuers {
            for _ in 0..CERTIFICATES / 10 * tenths {
                servers.push(Server {
                    id: agenda.add(issuer, Situation::default()),
                    is_asked,
                    ends: None,
                    issued_at: 0,
                    seed: u64::try_from(servers.len()).unwrap(),
                    asked_at: 0,
                    served_since: 0,
                    failures: 0,
                });
            }
        }
        let seen = Seen { load: vec![0; usize::try_from(END / HOUR).unwrap() + 1], ..Seen::default() };
        Self { servers, agenda, under_way: BinaryHeap::new(), chance: Chance(47), seen }
    }

    fn run(mut self) -> Seen {
        let mut time = 0;
        while time < END {
            while let Some(Reverse((ends_at, number, is_order))) = self.under_way.peek().copied() {
                if ends_at > time {
                    break;
                }
                self.under_way.pop();
                if is_order { self.order_ends(number, time) } else { self.handover_ends(number, time) }
            }
            loop {
                let tasks = self.agenda.turn(clock(time));
                if tasks.is_empty() {
                    break;
                }
                for (id, task) in tasks {
                    let number = u32::try_from(id.index()).unwrap();
                    match task {
                        Task::Ask => self.ask(number, time),
                        Task::Order => {
                            self.seen.load[usize::try_from(time / HOUR).unwrap()] += 1;
                            self.seen.orders += 1;
                            self.under_way.push(Reverse((time + 20, number, true)));
                        }
                        Task::HandOver => self.under_way.push(Reverse((time + 3, number, false))),
                    }
                }
            }
            let again = self.agenda.look_again(clock(time));
            let pause = again.map_or(LONGEST_SLEEP, |at| at.duration_since(clock(time)).as_secs() + 1);
            let mut wake = time + pause.clamp(SHORTEST_SLEEP, LONGEST_SLEEP);
            if let Some(Reverse((ends_at, ..))) = self.under_way.peek() {
                wake = wake.min((*ends_at).max(time + 1));
            }
            time = if SLEEP.contains(&wake) { SLEEP.end } else { wake };
        }
        for server in &self.servers {
            self.seen.late += u32::from(server.ends.is_none_or(|ends| ends < END));
        }
        self.seen
    }

    /// Asks the issuer, which answers at once.
    fn ask(&mut self, number: u32, time: i64) {
        let (is_lost, is_nonsense) = (self.chance.one_in(1000), self.chance.one_in(1000));
        let server = &mut self.servers[usize::try_from(number).unwrap()];
        let mut situation = self.agenda.situation(server.id);
        self.seen.questions += 1;
        // One that is due, and waits for its turn or its next try, need not be asked about.
        let since = server.asked_at.max(server.served_since);
        let (due, reason) = situation.renewal(clock(time));
        let is_due = due <= clock(time) || reason == Reason::Retry;
        let is_awake = !(since..time).contains(&SLEEP.start) && !SLEEP.contains(&since);
        let is_steady = ![AHEAD.end, BEHIND.start].iter().any(|set_back| (since..=time).contains(set_back));
        if !is_due && is_awake && is_steady {
            self.seen.longest_without_question = self.seen.longest_without_question.max(time - since);
        }
        server.asked_at = time;
        let now = clock(time);
        let seed = server.seed.to_le_bytes();
        let (start, end) = window(number, server.issued_at, time);
        let (start, end) = if is_nonsense { (end, start) } else { (start, end) };
        let answer =
            if OUTAGE.contains(&time) || is_lost { None } else { RenewalWindow::new(at(start), at(end)) };
        situation.ask_at = Some(match answer {
            Some(window) => {
                server.failures = 0;
                let before = situation.suggestion;
                situation.suggestion = Some(Suggestion::renewed(before, window, &seed));
                // The issuer says: in a day. Twice a day it is.
                ask_again(Some(now + SignedDuration::from_hours(24)), now)
            }
            None => {
                server.failures += 1;
                ask_after_failure(server.failures, &seed, now)
            }
        });
        self.agenda.ended(server.id, situation);
    }

    fn order_ends(&mut self, number: u32, time: i64) {
        let is_down = OUTAGE.contains(&time) && number < CERTIFICATES / 10 * 6;
        let fails = self.chance.one_in(100);
        let server = &mut self.servers[usize::try_from(number).unwrap()];
        let mut situation = self.agenda.situation(server.id);
        let seed = server.seed.to_le_bytes();
        if is_down || fails {
            let within = server.served_lifetime();
            situation.issuing = situation.issuing.failed(within, &seed, clock(time));
        } else {
            server.seed = self.chance.next();
            server.issued_at = time;
            let successor = Held::new(server.lifetime(), &server.seed.to_le_bytes());
            situation =
                Situation { current: situation.current, pending: Some(successor), ..Situation::default() };
        }
        self.agenda.ended(server.id, situation);
    }

    fn handover_ends(&mut self, number: u32, time: i64) {
        let fails = self.chance.one_in(50);
        let server = &mut self.servers[usize::try_from(number).unwrap()];
        let mut situation = self.agenda.situation(server.id);
        let seed = server.seed.to_le_bytes();
        if fails {
            let within = Some(server.lifetime());
            situation.handover = situation.handover.failed(within, &seed, clock(time));
        } else {
            match server.served_lifetime() {
                None => self.seen.first_issues += 1,
                Some(before) => match attention(before, at(time)) {
                    Attention::Fine => {}
                    Attention::Soon => self.seen.soon += 1,
                    Attention::Now => self.seen.now += 1,
                },
            }
            self.seen.late += u32::from(server.ends.is_some_and(|ends| ends < time));
            if number < REVOKED_COUNT
                && server.ends.is_some_and(|ends| ends - LIFETIME < REVOKED)
                && time > REVOKED
            {
                self.seen.last_revoked = self.seen.last_revoked.max(time - REVOKED);
            }
            server.ends = Some(server.issued_at + LIFETIME);
            server.served_since = time;
            let current = Held::new(server.lifetime(), &seed);
            let ask_at = server.is_asked.then_some(Timestamp::MIN);
            situation = Situation { current: Some(current), ask_at, ..Situation::default() };
            server.failures = 0;
        }
        self.agenda.ended(server.id, situation);
    }
}

/// What an issuer suggests: two days around two thirds of the lifetime.
fn window(number: u32, issued_at: i64, time: i64) -> (i64, i64) {
    if number < REVOKED_COUNT && issued_at < REVOKED && time >= REVOKED {
        return (REVOKED - 2 * DAY, REVOKED - DAY);
    }
    if number % 100 == 99 {
        // Of no use: the end of the lifetime.
        return (issued_at + LIFETIME - HOUR, issued_at + LIFETIME + HOUR);
    }
    let earlier = if time >= MOVED { 3 * DAY } else { 0 };
    let middle = issued_at + LIFETIME / 3 * 2 - earlier;
    (middle - DAY, middle + DAY)
}

#[test]
fn of_100_000_certificates_over_two_years_none_is_ever_late() {
    let seen = World::new(is_full()).run();
    let settled = usize::try_from(SETTLED / HOUR).unwrap();
    let mut load = seen.load[settled..].to_vec();
    load.sort_unstable();
    let percentile = |percent: usize| load[(load.len() - 1) * percent / 100];
    println!(
        "certificates              {CERTIFICATES}, {} days each, over {} days",
        LIFETIME / DAY,
        END / DAY
    );
    println!("first issues              {}", seen.first_issues);
    println!("orders                    {}", seen.orders);
    println!("questions to the issuers  {}", seen.questions);
    println!(
        "orders per hour           median {}, p99 {}, most {}",
        percentile(50),
        percentile(99),
        percentile(100)
    );
    println!("longest without question  {} min", seen.longest_without_question / MINUTE);
    println!("last revoked one replaced {} h after the issuer wished so", seen.last_revoked / HOUR);
    println!(
        "replaced with less than a quarter of the lifetime left: {}; less than a tenth: {}",
        seen.soon, seen.now
    );
    println!("ever late                 {}", seen.late);
    assert_eq!(seen.late, 0);
    assert_eq!(seen.first_issues, u64::from(CERTIFICATES));
    assert_eq!(seen.now, 0, "and none came near it");
    assert!(seen.orders > u64::from(CERTIFICATES) * 22 && seen.orders < u64::from(CERTIFICATES) * 27);
    assert!(seen.longest_without_question <= 12 * HOUR + 10 * MINUTE);
    // Twelve hours to learn of it, and then as fast as the issuer's limit of 100 an hour allows.
    let limit = i64::from(REVOKED_COUNT) / 100 * HOUR;
    assert!(
        seen.last_revoked > 0 && seen.last_revoked < 12 * HOUR + limit * 3 / 2,
        "{} h",
        seen.last_revoked / HOUR
    );
}
