//! From `[[alert]]` and `[heartbeat]` to those who are told; what does not fit is told before anything is made.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_alarm::{
    Channel, Credentials, Encryption, Heartbeat, Mail, Policy, Program, Transport, Webhook, parse_mailbox,
};
use baton_http::Trusted;
use baton_schedule::Attention;
use baton_x509::PemContents;
use fs_err as fs;
use jiff::SignedDuration;
use rustls_pki_types::CertificateDer;

use crate::failure::{Exit, Failure};
use crate::settings::{AlertKind, AlertSettings, Loaded};

const DEFAULT_REMIND: SignedDuration = SignedDuration::from_hours(24);
const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(60);
const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(60);

/// Those who are told when something is wrong.
pub(crate) fn channels(loaded: &Loaded) -> Result<Vec<Channel>, Failure> {
    loaded.settings.alert.iter().map(|settings| channel(loaded, settings)).collect()
}

/// Where signs of life go.
pub(crate) fn heartbeat(loaded: &Loaded) -> Option<Heartbeat> {
    let settings = loaded.settings.heartbeat.as_ref()?;
    let interval = settings.interval.map_or(DEFAULT_HEARTBEAT, |span| span.unsigned());
    Some(Heartbeat::new(settings.url.0.clone(), interval))
}

fn channel(loaded: &Loaded, settings: &AlertSettings) -> Result<Channel, Failure> {
    let of = Of { loaded, settings };
    of.refuse_keys_of_other_kinds()?;
    let transport = match settings.kind {
        AlertKind::Webhook => {
            let url = of.required(settings.url.as_ref(), "url = \"https://…\"")?;
            let roots = of.roots()?;
            let trusted = if roots.is_empty() { Trusted::System } else { Trusted::Only(roots) };
            Transport::Webhook(Webhook::new(url.0.clone(), trusted))
        }
        AlertKind::Mail => Transport::Mail(of.mail()?),
        AlertKind::Command => {
            let argv = of.required(settings.command.as_ref(), "command = [\"PROGRAM\", …]")?.clone();
            if argv.is_empty() {
                return Err(of.wrong("has an empty command", "set command = [\"PROGRAM\", …]"));
            }
            let time_limit = settings.time_limit.map_or(DEFAULT_TIME_LIMIT, |span| span.unsigned());
            Transport::Command(Program { argv, time_limit })
        }
    };
    let remind = settings.remind.map_or(DEFAULT_REMIND, |span| span.signed());
    let policy = Policy { from: Attention::from(settings.attention), remind };
    Ok(Channel { name: settings.name.clone(), policy, transport })
}

/// One `[[alert]]` of the settings.
#[derive(Clone, Copy)]
struct Of<'a> {
    loaded: &'a Loaded,
    settings: &'a AlertSettings,
}

impl<'a> Of<'a> {
    fn wrong(self, what: &str, hint: &str) -> Failure {
        let message = format!("the alert {:?} {what}", self.settings.name);
        Failure::with(Exit::Usage, &self.loaded.wrong(message, hint))
    }

    fn required<T>(self, value: Option<&'a T>, hint: &str) -> Result<&'a T, Failure> {
        let key = hint.split(' ').next().unwrap_or_default();
        value.ok_or_else(|| self.wrong(&format!("has no {key}"), &format!("set {hint}")))
    }

    fn refuse_keys_of_other_kinds(self) -> Result<(), Failure> {
        use AlertKind::{Command, Mail, Webhook};
        let settings = self.settings;
        let keys: [(&str, bool, &[AlertKind]); 10] = [
            ("url", settings.url.is_some(), &[Webhook]),
            ("root", settings.root.is_some(), &[Webhook, Mail]),
            ("server", settings.server.is_some(), &[Mail]),
            ("tls", settings.tls.is_some(), &[Mail]),
            ("user", settings.user.is_some(), &[Mail]),
            ("password-file", settings.password_file.is_some(), &[Mail]),
            ("from", settings.from.is_some(), &[Mail]),
            ("to", settings.to.is_some(), &[Mail]),
            ("command", settings.command.is_some(), &[Command]),
            ("time-limit", settings.time_limit.is_some(), &[Command]),
        ];
        match keys.iter().find(|(_, is_set, kinds)| *is_set && !kinds.contains(&settings.kind)) {
            Some((key, ..)) => {
                Err(self.wrong(&format!("has the key `{key}`, which is of another kind"), "take it away"))
            }
            None => Ok(()),
        }
    }

    fn mail(self) -> Result<Mail, Failure> {
        let settings = self.settings;
        let encryption = Encryption::from(settings.tls.unwrap_or_default());
        let server = self.required(settings.server.as_ref(), "server = \"smtp.example.com\"")?;
        let (host, port) = server_parts(server, encryption)
            .ok_or_else(|| self.wrong("has a server that is none", "write HOST or HOST:PORT"))?;
        let address = |text: &String| {
            parse_mailbox(text)
                .map_err(|error| self.wrong(&format!("has an address that is none: {error}"), "correct it"))
        };
        let from = address(self.required(settings.from.as_ref(), "from = \"baton@example.com\"")?)?;
        let to = self.required(settings.to.as_ref(), "to = [\"ops@example.com\"]")?;
        if to.is_empty() {
            return Err(self.wrong("goes to nobody", "set to = [\"ops@example.com\"]"));
        }
        let credentials = match (&settings.user, &settings.password_file) {
            (Some(user), Some(file)) => Some(self.credentials(user, file, encryption, &host)?),
            (None, None) => None,
            _ => return Err(self.wrong("has one of user and password-file", "set both, or none")),
        };
        let to = to.iter().map(address).collect::<Result<_, _>>()?;
        Ok(Mail { host, port, encryption, credentials, roots: self.roots()?, from, to })
    }

    fn credentials(
        self,
        user: &str,
        file: &Path,
        encryption: Encryption,
        host: &str,
    ) -> Result<Credentials, Failure> {
        let password_file: PathBuf = self.loaded.resolve(file);
        if let Err(error) = fs::File::open(&password_file) {
            return Err(
                self.wrong(&format!("has a password-file that cannot be read: {error}"), "correct it")
            );
        }
        let is_local =
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if encryption == Encryption::Off && !is_local {
            return Err(self.wrong(
                "would send its password in the clear",
                "set tls = \"starttls\" or \"implicit\", or take user and password-file away",
            ));
        }
        Ok(Credentials { user: user.to_owned(), password_file })
    }

    fn roots(self) -> Result<Vec<CertificateDer<'static>>, Failure> {
        let Some(root) = &self.settings.root else { return Ok(Vec::new()) };
        let unusable = |reason: String| {
            self.wrong(
                &format!("has a root that cannot be read: {reason}"),
                "name a PEM file with the CA's root certificate",
            )
        };
        let text = fs::read(self.loaded.resolve(root)).map_err(|error| unusable(error.to_string()))?;
        let contents = PemContents::read(&text).map_err(|error| unusable(error.to_string()))?;
        Ok(contents.certificates.iter().map(baton_x509::X509::to_rustls).collect())
    }
}

/// Host and port: `smtp.example.com`, `smtp.example.com:587`, `[::1]:25`.
fn server_parts(text: &str, encryption: Encryption) -> Option<(String, u16)> {
    let default = match encryption {
        Encryption::StartTls => 587,
        Encryption::Implicit => 465,
        Encryption::Off => 25,
    };
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()?),
        _ => (text, default),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let is_sound = !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c == '/' || c == '@');
    is_sound.then(|| (host.to_owned(), port))
}
