//! Commands of the administrator that change the zone.

use std::time::Duration;

use baton_platform::command::Command;

use super::Change;
use crate::config::CommandConfig;
use crate::error::{ConfigError, DnsError};
use crate::solver::Published;

/// The two commands.
#[derive(Debug)]
pub(crate) struct Commands {
    publish: Vec<String>,
    remove: Vec<String>,
    time_limit: Duration,
}

impl Commands {
    pub(crate) fn new(config: CommandConfig) -> Result<Self, ConfigError> {
        for (purpose, argv) in [("publish", &config.publish), ("remove", &config.remove)] {
            if argv.is_empty() {
                return Err(ConfigError::NoCommand { purpose });
            }
        }
        Ok(Self { publish: config.publish, remove: config.remove, time_limit: config.time_limit })
    }

    pub(crate) async fn change(&self, change: Change, published: &Published) -> Result<(), DnsError> {
        let argv = match change {
            Change::Add => &self.publish,
            Change::Remove => &self.remove,
        };
        let argv = argv.iter().map(|argument| fill(argument, published)).collect();
        let mut command = Command::new(argv, self.time_limit);
        command.environment = vec![
            ("BATON_DOMAIN", published.domain.clone()),
            ("BATON_RECORD", published.record.clone()),
            ("BATON_VALUE", published.value.clone()),
        ];
        let failed = |cause| DnsError::Command { record: published.record.clone(), cause };
        command.run().await.map(drop).map_err(failed)
    }
}

/// One argument with its placeholders filled. What is put in has no braces, so the order does not matter.
fn fill(argument: &str, published: &Published) -> String {
    argument
        .replace("{domain}", &published.domain)
        .replace("{record}", &published.record)
        .replace("{value}", &published.value)
}
