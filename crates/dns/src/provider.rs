//! Who changes the zone.

mod command;
#[cfg(feature = "dns-update")]
mod hosted;
mod rfc2136;

use crate::config::ProviderConfig;
use crate::error::{ConfigError, DnsError};
use crate::resolver::Resolver;
use crate::solver::Published;

/// Who changes the zone, ready to do so.
#[derive(Debug)]
pub(crate) enum Provider {
    Rfc2136(Box<rfc2136::Primary>),
    Command(command::Commands),
    #[cfg(feature = "dns-update")]
    Hosted(Box<hosted::Hosted>),
}

/// What is done with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Add,
    Remove,
}

impl Provider {
    pub(crate) fn new(config: ProviderConfig) -> Result<Self, ConfigError> {
        match config {
            ProviderConfig::Rfc2136(config) => Ok(Self::Rfc2136(Box::new(rfc2136::Primary::new(config)?))),
            ProviderConfig::Command(config) => command::Commands::new(config).map(Self::Command),
            #[cfg(feature = "dns-update")]
            ProviderConfig::Hosted(config) => Ok(Self::Hosted(Box::new(hosted::Hosted::new(config)?))),
            #[cfg(not(feature = "dns-update"))]
            ProviderConfig::Hosted(config) => Err(ConfigError::Provider {
                provider: config.provider,
                reason: "this build of Baton has no providers".to_owned(),
                hint: "use kind = \"rfc2136\" or \"command\", or build Baton with --features dns-update"
                    .to_owned(),
            }),
        }
    }

    pub(crate) async fn add(&self, resolver: &Resolver, published: &Published) -> Result<(), DnsError> {
        self.change(resolver, Change::Add, published).await
    }

    pub(crate) async fn remove(&self, resolver: &Resolver, published: &Published) -> Result<(), DnsError> {
        self.change(resolver, Change::Remove, published).await
    }

    async fn change(
        &self,
        resolver: &Resolver,
        change: Change,
        published: &Published,
    ) -> Result<(), DnsError> {
        match self {
            Self::Rfc2136(primary) => primary.change(resolver, change, published).await,
            Self::Command(commands) => commands.change(change, published).await,
            #[cfg(feature = "dns-update")]
            Self::Hosted(hosted) => hosted.change(change, published).await,
        }
    }
}
