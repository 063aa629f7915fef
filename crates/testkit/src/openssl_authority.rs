//! A CA that keeps its books in files: `openssl ca`, with a root and an intermediate that issues.
//!
//! It is no code of Baton, and no library that Baton stands on; it refuses what real CAs refuse, such as a request
//! whose signature does not hold.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::invocation;

const LIMIT: Duration = Duration::from_secs(60);

/// The configuration; `$directory` is where all is.
const CONFIGURATION: &str = r"
[ca]
default_ca = house
[house]
dir = $directory
database = $dir/index.txt
new_certs_dir = $dir/issued
serial = $dir/serial
certificate = $dir/intermediate.pem
private_key = $dir/intermediate.key
default_md = sha256
default_days = 30
policy = any
unique_subject = no
copy_extensions = copy
x509_extensions = leaf
[any]
commonName = optional
[leaf]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature,keyEncipherment
authorityKeyIdentifier = keyid
[authority]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[req]
distinguished_name = nothing
[nothing]
";

/// A CA directory of `openssl ca`.
#[derive(Debug)]
pub struct OpensslAuthority {
    directory: TempDir,
}

impl OpensslAuthority {
    /// Makes root and intermediate, and empty books.
    #[track_caller]
    pub fn new() -> Self {
        let authority = Self { directory: tempfile::tempdir().expect("a temporary directory") };
        let directory = authority.path("");
        let text = CONFIGURATION.replace("$directory", &directory.display().to_string());
        fs_err::write(authority.path("ca.cnf"), text).expect("the configuration");
        fs_err::create_dir(authority.path("issued")).expect("the directory of what is issued");
        fs_err::write(authority.path("index.txt"), "").expect("the index");
        fs_err::write(authority.path("serial"), "1000\n").expect("the serial");
        let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        let root = ["-x509", "-days", "3650", "-subj", "/CN=House Root", "-extensions", "authority"];
        authority.openssl(
            &[
                &["req", "-config", "ca.cnf"],
                &key[..],
                &root[..],
                &["-keyout", "root.key", "-out", "root.pem"],
            ]
            .concat(),
        );
        let request =
            ["-subj", "/CN=House Intermediate", "-keyout", "intermediate.key", "-out", "intermediate.csr"];
        authority.openssl(&[&["req", "-config", "ca.cnf"], &key[..], &request[..]].concat());
        authority.openssl(&[
            "x509",
            "-req",
            "-in",
            "intermediate.csr",
            "-CA",
            "root.pem",
            "-CAkey",
            "root.key",
            "-CAcreateserial",
            "-days",
            "1825",
            "-extfile",
            "ca.cnf",
            "-extensions",
            "authority",
            "-out",
            "intermediate.pem",
        ]);
        authority
    }

    /// A path in its directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The root's certificate.
    pub fn root_pem(&self) -> String {
        self.read("root.pem")
    }

    /// The certificate of the intermediate that issues.
    pub fn intermediate_pem(&self) -> String {
        self.read("intermediate.pem")
    }

    /// The argument list that makes a certificate, without its chain, of a request.
    pub fn command(&self, request: &str, certificate: &str) -> Vec<String> {
        let configuration = self.path("ca.cnf").display().to_string();
        let arguments = ["openssl", "ca", "-batch", "-notext", "-config", &configuration];
        arguments.iter().chain(&["-in", request, "-out", certificate]).map(|&text| text.to_owned()).collect()
    }

    /// How many certificates its books have.
    pub fn issued(&self) -> usize {
        self.read("index.txt").lines().count()
    }

    fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).expect("a file of the CA")
    }

    #[track_caller]
    fn openssl(&self, arguments: &[&str]) {
        let in_directory = |argument: &&str| -> String {
            let is_file = Path::new(argument).extension().is_some_and(|extension| {
                ["pem", "key", "csr", "cnf"].iter().any(|known| extension == *known)
            });
            if is_file { self.path(argument).display().to_string() } else { (*argument).to_owned() }
        };
        let mut command = vec!["openssl".to_owned()];
        command.extend(arguments.iter().map(in_directory));
        invocation::run(&command, LIMIT).expect("openssl").expect_success();
    }
}

impl Default for OpensslAuthority {
    fn default() -> Self {
        Self::new()
    }
}
