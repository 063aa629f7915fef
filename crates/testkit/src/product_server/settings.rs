//! The settings directory of a product, as it is read once at start.
//!
//! Strict about what is used and blind to the rest: a field of the wrong type that decides something is an error,
//! a field that is unknown here is not looked at. The module's policy for each product is in the table of
//! [`product_server`](super).

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde_json::Value;
use thiserror::Error;

use super::certificate::Thumbprint;
use super::endpoint::{CONFIGURATION, Endpoint, Product, TlsPort, WEB};

/// The settings cannot be used.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// A file is there, or must be, and cannot be read.
    #[error("cannot read the settings")]
    Read {
        /// The I/O error, which names the path.
        source: std::io::Error,
    },
    /// A file is no JSON, or not of the expected shape.
    #[error("cannot parse {}", path.display())]
    Json {
        /// The settings file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A field has a value that cannot be used.
    #[error("{}: {problem}", path.display())]
    Field {
        /// The settings file.
        path: PathBuf,
        /// The field and what is wrong with it.
        problem: String,
    },
}

/// What the settings say of all endpoints.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) reach: Reach,
    pub(super) servers: Vec<ServerSettings>,
}

/// Which of the machine's addresses are listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// What the command line says, 127.0.0.1 without.
    CommandLine,
    /// 127.0.0.1, whatever the command line says.
    Localhost,
    /// What the command line says, every address without.
    Any,
}

/// What the settings say of one endpoint.
#[derive(Debug)]
pub(super) struct ServerSettings {
    pub(super) endpoint: Endpoint,
    /// The certificate to speak TLS with; plain HTTP without.
    pub(super) certificate: Option<Thumbprint>,
    pub(super) access: Access,
}

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody.
    Unrestricted,
    /// Users of the domain, by SPNEGO.
    AdUsers,
    /// Users of the product, by HTTP Basic.
    CustomUsers,
}

/// Reads the settings of `product` below `directory`.
pub(super) fn read(product: Product, directory: &Path) -> Result<Settings, SettingsError> {
    let shared = tls_json(directory)?;
    let servers = product.endpoints().iter().map(|&endpoint| ServerSettings {
        endpoint,
        certificate: shared.clone(),
        access: Access::Unrestricted,
    });
    let mut settings = Settings { reach: Reach::CommandLine, servers: servers.collect() };
    match product {
        Product::Yunio => permission_json(directory, &mut settings)?,
        Product::XtractUniversal | Product::BoardConnector => {
            for server in &mut settings.servers {
                general_json(directory, server)?;
            }
        }
        Product::XtractCore => listener_json(directory, &mut settings)?,
    }
    Ok(settings)
}

/// `config/servers/tls.json`: the certificate when TLS is on.
fn tls_json(directory: &Path) -> Result<Option<Thumbprint>, SettingsError> {
    let Some(file) = SettingsFile::read(directory.join("config/servers/tls.json"))? else { return Ok(None) };
    match file.value.get("tlsEnabled") {
        None | Some(Value::Bool(false)) => Ok(None),
        Some(Value::Bool(true)) => {
            let certificate = file.value.get("certificate").unwrap_or(&Value::Null);
            let thumbprint = file.thumbprint_of(certificate)?;
            thumbprint
                .map(Some)
                .ok_or_else(|| file.problem("TLS is on, and certificate.thumbprint is missing"))
        }
        Some(other) => Err(file.problem(&format!("tlsEnabled is neither true nor false: {other}"))),
    }
}

/// `config/servers/permission.json`: with it server access is *Authenticated*, which needs TLS. What is in it is not
/// looked at.
fn permission_json(directory: &Path, settings: &mut Settings) -> Result<(), SettingsError> {
    let path = directory.join("config/servers/permission.json");
    if !path.exists() {
        return Ok(());
    }
    for server in &mut settings.servers {
        if server.certificate.is_none() {
            let problem = "server access is Authenticated, and TLS is off".to_owned();
            return Err(SettingsError::Field { path, problem });
        }
        server.access = Access::CustomUsers;
    }
    Ok(())
}

/// The older shape of Xtract Universal and Board Connector: a `general.json` for each of two servers.
fn general_json(directory: &Path, server: &mut ServerSettings) -> Result<(), SettingsError> {
    let path = match server.endpoint.name {
        WEB => "config/server/web/general.json",
        CONFIGURATION => "config/server/config/general.json",
        _ => return Ok(()),
    };
    let Some(file) = SettingsFile::read(directory.join(path))? else { return Ok(()) };

    let protocol = file.value.get("protocol").and_then(Value::as_str).unwrap_or_default();
    if let Some(thumbprint) = file.certificate_object()? {
        let switched_off = server.endpoint.name == WEB && protocol == "HTTP - Unrestricted";
        server.certificate = (!switched_off).then_some(thumbprint);
    }
    if server.endpoint.name == WEB {
        server.access = access(protocol);
        file.port("httpPort", &mut server.endpoint.plain)?;
        if let TlsPort::Own(number) = &mut server.endpoint.tls {
            file.port("httpsPort", number)?;
        }
    } else {
        file.port("port", &mut server.endpoint.plain)?;
    }
    Ok(())
}

fn access(protocol: &str) -> Access {
    if protocol.contains("Restricted to AD users") {
        Access::AdUsers
    } else if protocol.contains("Restricted to custom users") {
        Access::CustomUsers
    } else {
        Access::Unrestricted
    }
}

/// Xtract Core: the service definition names the executable, the file named after it has ports and mode.
fn listener_json(directory: &Path, settings: &mut Settings) -> Result<(), SettingsError> {
    let path = directory.join("theobald.service.definition.json");
    let definition = SettingsFile::read(path.clone())?.ok_or_else(|| SettingsError::Read {
        source: std::io::Error::new(ErrorKind::NotFound, format!("{} does not exist", path.display())),
    })?;
    let executable = definition.value.pointer("/servers/0/path").and_then(Value::as_str);
    let executable = executable.ok_or_else(|| definition.problem("servers[0].path is missing"))?;

    settings.reach = Reach::Localhost;
    let Some(file) = SettingsFile::read(directory.join(executable).with_extension("json"))? else {
        return Ok(());
    };
    settings.reach = match file.value.get("mode").and_then(Value::as_str) {
        None | Some("Localhost") => Reach::Localhost,
        Some("Any") => Reach::Any,
        Some(other) => return Err(file.problem(&format!("mode is neither Localhost nor Any: {other}"))),
    };
    for server in &mut settings.servers {
        file.port("insecurePort", &mut server.endpoint.plain)?;
        if let TlsPort::Own(number) = &mut server.endpoint.tls {
            file.port("securePort", number)?;
        }
    }
    Ok(())
}

/// One settings file: read, closed, and parsed.
struct SettingsFile {
    path: PathBuf,
    value: Value,
}

impl SettingsFile {
    fn read(path: PathBuf) -> Result<Option<Self>, SettingsError> {
        let bytes = match fs_err::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(SettingsError::Read { source }),
        };
        match serde_json::from_str(&decode(&bytes)) {
            Ok(value) => Ok(Some(Self { path, value })),
            Err(source) => Err(SettingsError::Json { path, source }),
        }
    }

    /// The thumbprint in any field that holds a certificate object.
    fn certificate_object(&self) -> Result<Option<Thumbprint>, SettingsError> {
        let fields = self.value.as_object().into_iter().flat_map(|fields| fields.values());
        for value in fields {
            if let Some(thumbprint) = self.thumbprint_of(value)? {
                return Ok(Some(thumbprint));
            }
        }
        Ok(None)
    }

    /// The thumbprint of a certificate object; none when it is absent or empty.
    fn thumbprint_of(&self, certificate: &Value) -> Result<Option<Thumbprint>, SettingsError> {
        match certificate.get("thumbprint") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => match Thumbprint::parse(text) {
                Some(thumbprint) => Ok(Some(thumbprint)),
                None => Err(self.problem(&format!("{text:?} is the thumbprint of no certificate"))),
            },
            Some(other) => Err(self.problem(&format!("thumbprint is no string: {other}"))),
        }
    }

    /// Sets `number` to the port in `field`, if it is there.
    fn port(&self, field: &str, number: &mut u16) -> Result<(), SettingsError> {
        let Some(value) = self.value.get(field) else { return Ok(()) };
        let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
        *number = port.ok_or_else(|| self.problem(&format!("{field} is no port: {value}")))?;
        Ok(())
    }

    fn problem(&self, problem: &str) -> SettingsError {
        SettingsError::Field { path: self.path.clone(), problem: problem.to_owned() }
    }
}

/// Text as .NET reads it: by the byte order mark, UTF-8 without, what cannot be decoded replaced.
fn decode(bytes: &[u8]) -> String {
    let utf16 = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}
