//! A product of a test: its directory with plausible settings, its store, its ports, and the stand-in that serves.
//!
//! Everything is below one temporary directory: `product` (what Baton takes for the product's directory), `store`
//! (Baton's directory store) and `run` (pid file, log and report of the stand-in). A new fixture has TLS off and is
//! not started. Ports are reserved for the life of the fixture and written where the product would have them
//! (`listener.json`, `general.json`), or else given to the stand-in on its command line.
//!
//! Settings are changed as a person would change them, in the files; a running stand-in does not notice.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::authority::IssuedCertificate;
use crate::port::ReservedPort;
use crate::product_server::{Faults, Product};
use crate::program::program;

#[cfg(unix)]
mod process;
#[cfg(windows)]
mod service;
pub mod settings_text;

#[cfg(windows)]
pub use service::ProductService;

/// Where a product names its certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingsShape {
    /// In `config/servers/tls.json`: all four products.
    TlsJson,
    /// In `config/server/web/general.json` and `config/server/config/general.json`: the older shape of Xtract
    /// Universal and Board Connector.
    GeneralJson,
}

/// A product in a temporary directory, served by the stand-in: on Unix a process, ended by its id when dropped, on
/// Windows a service, deleted when dropped.
#[derive(Debug)]
pub struct ProductFixture {
    product: Product,
    shape: SettingsShape,
    ports: BTreeMap<String, ReservedPort>,
    /// Of Local Machine; else the directory store.
    #[cfg(windows)]
    windows_store: Option<String>,
    root: TempDir,
}

impl ProductFixture {
    /// A product with TLS off, in the shape that is published for it today: no `tls.json` yet.
    pub fn new(product: Product) -> Self {
        Self::with_shape(product, SettingsShape::TlsJson)
    }

    /// A product with TLS off, in a shape of one's choice.
    ///
    /// Panics when yunIO or Xtract Core is asked for in the shape of the others.
    #[track_caller]
    pub fn with_shape(product: Product, shape: SettingsShape) -> Self {
        let has_general_json = matches!(product, Product::XtractUniversal | Product::BoardConnector);
        assert!(
            shape == SettingsShape::TlsJson || has_general_json,
            "{} keeps no certificate in a general.json",
            product.key()
        );
        let ports = product.port_names().into_iter().map(|name| (name, ReservedPort::new())).collect();
        let root = tempfile::tempdir().expect("a temporary directory");
        let fixture = Self {
            product,
            shape,
            ports,
            #[cfg(windows)]
            windows_store: None,
            root,
        };
        for directory in [fixture.directory(), fixture.store(), fixture.root.path().join("run")] {
            fs_err::create_dir_all(directory).expect("a directory of the product");
        }
        fixture.write_other_settings();
        if shape == SettingsShape::GeneralJson {
            fixture.write_general_json(None, None);
        }
        fixture
    }

    /// The product takes its certificate from a store of Local Machine, which is nobody's but the test's to fill.
    #[cfg(windows)]
    #[must_use]
    pub fn in_windows_store(mut self, name: &str) -> Self {
        self.windows_store = Some(name.to_owned());
        self
    }

    /// Which product it is.
    pub fn product(&self) -> Product {
        self.product
    }

    /// The product's directory, which holds `config`.
    pub fn directory(&self) -> PathBuf {
        self.root.path().join("product")
    }

    /// The directory store that the stand-in takes its certificate from.
    pub fn store(&self) -> PathBuf {
        self.root.path().join("store")
    }

    /// `config/servers/tls.json`, whether or not it exists.
    pub fn tls_json(&self) -> PathBuf {
        self.directory().join("config/servers/tls.json")
    }

    /// The files that name the certificate, or will when TLS is on: one, or two in the older shape.
    pub fn reference_files(&self) -> Vec<PathBuf> {
        match self.shape {
            SettingsShape::TlsJson => vec![self.tls_json()],
            SettingsShape::GeneralJson => {
                [WEB_GENERAL_JSON, CONFIGURATION_GENERAL_JSON].map(|path| self.directory().join(path)).into()
            }
        }
    }

    /// A file that holds the thumbprint of another certificate, an enrolment agent's, outside of `config/server*`:
    /// a handover must not change it.
    pub fn bystander_file(&self) -> PathBuf {
        self.directory().join("config/sources/sap/sso.json")
    }

    /// Puts the certificate into the store and changes no settings.
    pub fn install(&self, certificate: &IssuedCertificate) -> PathBuf {
        certificate.write_to_store(&self.store())
    }

    /// Puts the certificate into the store, names it in every reference, and switches TLS on.
    pub fn enable_tls(&self, certificate: &IssuedCertificate) {
        self.install(certificate);
        self.refer_to(certificate);
    }

    /// Names the certificate in every reference, and switches TLS on.
    pub fn refer_to(&self, certificate: &IssuedCertificate) {
        match self.shape {
            SettingsShape::TlsJson => self.write(TLS_JSON, &settings_text::tls_json(true, certificate)),
            SettingsShape::GeneralJson => self.write_general_json(Some(certificate), Some(certificate)),
        }
    }

    /// Switches TLS off in the settings and leaves the certificate named, where the shape allows that.
    pub fn disable_tls(&self, certificate: &IssuedCertificate) {
        match self.shape {
            SettingsShape::TlsJson => self.write(TLS_JSON, &settings_text::tls_json(false, certificate)),
            SettingsShape::GeneralJson => self.write_general_json(None, None),
        }
    }

    /// Writes both `general.json` of the older shape, each with its own certificate or none.
    pub fn write_general_json(
        &self,
        web: Option<&IssuedCertificate>,
        configuration: Option<&IssuedCertificate>,
    ) {
        let number = |name: &str| self.ports[name].number();
        let text = settings_text::web_general_json(number("web"), number("web-tls"), web);
        self.write(WEB_GENERAL_JSON, &text);
        let text = settings_text::configuration_general_json(number("configuration"), configuration);
        self.write(CONFIGURATION_GENERAL_JSON, &text);
    }

    /// Makes the stand-in misbehave from its next start on.
    pub fn set_faults(&self, faults: &Faults) {
        let text = serde_json::to_string(faults).expect("faults as JSON");
        self.write(Faults::FILE, &text);
    }

    /// Makes the stand-in behave from its next start on.
    pub fn clear_faults(&self) {
        // There may have been none.
        let _ = fs_err::remove_file(self.directory().join(Faults::FILE));
    }

    /// The port with this name (`services-tls`, `web`, …), whether or not it is open now.
    ///
    /// Panics when the product has no such port.
    #[track_caller]
    pub fn address(&self, name: &str) -> SocketAddr {
        match self.ports.get(name) {
            Some(port) => port.address(),
            None => {
                panic!("{} has no port {name:?}, but {:?}", self.product.key(), self.product.port_names())
            }
        }
    }

    /// What the stand-in is told of the product on its command line.
    fn server_arguments(&self) -> Vec<String> {
        let mut arguments = Vec::new();
        let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        add("--product", self.product.key().to_owned());
        add("--directory", text(&self.directory()));
        add("--store", self.store_argument());
        for (name, port) in &self.ports {
            if !self.is_in_settings(name) {
                add("--port", format!("{name}={}", port.number()));
            }
        }
        arguments
    }

    fn store_argument(&self) -> String {
        #[cfg(windows)]
        if let Some(name) = &self.windows_store {
            return format!("windows:{name}");
        }
        text(&self.store())
    }

    /// Whether a settings file says the number of this port, so that the command line must not.
    fn is_in_settings(&self, name: &str) -> bool {
        match self.shape {
            SettingsShape::TlsJson => self.product == Product::XtractCore,
            SettingsShape::GeneralJson => name != "api",
        }
    }

    /// What a product's directory holds besides references: other settings, other certificates, other JSON.
    fn write_other_settings(&self) {
        self.write("config/sources/sap/sso.json", settings_text::ENROLMENT_AGENT);
        match self.product {
            Product::Yunio => self.write("config/services/customers.json", settings_text::SERVICE),
            Product::XtractUniversal | Product::BoardConnector => {
                self.write("config/extractions/customers/general.json", settings_text::EXTRACTION);
            }
            Product::XtractCore => {
                self.write("theobald.service.definition.json", settings_text::SERVICE_DEFINITION);
                let (plain, tls) = (self.ports["listener"].number(), self.ports["listener-tls"].number());
                self.write("listener.json", &settings_text::listener_json(plain, tls, "Localhost"));
            }
        }
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.directory().join(path);
        let directory = path.parent().expect("a file of the product is in its directory");
        fs_err::create_dir_all(directory).expect("a directory of the product");
        fs_err::write(&path, content).expect("a file of the product");
    }
}

const TLS_JSON: &str = "config/servers/tls.json";
const WEB_GENERAL_JSON: &str = "config/server/web/general.json";
const CONFIGURATION_GENERAL_JSON: &str = "config/server/config/general.json";

fn stand_in() -> String {
    text(&program("product-server"))
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}
