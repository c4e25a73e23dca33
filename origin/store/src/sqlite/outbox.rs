//! The messages that wait to be sent on the bus.

use cortex_domain::ports::{Outbound, Sequence};
use cortex_domain::transition::OutboxMessage;
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::jobs::sql_limit;

pub(super) fn append(connection: &Connection, message: &OutboxMessage) -> Result<(), Fault> {
    let message = cortex_wire::encode_message(message);
    connection.prepare_cached("INSERT INTO outbox (message) VALUES (?1)")?.execute([&message[..]])?;
    Ok(())
}

pub(super) fn waiting(
    connection: &Connection,
    after: Sequence,
    limit: usize,
) -> Result<Vec<Outbound>, Fault> {
    let mut select =
        connection.prepare_cached("SELECT seq, message FROM outbox WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    let mut rows = select.query(params![after.0.cast_signed(), sql_limit(limit)])?;
    let mut waiting = Vec::new();
    while let Some(row) = rows.next()? {
        let message = row.get_ref(1)?.as_blob().map_err(|_| Fault::Row("message"))?;
        waiting.push(Outbound {
            sequence: Sequence(row.get::<_, i64>(0)?.cast_unsigned()),
            message: cortex_wire::decode_message(message)?,
        });
    }
    Ok(waiting)
}

pub(super) fn forget(connection: &Connection, sequences: &[Sequence]) -> Result<(), Fault> {
    let mut delete = connection.prepare_cached("DELETE FROM outbox WHERE seq = ?1")?;
    for sequence in sequences {
        delete.execute([sequence.0.cast_signed()])?;
    }
    Ok(())
}
