//! Which store the settings mean: a directory, or one of Windows.

use std::path::PathBuf;

use baton_store::{Location, Provider, StoreName, WindowsPlace};
use baton_target::Kind;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::failure::Failure;
use crate::settings::rules::wrong;
use crate::settings::{Loaded, StoreSettings, TargetSettings, rules};

/// What kind of store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StoreKind {
    /// A directory of PEM files.
    #[default]
    Directory,
    /// A certificate store of Windows.
    Windows,
}

/// Whose certificate store of Windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LocationSetting {
    /// The machine's.
    LocalMachine,
    /// Those of the account that runs Baton.
    CurrentUser,
}

/// Where Windows keeps keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProviderSetting {
    /// Its key storage provider.
    Cng,
    /// Its older cryptographic provider, RSA alone.
    Capi,
}

/// The name of a certificate store of Windows.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub(crate) struct StoreNameSetting(StoreName);

impl TryFrom<String> for StoreNameSetting {
    type Error = baton_store::InvalidStoreName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

/// The store of a target: the path of a directory, or a table like `[store]`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "this is no store: write \"PATH\", or { kind = \"windows\", name = \"NAME\" } with the keys of [store]"
)]
pub(crate) enum TargetStoreSetting {
    /// A directory.
    Path(PathBuf),
    /// Any.
    Table(StoreSettings),
}

/// A store that the settings mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreChoice {
    /// A directory; `None` for the one in the data directory.
    Directory(Option<PathBuf>),
    /// A store of Windows.
    Windows(WindowsPlace),
}

impl StoreSettings {
    /// The store that a table means.
    fn choice(&self, loaded: &Loaded) -> Result<StoreChoice, Failure> {
        match self.kind {
            StoreKind::Directory => {
                let foreign = [
                    ("location", self.location.is_some()),
                    ("name", self.name.is_some()),
                    ("provider", self.provider.is_some()),
                    ("exportable", self.exportable.is_some()),
                ];
                if let Some((key, _)) = foreign.iter().find(|(_, is_set)| *is_set) {
                    return Err(wrong(
                        loaded,
                        format!("`{key}` is for a store of the kind \"windows\""),
                        "set kind = \"windows\", or take the key away",
                    ));
                }
                Ok(StoreChoice::Directory(self.path.as_ref().map(|path| loaded.resolve(path))))
            }
            StoreKind::Windows if !cfg!(windows) => Err(wrong(
                loaded,
                "a store of the kind \"windows\" is on Windows alone",
                "set kind = \"directory\"",
            )),
            StoreKind::Windows if self.path.is_some() => Err(wrong(
                loaded,
                "`path` is for a store of the kind \"directory\"",
                "set `location` and `name` instead, or kind = \"directory\"",
            )),
            StoreKind::Windows => {
                let usual = WindowsPlace::of_services();
                Ok(StoreChoice::Windows(WindowsPlace {
                    location: match self.location {
                        Some(LocationSetting::LocalMachine) => Location::LocalMachine,
                        Some(LocationSetting::CurrentUser) => Location::CurrentUser,
                        None => usual.location,
                    },
                    name: self.name.as_ref().map_or(usual.name, |name| name.0.clone()),
                    provider: match self.provider {
                        Some(ProviderSetting::Cng) => Provider::Cng,
                        Some(ProviderSetting::Capi) => Provider::Capi,
                        None => usual.provider,
                    },
                    is_exportable: self.exportable.unwrap_or(usual.is_exportable),
                }))
            }
        }
    }
}

/// `[store]`
pub(crate) fn own(loaded: &Loaded) -> Result<StoreChoice, Failure> {
    loaded.settings.store.choice(loaded)
}

/// The store of a target: its own, else `[store]`; of a product on Windows the one that every product reads.
pub(crate) fn of_target(loaded: &Loaded, target: &TargetSettings) -> Result<StoreChoice, Failure> {
    let own = own(loaded)?;
    match &target.store {
        Some(TargetStoreSetting::Path(path)) => Ok(StoreChoice::Directory(Some(loaded.resolve(path)))),
        Some(TargetStoreSetting::Table(table)) => table.choice(loaded),
        None => {
            let is_product = matches!(rules::target_kind(loaded, target)?, Kind::Product(_));
            Ok(match own {
                StoreChoice::Directory(_) if is_product && cfg!(windows) => {
                    StoreChoice::Windows(WindowsPlace::of_services())
                }
                own => own,
            })
        }
    }
}

/// A target that reads files needs keys that a store gives out again.
pub(super) fn check(loaded: &Loaded) -> Result<(), Failure> {
    let own = own(loaded)?;
    let keeps_keys = matches!(&own, StoreChoice::Windows(place) if !place.is_exportable);
    for target in &loaded.settings.target {
        of_target(loaded, target)?;
        if keeps_keys && matches!(rules::target_kind(loaded, target)?, Kind::Files(_)) {
            return Err(wrong(
                loaded,
                format!(
                    "the target {:?} needs private keys, and [store] does not give them out",
                    target.name
                ),
                "set exportable = true in [store], or kind = \"directory\"",
            ));
        }
    }
    Ok(())
}
