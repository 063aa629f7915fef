//! A stand-in for the four Windows server products: yunIO, Xtract Universal (XU), Board Connector (BC) and Xtract
//! Core (XC).
//!
//! It does what the products are known to do around a certificate, and nothing else: it reads its settings once,
//! takes the certificate that they name from a store, and listens. The store is Baton's directory layout
//! (`STORE/<thumbprint>/certificate.pem` with the leaf first, `STORE/<thumbprint>/key.pem`), or on Windows one of Local
//! Machine (`--store windows:My`), from which the products take theirs. The program `product-server` runs it, and on Unix starts, stops and restarts it
//! like a service manager in miniature; on Windows it is a real service, where a test makes it one.
//!
//! # What it does, and how that is known
//! *Stated* is what the product facts say, in the section named; *inferred* is a choice where they are silent.
//!
//! | behaviour | product facts |
//! |---|---|
//! | Settings, faults and store are read at start and never again. | *Where things are*: "settings take effect: only after the Windows service is restarted"; stated |
//! | No settings file is open or locked while it runs. | *Checks that a product offers*: "hold no lock on the file itself" is asked of others; inferred of the product |
//! | The default ports: yunIO 8075/8175, 8077/8177, 8076/8176; XU 8065/8165 and 8064; BC 8097/8197, 8096 and 8098; XC 1337/1338. | *Where things are*, row of the ports; stated |
//! | With TLS on, the TLS port answers instead of the plain one, never both. | *Where things are*: "the TLS port answers instead of the plain one"; stated |
//! | The configuration server of XU and BC speaks TLS on the one port it has. | *Where things are* names one port; inferred |
//! | The API of BC never speaks TLS. | *Where things are*: "API 8098, never TLS"; stated |
//! | A new connection gets a worker of its own, which serves it to its end. | *Where things are*: "a worker process per TCP connection"; stated. Here the worker is a thread, so that it ends with the server: the difference |
//! | No session is resumed: each connection is a full handshake. | workers are processes and share nothing; inferred |
//! | `config/servers/tls.json` with `tlsEnabled` true turns TLS on with `certificate.thumbprint`; other fields are not looked at. | *tls.json*; stated |
//! | Without `tls.json` TLS is off. | *tls.json*: "deleting the file … resets all TLS settings … TLS is then off"; stated |
//! | `tlsEnabled` absent counts as false; true without a thumbprint is an error at start. | inferred |
//! | In XU and BC, `tls.json` is for web server and configuration server both. | the renewal article deletes it "to access the Designer"; stated for the configuration server, inferred for the web server |
//! | In XU and BC, a `config/server/web/general.json` or `config/server/config/general.json` that holds a certificate object (any field with an object with a thumbprint) decides for its server instead of `tls.json`. | *Xtract Universal and Board Connector: two references*: "a certificate object of four strings in each"; stated, the precedence inferred |
//! | A web server whose `general.json` has a certificate object and the protocol `HTTP - Unrestricted` does not speak TLS. | *… two references*: "selecting it switches TLS off"; stated, the field name `protocol` inferred |
//! | The restricted protocols answer 401: `Negotiate` for AD users, `Basic` for custom users. | *… two references* and *Checks that a product offers*: "a 401 after a good handshake is a healthy answer"; stated |
//! | yunIO: with `config/servers/permission.json` server access is *Authenticated*: requests without credentials are answered 401 (`Basic`), and without TLS it does not start. Without the file everyone is let in. | *tls.json*: "TLS can be switched off only while anonymous access is allowed … `permission.json` holds it"; stated, that the file's presence decides, and that it does not start, inferred |
//! | `httpPort` and `httpsPort` of the web server's `general.json`, `port` of the configuration server's. | *… two references*; stated, the name `port` inferred |
//! | XC reads the first of `servers` in `theobald.service.definition.json` (an error at start without), and `insecurePort`, `securePort` and `mode` from the JSON file named after that executable; without it 1337, 1338, `Localhost`. | *Other files*; stated, "the first" and the defaults without a file inferred |
//! | XC listens on 127.0.0.1 in mode `Localhost`, on every IPv4 address in mode `Any`. | *Where things are* names the modes; inferred |
//! | A thumbprint is compared without blanks and without regard to case; with an invisible U+200E it names no certificate. | *tls.json*: "may carry blanks or an invisible U+200E"; stated that it happens, inferred what it does |
//! | Settings may begin with a byte order mark, in UTF-8 or UTF-16; bytes that are no UTF-8 are replaced. | how .NET reads text; inferred |
//! | Certificate or key absent, unreadable, not a pair, or not of that thumbprint: an error at start, exit code 1. | *What today's script gets wrong*, 3: "the next restart has no TLS"; that it does not start at all inferred |
//! | XU: `GET /version` is `{"version": "6.8.1.2"}`, `GET /config/extractions` a list of runs with `latestRun.state`; XC: `GET /v1/connections/` is a list. Everything else is a small page. | *Checks that a product offers*; stated, the other fields inferred |
//! | What does not begin like an HTTP request is answered with 400 at once. | inferred |
//!
//! Not modelled: what is in yunIO's `permission.json` (it is not published), Kerberos and passwords behind the 401,
//! key permissions other than those of the file system.
//!
//! # Faults
//! A file `DIR/faults.json`, read at start, makes it misbehave for a test; see [`Faults`]. It is a file, so that
//! the restart command in Baton's settings stays the same.

mod arguments;
mod certificate;
mod endpoint;
mod faults;
mod http;
mod listener;
mod pid_file;
mod report;
mod server;
#[cfg(unix)]
mod service;
mod settings;
#[cfg(windows)]
mod windows_service;
#[cfg(windows)]
mod windows_store;

#[cfg(unix)]
pub(crate) use arguments::complain;
pub use arguments::main;
pub use certificate::{CertificateError, StorePlace};
pub use endpoint::{Product, UnknownPort};
pub use faults::Faults;
pub use pid_file::{PidFileError, running_pid};
pub use report::ReadyReport;
pub use server::ServerError;
#[cfg(unix)]
pub use service::{ServiceError, companion, stop};
pub use settings::SettingsError;
