//! Which troubles are sure enough to be told.

use std::collections::{HashMap, HashSet};

use baton_handover::{Certainty, Trouble};
use baton_schedule::Attention;
use jiff::{SignedDuration, Timestamp};

/// Two looks that tell more than one are at least so far apart: some are made as often as something changes.
const APART: SignedDuration = SignedDuration::from_secs(1);

/// Troubles that were seen once, and may be gone at the next look.
#[derive(Debug, Default)]
pub struct Suspicions {
    first_seen: HashMap<String, Timestamp>,
}

/// What came of one look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sifted {
    /// Troubles that are sure.
    pub sure: Vec<Trouble>,
    /// Whether there is something that a second look, soon, would tell.
    pub look_again: bool,
}

impl Suspicions {
    /// Lets through what lasts, what was told already (`told` are causes), and what two looks have shown.
    pub fn sift(&mut self, troubles: Vec<Trouble>, told: &HashSet<String>) -> Sifted {
        let mut sifted = Sifted::default();
        let mut suspected = HashMap::new();
        for trouble in troubles.into_iter().filter(|trouble| trouble.attention > Attention::Fine) {
            let cause = trouble.cause();
            let is_sure = told.contains(&cause)
                || match trouble.certainty {
                    Certainty::Lasting => true,
                    // What ends by itself when the work has ended is looked at then.
                    Certainty::UnderWay => false,
                    Certainty::Seen(at) => {
                        let first = self.first_seen.get(&cause).copied().unwrap_or(at);
                        // A clock that was put back begins anew.
                        let first = first.min(at);
                        suspected.insert(cause, first);
                        let is_sure = at.duration_since(first) >= APART;
                        sifted.look_again |= !is_sure;
                        is_sure
                    }
                };
            if is_sure {
                sifted.sure.push(trouble);
            }
        }
        self.first_seen = suspected;
        sifted
    }
}
