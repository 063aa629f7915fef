//! The certificate stores of Windows, where there are none.

use std::path::PathBuf;

use crate::{SharedStore, StoreError, WindowsPlace};

pub(crate) fn open(place: WindowsPlace, _lock: PathBuf) -> Result<SharedStore, StoreError> {
    Err(StoreError::NotHere { store: place.to_string() })
}
