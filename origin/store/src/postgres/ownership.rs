//! The record of which scheduler owns which share.

use cortex_domain::ownership::{SchedulerId, Standing, Turn};
use cortex_domain::share::{Epoch, Share};
use tokio_postgres::types::Type;

use super::fault::Fault;
use super::read::Readers;

const TURN: &str = "SELECT share, number, name FROM cortex.turn($1, $2, $3, $4, $5, $6, $7, $8)";

/// Takes a turn on a connection of the readers, so that it does not wait behind a batch of writes
/// that this process has queued.
pub(super) async fn turn(readers: &Readers, epoch: i64, turn: &Turn) -> Result<Standing, Fault> {
    let number = |share: Share| i32::from(share.number());
    let take: Vec<i32> = turn.take.iter().map(|seen| number(seen.share)).collect();
    let epochs: Vec<i64> = turn.take.iter().map(|seen| seen.epoch.0.cast_signed()).collect();
    let give: Vec<i32> = turn.give.iter().map(|share| number(*share)).collect();
    let gone: Vec<String> = turn.gone.iter().map(|(scheduler, _)| scheduler.to_string()).collect();
    let beats: Vec<i64> = turn.gone.iter().map(|(_, beats)| beats.cast_signed()).collect();
    let rows = readers
        .query(
            TURN,
            &[
                (&epoch, Type::INT8),
                (&turn.scheduler.to_string(), Type::TEXT),
                (&turn.leave, Type::BOOL),
                (&take, Type::INT4_ARRAY),
                (&epochs, Type::INT8_ARRAY),
                (&give, Type::INT4_ARRAY),
                (&gone, Type::TEXT_ARRAY),
                (&beats, Type::INT8_ARRAY),
            ],
        )
        .await?;
    let mut standing = Standing::default();
    for row in rows {
        let share: Option<i32> = row.try_get(0)?;
        let count = row.try_get::<_, i64>(1)?.cast_unsigned();
        let name: Option<String> = row.try_get(2)?;
        let scheduler = name.as_deref().map(SchedulerId::parse).transpose();
        let scheduler = scheduler.map_err(|_| Fault::Row("scheduler"))?;
        match (share, scheduler) {
            (Some(share), owner) => {
                let share = u64::try_from(share).ok().and_then(|share| Share::from_number(share).ok());
                standing.shares.insert(share.ok_or(Fault::Row("share"))?, (Epoch(count), owner));
            }
            (None, Some(scheduler)) => {
                standing.schedulers.insert(scheduler, count);
            }
            (None, None) => return Err(Fault::Row("scheduler")),
        }
    }
    Ok(standing)
}
