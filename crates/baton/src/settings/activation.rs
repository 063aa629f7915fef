//! How a target takes up a change: a command, its service, or nothing.

use std::path::PathBuf;

use baton_platform::service::{self, Service};
use baton_target::{Activation, Kind};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::failure::Failure;
use crate::settings::rules::{time_limit, wrong};
use crate::settings::{Loaded, TargetSettings};

/// `"NAME"`, or a table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "this is no service: write \"NAME\", or { name = \"NAME\", log = \"FILE\", kill = true }"
)]
pub(crate) enum ServiceSetting {
    /// Its name.
    Name(String),
    /// More about it.
    Table(ServiceSettings),
}

/// `service` of a target
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(crate) struct ServiceSettings {
    /// Its name; default the product's.
    pub(crate) name: Option<String>,
    /// Its log, or the directory of its logs: the end of it is told when the service fails.
    pub(crate) log: Option<PathBuf>,
    /// Whether its process is ended when it does not stop within `time-limit`; default false.
    pub(crate) kill: bool,
}

/// How a target of some kind takes up a change; `None` where nobody says.
pub(crate) fn activation(
    loaded: &Loaded,
    settings: &TargetSettings,
    kind: &Kind,
) -> Result<Option<Activation>, Failure> {
    let refuse = |message: &str, hint: &str| {
        Err(wrong(loaded, format!("the target {:?} {message}", settings.name), hint).about("service"))
    };
    let of_service = match (&settings.activate, &settings.service) {
        (Some(_), Some(_)) => {
            return refuse(
                "has a command and a service that are restarted",
                "take `activate` or `service` away",
            );
        }
        (Some(argv), None) if argv.is_empty() => return Ok(Some(Activation::Watches)),
        (Some(argv), None) => return Ok(Some(Activation::command(argv.clone(), time_limit(settings)))),
        (None, Some(_)) if !service::IS_AVAILABLE => {
            return refuse(
                "names a service, and services are restarted by name on Windows alone",
                "set activate = [\"systemctl\", \"restart\", \"NAME\"] instead",
            );
        }
        (None, Some(ServiceSetting::Name(name))) => {
            ServiceSettings { name: Some(name.clone()), ..ServiceSettings::default() }
        }
        (None, Some(ServiceSetting::Table(table))) => table.clone(),
        (None, None) => match kind {
            Kind::Files(_) => return Ok(Some(Activation::Watches)),
            Kind::Product(_) if service::IS_AVAILABLE => ServiceSettings::default(),
            Kind::Product(_) => return Ok(None),
        },
    };
    let name = match (of_service.name, kind) {
        (Some(name), _) => name,
        // Where its files cannot be read, every look at the target says so.
        (None, Kind::Product(product)) => {
            product.service().unwrap_or_else(|_| product.kind.usual_service()).name
        }
        (None, Kind::Files(_)) => {
            return refuse("does not say which service it is", "set name = \"…\" in `service`");
        }
    };
    if name.trim().is_empty() || name.contains(['/', '\\']) || name.chars().any(char::is_control) {
        return refuse(
            &format!("has {name:?} for a service, which none can be named"),
            "write the name as `sc.exe query` lists it after SERVICE_NAME",
        );
    }
    let log = of_service.log.map(|log| loaded.resolve(&log));
    let time_limit = time_limit(settings);
    Ok(Some(Activation::Service(Service { name, time_limit, ends_hung: of_service.kill, log })))
}
