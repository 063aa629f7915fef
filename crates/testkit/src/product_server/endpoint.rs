//! The four products and the endpoints each of them has.

use std::collections::BTreeMap;

use clap::ValueEnum;
use thiserror::Error;

/// One of the four server products.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Product {
    /// yunIO: services, Designer and WebSockets, each on a port of its own.
    Yunio,
    /// Xtract Universal: a web server and a configuration server.
    XtractUniversal,
    /// Board Connector: like Xtract Universal, and an API that never speaks TLS.
    BoardConnector,
    /// Xtract Core: one listener, described by its own files.
    XtractCore,
}

impl Product {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Yunio, Self::XtractUniversal, Self::BoardConnector, Self::XtractCore];

    /// The product's key in Baton's settings: `yunio`, `xtract-universal`, `board-connector`, `xtract-core`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Yunio => "yunio",
            Self::XtractUniversal => "xtract-universal",
            Self::BoardConnector => "board-connector",
            Self::XtractCore => "xtract-core",
        }
    }

    /// The names of the product's ports: `services`, `services-tls`, … An endpoint that speaks TLS on its plain
    /// port, or never, has one name.
    pub fn port_names(self) -> Vec<String> {
        let names = self.endpoints().iter().flat_map(|endpoint| match endpoint.tls {
            TlsPort::Own(_) => vec![endpoint.name.to_owned(), endpoint.tls_name()],
            TlsPort::Same | TlsPort::Never => vec![endpoint.name.to_owned()],
        });
        names.collect()
    }

    /// The endpoints with their default ports.
    pub(super) fn endpoints(self) -> &'static [Endpoint] {
        match self {
            Self::Yunio => &[
                Endpoint { name: "services", plain: 8075, tls: TlsPort::Own(8175) },
                Endpoint { name: "designer", plain: 8077, tls: TlsPort::Own(8177) },
                Endpoint { name: "websockets", plain: 8076, tls: TlsPort::Own(8176) },
            ],
            Self::XtractUniversal => &[
                Endpoint { name: WEB, plain: 8065, tls: TlsPort::Own(8165) },
                Endpoint { name: CONFIGURATION, plain: 8064, tls: TlsPort::Same },
            ],
            Self::BoardConnector => &[
                Endpoint { name: WEB, plain: 8097, tls: TlsPort::Own(8197) },
                Endpoint { name: CONFIGURATION, plain: 8096, tls: TlsPort::Same },
                Endpoint { name: "api", plain: 8098, tls: TlsPort::Never },
            ],
            Self::XtractCore => &[Endpoint { name: "listener", plain: 1337, tls: TlsPort::Own(1338) }],
        }
    }
}

/// The web server of Xtract Universal and Board Connector.
pub(super) const WEB: &str = "web";

/// The configuration server of Xtract Universal and Board Connector, which their Designer connects to.
pub(super) const CONFIGURATION: &str = "configuration";

/// One endpoint and its ports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Endpoint {
    pub(super) name: &'static str,
    pub(super) plain: u16,
    pub(super) tls: TlsPort,
}

/// Where an endpoint speaks TLS when TLS is on.
#[derive(Clone, Copy, Debug)]
pub(super) enum TlsPort {
    /// On this port, instead of on the plain one.
    Own(u16),
    /// On the plain port.
    Same,
    /// Nowhere: the plain port stays as it is.
    Never,
}

/// A `--port` names no port of the product.
#[derive(Debug, Error)]
#[error("{product} has no port named {name:?}: its ports are {known}")]
pub struct UnknownPort {
    product: &'static str,
    name: String,
    known: String,
}

impl Endpoint {
    /// The name of the port of its own that the endpoint speaks TLS on.
    pub(super) fn tls_name(&self) -> String {
        format!("{}-tls", self.name)
    }

    /// The same endpoint with the ports that `ports` names.
    pub(super) fn with_ports(mut self, ports: &BTreeMap<String, u16>) -> Self {
        if let Some(&number) = ports.get(self.name) {
            self.plain = number;
        }
        if let (TlsPort::Own(_), Some(&number)) = (self.tls, ports.get(&self.tls_name())) {
            self.tls = TlsPort::Own(number);
        }
        self
    }
}

/// The ports given on the command line, each of which must be one of the product's.
pub(super) fn overrides(
    product: Product,
    ports: &[(String, u16)],
) -> Result<BTreeMap<String, u16>, UnknownPort> {
    let names = product.port_names();
    match ports.iter().find(|(name, _)| !names.contains(name)) {
        Some((name, _)) => {
            Err(UnknownPort { product: product.key(), name: name.clone(), known: names.join(", ") })
        }
        None => Ok(ports.iter().cloned().collect()),
    }
}
