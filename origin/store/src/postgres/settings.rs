//! Whether the server keeps what it has confirmed.

use tokio_postgres::{Client, Error};

use crate::server::{Durability, Risk};

/// Reads the settings that permit the server to lose confirmed writes. The transactions of the
/// store demand `synchronous_commit` themselves.
pub(super) async fn durability(client: &Client) -> Durability {
    match risks(client).await {
        Ok(risks) if risks.is_empty() => Durability::Flushed,
        Ok(risks) => Durability::AtRisk(risks),
        Err(error) => Durability::Unknown { cause: super::fault::describe(&error) },
    }
}

async fn risks(client: &Client) -> Result<Vec<Risk>, Error> {
    let sql = "SELECT current_setting('fsync'), current_setting('full_page_writes')";
    let row = client.query_typed_one(sql, &[]).await?;
    let mut risks = Vec::new();
    let mut demand = |name: &str, value: &str, loses, instead| {
        if value != "on" {
            risks.push(Risk { setting: format!("{name}={value}"), loses, instead });
        }
    };
    demand("fsync", row.try_get(0)?, "every write since the last checkpoint, or all data", "fsync=on");
    demand(
        "full_page_writes",
        row.try_get(1)?,
        "pages that a power failure interrupts",
        "full_page_writes=on",
    );
    Ok(risks)
}
