//! Users, their sessions, tokens and the audit log.

use baton_state::{AccessLevel, NewAuditEntry, PrincipalName};
use jiff::SignedDuration;

use crate::{database, name, noon, token};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

#[test]
fn a_name_is_harmless_and_has_one_spelling() {
    for good in ["a", "Admin", "jo.smith_2@example.com", &"x".repeat(64)] {
        assert_eq!(name(good).as_str(), good.to_lowercase());
    }
    let bad = ["", " ", "a b", "<b>", "-x", ".x", "a\n", "a/b", "a:b", "\u{fc}", "a\u{0}", &"x".repeat(65)];
    for bad in bad {
        assert!(bad.parse::<PrincipalName>().is_err(), "{bad:?}");
    }
}

#[test]
fn each_level_includes_those_before_it_and_keeps_its_name() {
    assert!(AccessLevel::ALL.is_sorted());
    for level in AccessLevel::ALL {
        assert_eq!(level.name().parse(), Ok(level));
    }
    assert!("Server-Admin".parse::<AccessLevel>().is_err());
}

#[tokio::test]
async fn the_first_link_lets_one_person_in_once() {
    let (_directory, state) = database().await;
    let later = noon() + MINUTE;
    state.keep_first_link(token(1), noon() + MINUTE * 5).await.unwrap();
    state.keep_first_link(token(2), noon() + MINUTE * 5).await.unwrap();
    assert!(!state.add_first_user(token(1), &name("eve"), "hash", later).await.unwrap(), "it was replaced");
    let too_late = noon() + MINUTE * 5;
    assert!(!state.is_first_link(token(2), too_late).await.unwrap());
    assert!(!state.add_first_user(token(2), &name("eve"), "hash", too_late).await.unwrap());
    assert!(state.is_first_link(token(2), later).await.unwrap());
    assert!(state.add_first_user(token(2), &name("ada"), "hash", later).await.unwrap());
    assert!(!state.is_first_link(token(2), later).await.unwrap());
    assert!(!state.add_first_user(token(2), &name("eve"), "hash", later).await.unwrap());
    let users = state.users().await.unwrap();
    assert_eq!(users.len(), 1);
    assert_eq!((users[0].name.as_str(), users[0].level), ("ada", AccessLevel::ServerAdmin));
}

#[tokio::test]
async fn a_user_that_was_added_on_the_machine_makes_the_link_void() {
    let (_directory, state) = database().await;
    state.keep_first_link(token(1), noon() + MINUTE).await.unwrap();
    assert!(state.add_user(&name("ada"), AccessLevel::ReadExecute, "hash", noon()).await.unwrap());
    assert!(state.remove_user(&name("ada")).await.unwrap());
    assert!(!state.is_first_link(token(1), noon()).await.unwrap());
    assert!(!state.add_first_user(token(1), &name("eve"), "hash", noon()).await.unwrap());
    assert!(!state.has_users().await.unwrap());
}

#[tokio::test]
async fn a_second_user_of_the_same_name_changes_nothing() {
    let (_directory, state) = database().await;
    assert!(state.add_user(&name("ada"), AccessLevel::ReadExecute, "first", noon()).await.unwrap());
    assert!(!state.add_user(&name("ADA"), AccessLevel::ServerAdmin, "second", noon()).await.unwrap());
    let (user, password) = state.user(&name("ada")).await.unwrap().unwrap();
    assert_eq!((user.level, password.as_str()), (AccessLevel::ReadExecute, "first"));
    for unknown in ["eve", "ada."] {
        assert!(!state.set_level(&name(unknown), AccessLevel::ServerAdmin).await.unwrap());
        assert!(!state.set_password(&name(unknown), "hash", noon()).await.unwrap());
        assert!(!state.remove_user(&name(unknown)).await.unwrap());
    }
}

#[tokio::test]
async fn a_session_follows_its_user() {
    let (_directory, state) = database().await;
    let (ada, hash) = (name("ada"), "hash");
    state.add_user(&ada, AccessLevel::ReadExecute, hash, noon()).await.unwrap();
    let start = async |number| state.start_session(token(number), &ada, hash, noon(), noon()).await.unwrap();
    assert!(start(1).await);
    assert!(start(2).await);
    state.set_level(&ada, AccessLevel::NoAccess).await.unwrap();
    let session = state.session(token(1), noon()).await.unwrap().unwrap();
    assert_eq!((session.user, session.level), (ada.clone(), AccessLevel::NoAccess));
    state.set_password(&ada, "another", noon()).await.unwrap();
    assert_eq!(state.session(token(1), noon()).await.unwrap(), None);
    assert_eq!(state.session(token(2), noon()).await.unwrap(), None);
    assert!(!start(3).await, "the password was changed while it was looked at");
    assert!(state.start_session(token(4), &ada, "another", noon(), noon()).await.unwrap());
    state.remove_user(&ada).await.unwrap();
    assert_eq!(state.session(token(4), noon()).await.unwrap(), None);
}

#[tokio::test]
async fn the_token_before_is_good_for_a_minute() {
    let (_directory, state) = database().await;
    let ada = name("ada");
    state.add_user(&ada, AccessLevel::ReadExecute, "hash", noon()).await.unwrap();
    state.start_session(token(1), &ada, "hash", noon(), noon()).await.unwrap();
    let rotated = noon() + MINUTE * 60;
    assert!(state.rotate_session(token(1), token(2), rotated).await.unwrap());
    assert!(!state.rotate_session(token(1), token(3), rotated).await.unwrap(), "once");
    let soon = rotated + SignedDuration::from_secs(59);
    assert!(state.session(token(1), soon).await.unwrap().is_some());
    assert!(state.session(token(1), rotated + MINUTE).await.unwrap().is_none());
    assert!(state.session(token(2), rotated + MINUTE).await.unwrap().is_some());
    assert!(state.session(token(3), soon).await.unwrap().is_none());
    state.end_session(token(1)).await.unwrap();
    assert!(state.session(token(2), soon).await.unwrap().is_none(), "the one before ends it too");
}

#[tokio::test]
async fn what_is_kept_of_a_token_is_its_hash_its_level_and_its_end() {
    let (_directory, state) = database().await;
    let backup = name("backup");
    let add = async |number, level| {
        state.add_api_token(&backup, token(number), level, noon(), noon() + MINUTE).await.unwrap()
    };
    assert!(add(1, AccessLevel::ReadExecute).await);
    assert!(!add(2, AccessLevel::ServerAdmin).await);
    state.api_token_used(&backup, noon()).await.unwrap();
    let found = state.api_token(token(1)).await.unwrap().unwrap();
    assert_eq!((found.level, found.expires_at), (AccessLevel::ReadExecute, noon() + MINUTE));
    assert_eq!(found.used_at, Some(noon()));
    assert_eq!(state.api_token(token(2)).await.unwrap(), None);
    assert!(state.revoke_api_token(&backup).await.unwrap());
    assert!(!state.revoke_api_token(&backup).await.unwrap());
    assert_eq!(state.api_token(token(1)).await.unwrap(), None);
}

#[tokio::test]
async fn the_audit_log_has_the_latest_first() {
    let (_directory, state) = database().await;
    for object in ["a", "b", "c"] {
        let entry = NewAuditEntry {
            at: noon(),
            who: "ada".to_owned(),
            via: "session",
            address: Some("127.0.0.1".to_owned()),
            action: "POST".to_owned(),
            object: object.to_owned(),
        };
        let id = state.begin_audit(&entry).await.unwrap();
        if object != "c" {
            state.end_audit(id, "200").await.unwrap();
        }
    }
    let last = state.audit(None, 2).await.unwrap();
    let seen: Vec<_> = last.iter().map(|entry| (entry.object.as_str(), entry.outcome.as_deref())).collect();
    assert_eq!(seen, [("c", None), ("b", Some("200"))]);
    let before = state.audit(Some(last[1].id), 2).await.unwrap();
    assert_eq!(before.iter().map(|entry| entry.object.as_str()).collect::<Vec<_>>(), ["a"]);
}
