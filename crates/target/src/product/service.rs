//! The Windows service and the ports of each product, as a guide names them.

use std::path::Path;

use crate::activation::Activation;
use crate::inspection::TargetError;
use crate::product::{Product, ProductKind};
use crate::settings_file::SettingsFile;

/// The Windows service of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name, as `sc.exe` takes it.
    pub name: String,
    /// Its name in the list of services.
    pub display_name: String,
    /// Whether the product's own files say so; otherwise it is the usual name, and may be another one here.
    pub is_told: bool,
}

impl Service {
    /// The virtual account that a fresh setup runs the service as, since 6 August 2024. Older installations stay with
    /// Local System, and a domain account is used where Kerberos is.
    pub fn account(&self) -> String {
        format!(r"NT Service\{}", self.name)
    }
}

/// A listener of a product: it answers on one of two ports, and never on both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// What it is for.
    pub name: &'static str,
    /// The port while TLS is off.
    pub plain: u16,
    /// The port while TLS is on.
    pub tls: u16,
}

impl ProductKind {
    /// The service that its setup makes.
    ///
    /// The names of yunIO, Xtract Universal and Board Connector are inferred: their maker tells the account
    /// `NT Service\NAME`, and NAME is that of the service. Of Xtract Core it is the documented default.
    pub fn usual_service(self) -> Service {
        let (name, display_name) = match self {
            Self::Yunio => ("yunIO Service", "yunIO"),
            Self::XtractUniversal => ("XtractUniversal Service", "Xtract Universal"),
            Self::BoardConnector => ("BOARD Connector Service", "BOARD Connector"),
            Self::XtractCore => ("SAP Connector Service", "SAPConnector"),
        };
        Service { name: name.to_owned(), display_name: display_name.to_owned(), is_told: false }
    }

    /// Its listeners with their usual ports.
    pub fn listeners(self) -> Vec<Listener> {
        let names: &[&'static str] = match self {
            Self::Yunio => &["services", "Designer", "WebSockets"],
            Self::XtractUniversal | Self::BoardConnector => &["web server"],
            Self::XtractCore => &["listener"],
        };
        let ports = self.plain_ports().iter().zip(self.tls_ports());
        names.iter().zip(ports).map(|(&name, (&plain, &tls))| Listener { name, plain, tls }).collect()
    }
}

impl Product {
    /// The name of the service that it really is: the one that is restarted, else the one that its own files tell.
    pub fn service_name(&self, activation: Option<&Activation>) -> Result<String, TargetError> {
        match activation {
            Some(Activation::Service(service)) => Ok(service.name.clone()),
            _ => Ok(self.service()?.name),
        }
    }

    /// Its service: of Xtract Core as `theobald.service.definition.json` tells it, else the usual one.
    pub fn service(&self) -> Result<Service, TargetError> {
        let usual = self.kind.usual_service();
        if self.kind != ProductKind::XtractCore {
            return Ok(usual);
        }
        let Some(definition) = self.service_definition()? else { return Ok(usual) };
        let Some(name) = definition.string_at("/serviceName") else { return Ok(usual) };
        let display_name = definition.string_at("/displayName").unwrap_or(name);
        Ok(Service { name: name.to_owned(), display_name: display_name.to_owned(), is_told: true })
    }

    /// Xtract Core's `theobald.service.definition.json`.
    pub(super) fn service_definition(&self) -> Result<Option<SettingsFile>, TargetError> {
        SettingsFile::read(&self.directory.join("theobald.service.definition.json"))
    }

    /// Xtract Core's `listener.json`, named after the executable that the service definition names.
    pub(super) fn listener_port(&self, pointer: &str) -> Result<Option<u16>, TargetError> {
        let definition = self.service_definition()?;
        let executable = definition.as_ref().and_then(|file| file.string_at("/servers/0/path"));
        let name = Path::new(executable.unwrap_or("listener.exe")).with_extension("json");
        let listener = SettingsFile::read(&self.directory.join(name))?;
        Ok(listener.and_then(|file| file.port_at(pointer)))
    }
}
