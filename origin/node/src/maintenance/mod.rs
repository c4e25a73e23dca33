//! Work on a store beside its normal use: checks, copies and migrations.

mod check;
mod copies;
mod error;
mod migrate;
mod place;

pub use check::{StoreReport, verify_store};
pub use copies::{CopyReport, back_up_store, copy_store, restore_store};
pub use error::MaintenanceError;
pub use migrate::migrate_store;
pub use place::StorePlace;
