//! What each client passes to its hook.

use std::ffi::OsString;
use std::path::PathBuf;

use baton_x509::Thumbprint;

use crate::cli::Hook;
use crate::commands::swap::parse_old;
use crate::failure::{Exit, Failure};

/// What is to be handed over.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// What a client has put into files.
    Files(Issued),
    /// What is in the store already.
    Stored {
        /// The certificate before, as far as the caller knows.
        old: Option<Thumbprint>,
        new: Thumbprint,
    },
}

/// Where the client has put what it issued.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Issued {
    /// The leaf, then its chain.
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// What the client passes; `None` when it calls for something else than a new certificate.
pub(super) fn passed(hook: &Hook) -> Result<Option<Passed>, Failure> {
    let issued = match hook {
        // certbot, `certbot/_internal/hooks.py`: the live directory of the certificate, with links in it.
        Hook::Certbot(_) => {
            let hint = "let certbot call it: certbot … --deploy-hook \"baton hook certbot\" \
                        (--pre-hook and --post-hook do not pass it)";
            let lineage = PathBuf::from(variable("certbot", &["RENEWED_LINEAGE"], hint)?);
            Issued { certificate: lineage.join("fullchain.pem"), key: lineage.join("privkey.pem") }
        }
        // lego, `cmd/hook.go` of version 4 and `cmd/internal/hook/metadata.go` of version 5.
        Hook::Lego(_) => {
            let hint = "let lego call it: lego … run --run-hook \"baton hook lego\", lego … renew --renew-hook \
                        \"baton hook lego\", or --deploy-hook of lego 5";
            let certificate = variable("lego", &["LEGO_HOOK_CERT_PATH", "LEGO_CERT_PATH"], hint)?;
            let key = variable("lego", &["LEGO_HOOK_CERT_KEY_PATH", "LEGO_CERT_KEY_PATH"], hint)?;
            Issued { certificate: certificate.into(), key: key.into() }
        }
        // acme.sh, `_installcert`.
        Hook::AcmeSh(_) => {
            let hint = "let acme.sh call it: acme.sh --install-cert -d NAME --reloadcmd \"baton hook acme-sh\" \
                        (--pre-hook does not pass it)";
            let certificate = variable("acme.sh", &["CERT_FULLCHAIN_PATH"], hint)?;
            let key = variable("acme.sh", &["CERT_KEY_PATH"], hint)?;
            Issued { certificate: certificate.into(), key: key.into() }
        }
        // dehydrated, `docs/examples/hook.sh`.
        Hook::Dehydrated { arguments, .. } => return Ok(dehydrated(arguments)?.map(Passed::Files)),
        // Windows, certificate services lifecycle notifications: OldCertHash and NewCertHash.
        Hook::Adcs(adcs) => {
            let new = adcs.new.parse().map_err(|error| Failure::with(Exit::Usage, &error))?;
            return Ok(Some(Passed::Stored { old: parse_old(&adcs.old)?, new }));
        }
    };
    Ok(Some(Passed::Files(issued)))
}

/// `deploy_cert DOMAIN KEYFILE CERTFILE FULLCHAINFILE CHAINFILE TIMESTAMP`. Hooks must end with 0 on every other
/// operation, also on those to come, and what they print may be taken for an answer (`generate_csr`).
fn dehydrated(arguments: &[OsString]) -> Result<Option<Issued>, Failure> {
    match arguments {
        [operation, passed @ ..] if operation == "deploy_cert" => match passed {
            [_domain, key, _leaf, certificate, ..] => {
                Ok(Some(Issued { certificate: certificate.into(), key: key.into() }))
            }
            _ => Err(Failure::new(
                Exit::Usage,
                "hook-argument-missing",
                "dehydrated did not pass KEYFILE and FULLCHAINFILE to deploy_cert",
                "let the script in HOOK pass on all that it is given: exec baton hook dehydrated -- \"$@\"",
            )),
        },
        _ => Ok(None),
    }
}

/// The first of the variables that has a value.
fn variable(client: &str, names: &[&str], hint: &str) -> Result<OsString, Failure> {
    #[expect(clippy::disallowed_methods, reason = "the client passes it so; it is no setting of ours")]
    let value = |name: &&str| std::env::var_os(name).filter(|value| !value.is_empty());
    names.iter().find_map(value).ok_or_else(|| {
        // The name of the version that most people have is the last.
        let wanted = names.last().copied().unwrap_or_default();
        let message = format!("{client} did not pass {wanted}: there is no such environment variable");
        Failure::new(Exit::Usage, "hook-variable-missing", message, hint)
    })
}
