//! Writes that nobody waits for to their end.

use std::time::Duration;

use baton_state::AccessLevel;

use crate::{database, name, noon};

/// A transaction that is broken off takes its connection with it, and the next one finds the database as it was.
#[tokio::test]
async fn a_write_that_is_broken_off_is_whole_or_absent_and_keeps_none_from_the_next() {
    let (_directory, state) = database().await;
    let add = async |number: u64| {
        let name = name(&format!("user-{number}"));
        state.add_user(&name, AccessLevel::ReadExecute, "hash", noon()).await
    };
    for number in 0..60 {
        let _ = tokio::time::timeout(Duration::from_micros(number * 20), add(number)).await;
        assert!(add(1000 + number).await.unwrap(), "the next one is written");
    }
    let users = state.users().await.unwrap();
    assert!(users.len() >= 60 && users.len() <= 120, "{} users", users.len());
    let added = users.iter().filter(|user| user.name.as_str().len() == "user-1000".len()).count();
    assert_eq!(added, 60, "none of those that ended well is lost");
}
