//! One module for each command.

pub(crate) mod accept;
pub(crate) mod account;
pub(crate) mod by_hand;
pub(crate) mod ca;
pub(crate) mod check;
pub(crate) mod find;
pub(crate) mod generate;
pub(crate) mod guide;
pub(crate) mod history;
pub(crate) mod hook;
pub(crate) mod prove;
pub(crate) mod recover;
pub(crate) mod renew;
pub(crate) mod request;
pub(crate) mod resume;
pub(crate) mod retire;
pub(crate) mod revoke;
pub(crate) mod rollback;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod swap;
pub(crate) mod target;
pub(crate) mod tls;
pub(crate) mod up;
pub(crate) mod watchdog;
