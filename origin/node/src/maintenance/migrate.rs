//! Raises the schema of a store that an older version wrote.

use cortex_domain::retention::Retention;
use cortex_store::SqliteStore;

use super::error::MaintenanceError;
use crate::config::{StoreEngine, StoreName};
use crate::home::Home;

/// Raises the schema of the store to that of this program. Returns the schema that it had.
///
/// # Errors
/// Returns an error if there is no store, it is in use or the disk fails.
pub async fn migrate_store(home: &Home, engine: &StoreEngine) -> Result<i32, MaintenanceError> {
    supported("store migrate", engine)?;
    let path = home.store();
    Ok(tokio::task::spawn_blocking(move || SqliteStore::migrate(path, Retention::default())).await??)
}

fn supported(command: &'static str, engine: &StoreEngine) -> Result<(), MaintenanceError> {
    match engine.name() {
        StoreName::Sqlite => Ok(()),
        store => Err(MaintenanceError::Unsupported { command, store }),
    }
}
