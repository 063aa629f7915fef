//! The roots that a chain may lead to.

use std::sync::{Arc, OnceLock};

use baton_x509::Trust;

/// The roots of our own issuers, and those of this machine, which are read only when they are needed.
#[derive(Debug, Clone, Default)]
pub struct KnownRoots {
    own: Trust,
    system: Arc<OnceLock<Trust>>,
}

impl KnownRoots {
    /// The roots of our own issuers.
    pub fn new(own: Trust) -> Self {
        Self { own, system: Arc::default() }
    }

    pub(crate) fn own(&self) -> &Trust {
        &self.own
    }

    pub(crate) fn system(&self) -> &Trust {
        self.system.get_or_init(|| {
            let mut trust = Trust::default();
            let found = rustls_native_certs::load_native_certs();
            found.certs.into_iter().for_each(|root| trust.add(root));
            trust
        })
    }
}
