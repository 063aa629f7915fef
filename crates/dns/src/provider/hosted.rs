//! Companies that host zones, by way of the crate `dns-update`.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use baton_finding::Retry;
use dns_update::{DnsRecord, DnsRecordType, DnsUpdater};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::Change;
use crate::config::HostedConfig;
use crate::error::{ConfigError, DnsError};
use crate::solver::Published;

mod table;

/// How long one request may take, and how long one change: it is several requests.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
const CHANGE_LIMIT: Duration = Duration::from_secs(120);

/// How large a file with credentials may be.
const LARGEST: u64 = 64 * 1024;

/// The interface of one company, with what it asks for.
pub(crate) struct Hosted {
    provider: String,
    updater: DnsUpdater,
    ttl: u32,
    /// What must never be shown, also where the company's answer repeats it.
    secrets: Vec<Zeroizing<String>>,
}

impl fmt::Debug for Hosted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosted").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl Hosted {
    pub(crate) fn new(config: HostedConfig) -> Result<Self, ConfigError> {
        let HostedConfig { provider, credentials, ttl } = config;
        let unusable =
            |reason: String, hint: String| ConfigError::Provider { provider: provider.clone(), reason, hint };
        let Some(entry) = table::PROVIDERS.iter().find(|entry| entry.name == provider) else {
            let known: Vec<&str> = table::PROVIDERS.iter().map(|entry| entry.name).collect();
            return Err(unusable("it is not known".to_owned(), format!("known are {}", known.join(", "))));
        };
        let wanted = || {
            let keys: Vec<String> = entry.keys.iter().map(|key| format!("{key} = \"…\"")).collect();
            format!("the file has the lines {}", keys.join(", "))
        };
        let secrets = read_credentials(&credentials, entry.keys).map_err(|reason| {
            unusable(format!("its credentials in `{}`: {reason}", credentials.display()), wanted())
        })?;
        let values: Vec<&str> = secrets.iter().map(|secret| secret.as_str()).collect();
        let updater = (entry.make)(&values, REQUEST_LIMIT)
            .map_err(|error| unusable(redacted(&error.to_string(), &secrets), wanted()))?;
        let ttl = u32::try_from(ttl.as_secs()).unwrap_or(u32::MAX);
        Ok(Self { provider, updater, ttl, secrets })
    }

    pub(crate) async fn change(&self, change: Change, published: &Published) -> Result<(), DnsError> {
        let Published { record, zone, value, .. } = published;
        let (record, zone) = (record.as_str(), zone.as_str());
        let values = vec![DnsRecord::TXT(value.clone())];
        let changed = async {
            match change {
                Change::Add => {
                    self.updater.add_to_rrset(record, DnsRecordType::TXT, self.ttl, values, zone).await
                }
                Change::Remove => {
                    self.updater.remove_from_rrset(record, DnsRecordType::TXT, values, zone).await
                }
            }
        };
        let failed = |reason: String, retry, hint: &str| DnsError::Provider {
            record: record.to_owned(),
            provider: self.provider.clone(),
            reason,
            retry,
            hint: hint.to_owned(),
        };
        match timeout(CHANGE_LIMIT, changed).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(dns_update::Error::Unauthorized)) => Err(failed(
                "it does not accept the credentials".to_owned(),
                Retry::Never,
                "see that they are still valid, and that they may change this zone",
            )),
            // What is gone needs no removal.
            Ok(Err(dns_update::Error::NotFound)) if change == Change::Remove => Ok(()),
            Ok(Err(error)) => Err(failed(
                redacted(&error.to_string(), &self.secrets),
                Retry::Backoff,
                "see that the zone is hosted there, and that the credentials may change it",
            )),
            Err(_) => Err(failed("no answer in time".to_owned(), Retry::Backoff, "it is tried again later")),
        }
    }
}

/// The values of `keys`, in their order; the file may have no other.
fn read_credentials(path: &Path, keys: &[&str]) -> Result<Vec<Zeroizing<String>>, String> {
    let length = fs_err::metadata(path).map_err(|error| error.to_string())?.len();
    if length > LARGEST {
        return Err("the file is too large".to_owned());
    }
    let text = Zeroizing::new(fs_err::read_to_string(path).map_err(|error| error.to_string())?);
    // The parser's own message would show the line.
    let mut table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| format!("line {}", line_of(&text, &error)))?;
    let mut values = Vec::new();
    for key in keys {
        match table.remove(*key) {
            Some(toml::Value::String(value)) if !value.is_empty() => values.push(Zeroizing::new(value)),
            Some(_) => return Err(format!("`{key}` is not text")),
            None => return Err(format!("`{key}` is missing")),
        }
    }
    match table.keys().next() {
        Some(unknown) => Err(format!("`{unknown}` is not asked for")),
        None => Ok(values),
    }
}

fn line_of(text: &str, error: &toml::de::Error) -> usize {
    let offset = error.span().map_or(0, |span| span.start).min(text.len());
    text.as_bytes()[..offset].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The message without what must not be shown: some interfaces take their secrets in the URL.
fn redacted(message: &str, secrets: &[Zeroizing<String>]) -> String {
    let shown = |message: String, secret: &Zeroizing<String>| message.replace(secret.as_str(), "…");
    secrets.iter().filter(|secret| secret.len() > 3).fold(message.to_owned(), shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(provider: &str, text: &str) -> (tempfile::TempDir, HostedConfig) {
        let directory = tempfile::tempdir().unwrap();
        let credentials = directory.path().join("credentials.toml");
        fs_err::write(&credentials, text).unwrap();
        let ttl = Duration::from_secs(60);
        (directory, HostedConfig { provider: provider.to_owned(), credentials, ttl })
    }

    #[test]
    fn every_provider_of_the_table_is_made_from_its_keys() {
        for entry in table::PROVIDERS {
            let value = |key: &&str| match *key {
                "endpoint" if entry.name == "ovh" => "ovh-eu",
                "endpoint" => "http://127.0.0.1:1",
                "region" => "eu-central-1",
                _ => "some-value",
            };
            let lines: Vec<String> =
                entry.keys.iter().map(|key| format!("{key} = \"{}\"", value(key))).collect();
            let (_directory, config) = config(entry.name, &lines.join("\n"));
            let made = Hosted::new(config);
            assert!(made.is_ok(), "{}: {:?}", entry.name, made.err());
        }
        assert!(table::PROVIDERS.is_sorted_by_key(|entry| entry.name));
    }

    #[test]
    fn a_damaged_file_is_told_without_what_is_in_it() {
        for (text, told) in [
            ("api-token = \"s3cr3t", "line 1"),
            ("\napi-token = s3cr3t", "line 2"),
            ("api-token = 7", "`api-token` is not text"),
            ("token = \"s3cr3t\"", "`api-token` is missing"),
            ("api-token = \"s3cr3t\"\nother = \"s3cr3t\"", "`other` is not asked for"),
        ] {
            let (_directory, config) = config("cloudflare", text);
            let message = Hosted::new(config).unwrap_err().to_string();
            assert!(message.ends_with(told), "{message}");
            assert!(!message.contains("s3cr3t"), "{message}");
        }
        let (_directory, config) = config("nobody", "");
        assert!(Hosted::new(config).unwrap_err().to_string().contains("it is not known"));
    }

    #[test]
    fn a_secret_in_an_answer_is_not_repeated() {
        let secrets = [Zeroizing::new("s3cr3t".to_owned())];
        assert_eq!(redacted("GET /?key=s3cr3t failed", &secrets), "GET /?key=… failed");
    }
}
