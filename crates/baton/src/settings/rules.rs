//! What well-formed settings must keep to beside their form: told before anything is made.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use baton_issuer::ExternalAccount;
use baton_platform::door::DoorCommands;
use baton_target::{Files, Guard, Kind, Node, Placement, Product, ProductKind, THUMBPRINT, Tls, Understood};
use baton_x509::{PemContents, X509};
use fs_err as fs;
use zeroize::Zeroizing;

use crate::failure::{Exit, Failure};
use crate::settings::activation::activation;
use crate::settings::dns::dns_solver;
use crate::settings::values::TlsMeanwhile;
use crate::settings::{
    Access, Challenge, IssuerKind, IssuerSettings, Loaded, NodeSettings, TargetKind, TargetSettings, alerts,
    store,
};
use crate::wiring::{DESIGNER, INTERNAL};

const ACME_KIND: &str = "an issuer of the kind \"acme\"";
const ADCS_KIND: &str = "an issuer of the kind \"adcs\"";
const COMMAND_KIND: &str = "an issuer of the kind \"command\"";

/// How long each command of a target may run.
pub(crate) const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(60);

/// How long the ports of a target may stay closed when nobody is there who would open them.
const DEFAULT_WINDOW_LIMIT: Duration = Duration::from_secs(120);

/// All that can be wrong.
pub(crate) fn check(loaded: &Loaded) -> Result<(), Failure> {
    check_names(loaded)?;
    check_references(loaded)?;
    check_reach(loaded)?;
    let mut directories = HashSet::new();
    for target in &loaded.settings.target {
        let kind = target_kind(loaded, target)?;
        activation(loaded, target, &kind)?;
        if let Kind::Product(product) = kind
            && !directories.insert(product.directory.clone())
        {
            return Err(wrong(
                loaded,
                format!("the target {:?} has the directory of another one", target.name),
                "one server is one target: name all its endpoints in it",
            )
            .about("directory"));
        }
        guard(loaded, target)?;
        nodes(loaded, target)?;
    }
    for issuer in &loaded.settings.issuer {
        check_issuer(loaded, issuer)?;
        read_roots(loaded, issuer)?;
        if let Some(dns) = &issuer.dns {
            dns_solver(loaded, dns)?;
        }
    }
    alerts::channels(loaded)?;
    store::check(loaded)
}

/// A value that is well formed and does not fit.
pub(super) fn wrong(loaded: &Loaded, message: impl Into<String>, hint: impl Into<String>) -> Failure {
    Failure::with(Exit::Usage, &loaded.wrong(message, hint))
}

/// Nobody outside this machine reaches a Designer to which nobody signs in.
fn check_reach(loaded: &Loaded) -> Result<(), Failure> {
    let designer = &loaded.settings.designer;
    match &designer.listen {
        Some(listen) if designer.access == Access::Anonymous && !listen.get_ref().0.ip().is_loopback() => {
            let message = format!(
                "the Designer would listen on {}, which others can reach, and access is anonymous",
                listen.get_ref().0
            );
            let hint = "set access = \"authenticated\" in [designer] and add a user with `baton user add`, or listen \
                        on 127.0.0.1";
            Err(Failure::with(Exit::Usage, &loaded.wrong_at(&listen.span(), message, hint)))
        }
        _ => Ok(()),
    }
}

/// Names become file names of locks and directories, and are typed on command lines.
fn check_names(loaded: &Loaded) -> Result<(), Failure> {
    let settings = &loaded.settings;
    let lists: [(&str, Vec<&str>); 4] = [
        ("issuer", settings.issuer.iter().map(|issuer| issuer.name.as_str()).collect()),
        ("target", settings.target.iter().map(|target| target.name.as_str()).collect()),
        ("certificate", settings.certificate.iter().map(|certificate| certificate.name.as_str()).collect()),
        ("alert", settings.alert.iter().map(|alert| alert.name.as_str()).collect()),
    ];
    for (kind, names) in lists {
        let mut seen = HashSet::new();
        for name in &names {
            let is_sound = (1..=100).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
                && !name.starts_with(['.', '-']);
            if !is_sound {
                return Err(wrong(
                    loaded,
                    format!("{name:?} cannot be the name of a [[{kind}]]"),
                    "use letters, digits, hyphen, underscore and dot",
                )
                .about("name"));
            }
            if !seen.insert(name) {
                return Err(wrong(
                    loaded,
                    format!("there are two [[{kind}]] named {name:?}"),
                    "give each its own name",
                )
                .about("name"));
            }
            if kind == "target" && *name == DESIGNER {
                return Err(wrong(
                    loaded,
                    format!("{DESIGNER:?} is the name of Baton's own listener"),
                    "choose another name for the [[target]]",
                )
                .about("name"));
            }
        }
    }
    Ok(())
}

/// Every name that one part of the settings uses must be given by another.
fn check_references(loaded: &Loaded) -> Result<(), Failure> {
    let settings = &loaded.settings;
    let issuers: HashSet<&str> = settings.issuer.iter().map(|issuer| issuer.name.as_str()).collect();
    let targets: HashSet<&str> = settings.target.iter().map(|target| target.name.as_str()).collect();
    let has_own_authority = settings.issuer.iter().any(|issuer| issuer.kind == IssuerKind::Internal);
    for certificate in &settings.certificate {
        let name = &certificate.name;
        if certificate.names.is_empty() {
            return Err(wrong(
                loaded,
                format!("the certificate {name:?} has no names"),
                "set names = [\"…\"]",
            )
            .about("names"));
        }
        let is_internal = certificate.issuer == INTERNAL && !has_own_authority;
        if name == DESIGNER && !certificate.targets.iter().any(|target| target == DESIGNER) {
            return Err(wrong(
                loaded,
                format!("the certificate {name:?} is the one of Baton's own listener"),
                "choose another name, or add \"designer\" to its targets",
            )
            .about("targets"));
        }
        if !is_internal && !issuers.contains(certificate.issuer.as_str()) {
            return Err(wrong(
                loaded,
                format!("the certificate {name:?} names an unknown issuer {:?}", certificate.issuer),
                "add an [[issuer]] of that name",
            )
            .about("issuer"));
        }
        for target in &certificate.targets {
            if target != DESIGNER && !targets.contains(target.as_str()) {
                return Err(wrong(
                    loaded,
                    format!("the certificate {name:?} names an unknown target {target:?}"),
                    "add a [[target]] of that name",
                )
                .about("targets"));
            }
        }
    }
    Ok(())
}

/// Whether a certificate asks for the internal CA that needs no `[[issuer]]`.
pub(crate) fn names_internal(loaded: &Loaded) -> bool {
    loaded.settings.certificate.iter().any(|certificate| certificate.issuer == INTERNAL)
}

/// Keys that belong to another kind of issuer are mistakes, and an ACME issuer needs some.
fn check_issuer(loaded: &Loaded, issuer: &IssuerSettings) -> Result<(), Failure> {
    let is_acme = issuer.kind == IssuerKind::Acme;
    let is_http = issuer.challenge == Some(Challenge::Http01);
    let is_tls = issuer.challenge == Some(Challenge::TlsAlpn01);
    let is_dns = issuer.challenge == Some(Challenge::Dns01);
    let is_internal = issuer.kind == IssuerKind::Internal;
    let is_command = issuer.kind == IssuerKind::Command;
    let is_adcs = issuer.kind == IssuerKind::Adcs;
    let keys = [
        ("command", issuer.command.is_some(), is_command, COMMAND_KIND),
        ("time-limit", issuer.time_limit.is_some(), is_command, COMMAND_KIND),
        ("authority", issuer.authority.is_some(), is_adcs, ADCS_KIND),
        ("poll", issuer.poll.is_some(), is_adcs, ADCS_KIND),
        (
            "template",
            issuer.template.is_some(),
            is_adcs || is_command,
            "an issuer of the kind \"adcs\" or \"command\"",
        ),
        ("lifetime", issuer.lifetime.is_some(), is_internal, "an issuer of the kind \"internal\""),
        ("permitted", !issuer.permitted.is_empty(), is_internal, "an issuer of the kind \"internal\""),
        ("root", issuer.root.is_some(), !is_internal, "an issuer whose root is not Baton's own"),
        ("directory", issuer.directory.is_some(), is_acme, ACME_KIND),
        ("contact", issuer.contact.is_some(), is_acme, ACME_KIND),
        ("challenge", issuer.challenge.is_some(), is_acme, ACME_KIND),
        ("external-account", issuer.external_account.is_some(), is_acme, ACME_KIND),
        ("profile", issuer.profile.is_some(), is_acme, ACME_KIND),
        ("dns", issuer.dns.is_some(), is_acme && is_dns, "challenge = \"dns-01\""),
        ("http-port", issuer.http_port.is_some(), is_acme && is_http, "challenge = \"http-01\""),
        ("webroot", issuer.webroot.is_some(), is_acme && is_http, "challenge = \"http-01\""),
        ("tls-port", issuer.tls_port.is_some(), is_acme && is_tls, "challenge = \"tls-alpn-01\""),
        (
            "challenge-addresses",
            issuer.challenge_addresses.is_some(),
            is_acme && (is_http || is_tls) && issuer.webroot.is_none(),
            "challenges that are answered on a port of this machine",
        ),
    ];
    let refuse = |key: &'static str, message: String, hint: &str| {
        Err(wrong(loaded, format!("the issuer {:?} {message}", issuer.name), hint).about(key))
    };
    if let Some((key, _, _, place)) = keys.into_iter().find(|(_, is_set, fits, _)| *is_set && !fits) {
        return refuse(key, format!("has the key `{key}`, which belongs to {place}"), "take it away");
    }
    if issuer.http_port.is_some() && issuer.webroot.is_some() {
        return refuse(
            "http-port",
            "has a port and a webroot for http-01".to_owned(),
            "take one of the two away",
        );
    }
    if is_acme && issuer.directory.is_none() {
        return refuse(
            "directory",
            "does not say where its CA is".to_owned(),
            "set directory = \"https://…\", or \"letsencrypt\"",
        );
    }
    if is_acme && issuer.challenge.is_none() {
        return refuse(
            "challenge",
            "does not say how the names are validated".to_owned(),
            "set challenge = \"http-01\", \"tls-alpn-01\" or \"dns-01\"",
        );
    }
    if is_command && issuer.command.as_ref().is_none_or(Vec::is_empty) {
        return refuse(
            "command",
            "does not say which command asks its CA".to_owned(),
            "set command = [\"PROGRAM\", \"{request}\", \"{certificate}\"]",
        );
    }
    let program = issuer.command.as_ref().and_then(|command| command.first());
    if program.is_some_and(|program| program.contains('/') && !Path::new(program).is_absolute()) {
        return refuse(
            "command",
            "runs its command in a directory of its own, where a relative path leads nowhere".to_owned(),
            "give the program's full path",
        );
    }
    if is_adcs && !issuer.authority.as_deref().is_some_and(is_authority) {
        return refuse(
            "authority",
            "does not say which CA it is".to_owned(),
            "set authority = 'HOST\\CA name', as `certutil -dump` prints it",
        );
    }
    if is_dns && issuer.dns.is_none() {
        return refuse(
            "challenge",
            "does not say who changes the DNS".to_owned(),
            "add [issuer.dns] behind it, with kind = \"rfc2136\", \"command\" or \"provider\"",
        );
    }
    if issuer.challenge_addresses.as_ref().is_some_and(Vec::is_empty) {
        return refuse(
            "challenge-addresses",
            "answers challenges on no address".to_owned(),
            "name one, or take the key away",
        );
    }
    Ok(())
}

/// A host and the name of a CA on it, which become one argument of `certreq`.
fn is_authority(text: &str) -> bool {
    let is_sound = |part: &str| !part.trim().is_empty() && !part.chars().any(char::is_control);
    text.split_once('\\').is_some_and(|(host, name)| {
        is_sound(host)
            && is_sound(name)
            && !host.starts_with(['-', '/'])
            && !host.contains(char::is_whitespace)
    })
}

/// The MAC key of an external account (RFC 8555, 7.3.4), from the file that the settings name.
pub(crate) fn external_account(
    loaded: &Loaded,
    issuer: &IssuerSettings,
) -> Result<Option<ExternalAccount>, Failure> {
    let Some(settings) = &issuer.external_account else { return Ok(None) };
    let unusable = |reason: String| {
        wrong(
            loaded,
            format!("the external account key of the issuer {:?} cannot be read: {reason}", issuer.name),
            "put the MAC key that the CA gave out into the file, in base64url as it came, and nothing else",
        )
    };
    let text = fs::read_to_string(loaded.resolve(&settings.key_file)).map(Zeroizing::new);
    let text = text.map_err(|error| unusable(error.to_string()))?;
    // Some CAs show it with padding, some in the other alphabet.
    let plain = Zeroizing::new(text.trim().trim_end_matches('=').replace('+', "-").replace('/', "_"));
    let key = BASE64_URL_SAFE_NO_PAD.decode(plain.as_bytes()).ok().filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| unusable("it is no base64".to_owned()))?;
    Ok(Some(ExternalAccount { key_id: settings.key_id.clone(), key: Zeroizing::new(key) }))
}

/// The roots that an issuer's certificates lead to, as its settings name them.
pub(crate) fn read_roots(loaded: &Loaded, settings: &IssuerSettings) -> Result<Vec<X509>, Failure> {
    let Some(root) = &settings.root else { return Ok(Vec::new()) };
    let unusable = |reason: String| {
        wrong(
            loaded,
            format!("the root of the issuer {:?} cannot be read: {reason}", settings.name),
            "name a PEM file with the CA's root certificate",
        )
        .about("root")
    };
    let text = fs::read(loaded.resolve(root)).map_err(|error| unusable(error.to_string()))?;
    let contents = PemContents::read(&text).map_err(|error| unusable(error.to_string()))?;
    Ok(contents.certificates)
}

/// How the ports of a target are closed to the outside, and when.
pub(crate) fn guard(
    loaded: &Loaded,
    settings: &TargetSettings,
) -> Result<(Guard, Option<DoorCommands>), Failure> {
    let own = settings.guard.as_ref();
    let commands = match own.map(|own| (own.close.clone(), own.open.clone())) {
        None | Some((None, None)) => None,
        Some((Some(close), Some(open))) if !close.is_empty() && !open.is_empty() => {
            Some(DoorCommands { close, open, time_limit: time_limit(settings) })
        }
        Some(_) => {
            return Err(wrong(
                loaded,
                format!("the guard of the target {:?} lacks one of its commands", settings.name),
                "set both close = [\"…\"] and open = [\"…\"], or none",
            ));
        }
    };
    let guard = Guard {
        always: own.is_some_and(|own| own.always.unwrap_or(true)),
        tls: match own.and_then(|own| own.tls) {
            Some(TlsMeanwhile::On) => Tls::On,
            Some(TlsMeanwhile::Off) | None => Tls::Off,
        },
        ports: own.map(|own| own.ports.iter().map(|port| port.get()).collect()).unwrap_or_default(),
        limit: own.and_then(|own| own.limit).map_or(DEFAULT_WINDOW_LIMIT, |limit| limit.unsigned()),
    };
    Ok((guard, commands))
}

/// The other machines that read the settings files of a product.
pub(crate) fn nodes(loaded: &Loaded, settings: &TargetSettings) -> Result<Vec<Node>, Failure> {
    if settings.product.is_none() && !settings.nodes.is_empty() {
        return Err(wrong(
            loaded,
            format!("the target {:?} has nodes, and is no product", settings.name),
            "PEM files hold the key themselves: name the other machines in `endpoints`, and reload them in `activate`",
        ));
    }
    let node = |node: &NodeSettings| {
        if !node.check.iter().any(|argument| argument.contains(THUMBPRINT)) || node.activate.is_empty() {
            return Err(wrong(
                loaded,
                format!(
                    "the node {:?} of the target {:?} lacks one of its commands",
                    node.name, settings.name
                ),
                "check = [\"ssh\", \"NODE\", \"baton\", \"store\", \"show\", \"{thumbprint}\", \"--json\"], and activate = [\"…\"]",
            ));
        }
        Ok(Node {
            name: node.name.clone(),
            check: node.check.clone(),
            activate: node.activate.clone(),
            time_limit: time_limit(settings),
        })
    };
    settings.nodes.iter().map(node).collect()
}

pub(crate) fn time_limit(settings: &TargetSettings) -> Duration {
    settings.time_limit.map_or(DEFAULT_TIME_LIMIT, |span| span.unsigned())
}

/// What kind of server the settings describe; tells what does not fit before anything is made.
pub(crate) fn target_kind(loaded: &Loaded, settings: &TargetSettings) -> Result<Kind, Failure> {
    let time_limit = time_limit(settings);
    let refuse = |message: String, hint: &str| {
        wrong(loaded, format!("the target {:?} {message}", settings.name), hint)
    };
    let refuse_product = |message: &str, hint: &str| Err(refuse(message.to_owned(), hint).about("product"));
    Ok(match (settings.product, settings.kind) {
        (Some(_), Some(TargetKind::Files)) => {
            return refuse_product("is a product and of the kind \"files\"", "take one of the two away");
        }
        (Some(product), _) => {
            let product = ProductKind::from(product);
            let directory = match (&settings.directory, product.default_directory()) {
                (Some(directory), _) => loaded.resolve(directory),
                (None, Some(directory)) => PathBuf::from(directory),
                (None, None) => return refuse_product("has no directory", "set directory = \"…\""),
            };
            Kind::Product(Product { kind: product, directory, server: None })
        }
        (None, Some(TargetKind::Product)) => {
            return refuse_product("does not say which product it is", "set product = \"yunio\" or another");
        }
        (None, _) => match (&settings.certificate, &settings.key) {
            (Some(certificate), Some(key)) if certificate != key => Kind::Files(Files {
                certificate: loaded.resolve(certificate),
                key: loaded.resolve(key),
                check: settings.check.clone().filter(|argv| !argv.is_empty()),
                time_limit,
                placement: Placement::of_this_system(),
                understood: Understood::default(),
            }),
            (Some(_), Some(_)) => {
                return Err(refuse(
                    "has certificate and key in one file".to_owned(),
                    "give each a file of its own",
                ));
            }
            _ => return Err(refuse("lacks its files".to_owned(), "set certificate = \"…\" and key = \"…\"")),
        },
    })
}
