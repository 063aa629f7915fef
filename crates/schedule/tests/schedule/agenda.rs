//! The agenda of a few certificates.

use std::num::NonZeroU32;

use baton_schedule::{
    Agenda, CertificateId, Held, IssuerId, Lifetime, Limiter, Limits, Rate, Situation, Task, Tries,
};
use jiff::{SignedDuration, Timestamp};

const SECOND: SignedDuration = SignedDuration::from_secs(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

const NOW: Timestamp = Timestamp::constant(1_793_836_800, 0);

/// A certificate with so much of its 90 days left.
fn with_left(left: SignedDuration) -> Situation {
    let lifetime = Lifetime { not_before: NOW + left - 90 * DAY, not_after: NOW + left };
    Situation { current: Some(Held::new(lifetime, b"seed")), ..Situation::default() }
}

fn limits(orders: Option<(u32, SignedDuration)>, at_a_time: u32) -> Limits {
    let number = |number| NonZeroU32::new(number).unwrap();
    let orders = orders.map(|(count, period)| Rate { count: number(count), period });
    Limits { orders, at_a_time: number(at_a_time) }
}

/// An agenda with one issuer, and certificates that have none yet.
fn new_ones(limits: Limits, count: usize) -> (Agenda, IssuerId, Vec<CertificateId>) {
    let mut agenda = Agenda::default();
    let issuer = agenda.add_issuer(limits, Limiter::default());
    let ids = (0..count).map(|_| agenda.add(issuer, Situation::default())).collect();
    (agenda, issuer, ids)
}

#[test]
fn nothing_to_do_is_nothing_to_wait_for() {
    let mut agenda = Agenda::default();
    assert_eq!((agenda.turn(NOW), agenda.look_again(NOW)), (vec![], None));
}

#[test]
fn a_task_is_given_once_and_the_next_when_it_has_ended() {
    let (mut agenda, _, ids) = new_ones(Limits::LOCAL, 1);
    assert_eq!(agenda.turn(NOW), [(ids[0], Task::Order)]);
    assert_eq!((agenda.turn(NOW), agenda.look_again(NOW)), (vec![], None));
    // What is told meanwhile does not end it.
    agenda.update(ids[0], Situation::default());
    assert_eq!((agenda.turn(NOW), agenda.look_again(NOW)), (vec![], None));

    let issued = with_left(89 * DAY);
    agenda.ended(ids[0], Situation { current: None, pending: issued.current, ..issued });
    assert_eq!(agenda.turn(NOW), [(ids[0], Task::HandOver)]);
    agenda.ended(ids[0], issued);
    assert_eq!(agenda.turn(NOW), []);
    let due = agenda.look_again(NOW).unwrap();
    assert!(due > NOW + 54 * DAY && due < NOW + 60 * DAY);
    assert_eq!(agenda.turn(due - SECOND), []);
    assert_eq!(agenda.turn(due), [(ids[0], Task::Order)]);
}

#[test]
fn so_many_at_a_time_and_first_what_ends_first() {
    let mut agenda = Agenda::default();
    let issuer = agenda.add_issuer(limits(None, 2), Limiter::default());
    let ids: Vec<_> =
        [9, 3, 7, 1].into_iter().map(|days| agenda.add(issuer, with_left(days * DAY))).collect();
    assert_eq!(agenda.turn(NOW), [(ids[3], Task::Order), (ids[1], Task::Order)]);
    assert_eq!(agenda.look_again(NOW), None, "something must end first");
    agenda.ended(ids[1], with_left(89 * DAY));
    assert_eq!(agenda.turn(NOW), [(ids[2], Task::Order)]);
    // A handover that takes long holds up no order.
    let issued = with_left(89 * DAY);
    agenda.ended(ids[2], Situation { pending: issued.current, ..with_left(7 * DAY) });
    assert_eq!(agenda.turn(NOW), [(ids[2], Task::HandOver), (ids[0], Task::Order)]);
}

#[test]
fn so_many_in_a_period_for_all_certificates_of_an_issuer() {
    let (mut agenda, issuer, _) = new_ones(limits(Some((3, 3 * HOUR)), 100), 10);
    assert_eq!(agenda.turn(NOW).len(), 3);
    let again = agenda.look_again(NOW).unwrap();
    assert_eq!(again, NOW + HOUR);
    assert_eq!(agenda.turn(NOW + HOUR - SECOND).len(), 0);
    assert_eq!(agenda.turn(NOW + HOUR).len(), 1);
    // After a night they have come back, and no more than there were.
    assert_eq!(agenda.turn(NOW + DAY).len(), 3);
    // A restart is no way around it.
    let mut restarted = Agenda::default();
    let same = restarted.add_issuer(limits(Some((3, 3 * HOUR)), 100), agenda.limiter(issuer));
    restarted.add(same, Situation::default());
    assert_eq!(restarted.turn(NOW + DAY).len(), 0);
    assert_eq!(restarted.look_again(NOW + DAY), Some(NOW + DAY + HOUR));
    // Another issuer is not concerned.
    let other = restarted.add_issuer(limits(Some((3, 3 * HOUR)), 100), Limiter::default());
    restarted.add(other, Situation::default());
    assert_eq!(restarted.turn(NOW + DAY).len(), 1);
}

#[test]
fn an_issuer_that_says_so_is_left_alone() {
    let (mut agenda, issuer, ids) = new_ones(Limits::LOCAL, 3);
    let mut limiter = agenda.limiter(issuer);
    limiter.rest(NOW + DAY, NOW);
    limiter.rest(NOW + SECOND, NOW);
    agenda.set_limiter(issuer, limiter);
    let asks = Situation { ask_at: Some(NOW), ..with_left(80 * DAY) };
    agenda.update(ids[0], asks);
    assert_eq!((agenda.turn(NOW), agenda.look_again(NOW)), (vec![], Some(NOW + HOUR)));
    assert_eq!(agenda.turn(NOW + HOUR).len(), 3);
    // What a wrong clock wrote down is not waited for.
    limiter.rest(NOW + DAY, NOW + DAY);
    assert_eq!(limiter.settled(Limits::LOCAL, NOW).resting(NOW), Some(NOW + HOUR));
}

#[test]
fn what_was_begun_elsewhere_is_left_alone() {
    let (mut agenda, _, ids) = new_ones(limits(None, 1), 2);
    agenda.begun(ids[0], Task::Order);
    assert_eq!(agenda.turn(NOW), []);
    agenda.ended(ids[0], with_left(80 * DAY));
    assert_eq!(agenda.turn(NOW), [(ids[1], Task::Order)]);
}

#[test]
fn a_clock_that_is_set_back_is_followed() {
    let mut agenda = Agenda::default();
    let issuer = agenda.add_issuer(limits(Some((1, HOUR)), 1), Limiter::default());
    let failed = Situation { issuing: Tries::default().failed(None, b"seed", NOW), ..Situation::default() };
    let id = agenda.add(issuer, failed);
    assert_eq!(agenda.turn(NOW), []);
    let back = NOW - DAY;
    assert_eq!(agenda.turn(back), []);
    let again = agenda.look_again(back).unwrap();
    assert!(again <= back + 66 * SECOND, "{again}");
    assert_eq!(agenda.turn(again), [(id, Task::Order)]);
    // The limit, too, is not waited for longer than its period.
    agenda.ended(id, Situation::default());
    assert_eq!(agenda.turn(back - DAY), []);
    assert_eq!(agenda.look_again(back - DAY), Some(back - DAY + HOUR));
}
