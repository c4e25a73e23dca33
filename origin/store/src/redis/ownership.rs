//! The record of which scheduler owns which share.

use std::collections::BTreeMap;

use cortex_domain::ownership::{SchedulerId, Standing, Turn};
use cortex_domain::ports::StoreError;
use cortex_domain::share::{Epoch, Share};

use super::link::Link;
use super::reply::{Reply, unexpected};
use super::script;

pub(super) async fn turn(link: &Link, turn: Turn) -> Result<Standing, StoreError> {
    let (outcome, mut reply) = link
        .write(&script::TURN, |to| {
            to.text(turn.scheduler)
                .text(u8::from(turn.leave))
                .rows(turn.take.iter(), |to, seen| to.text(seen.share).text(seen.epoch.0))
                .rows(turn.give.iter(), |to, share| to.text(share))
                .rows(turn.gone.iter(), |to, (scheduler, beats)| to.text(scheduler).text(beats))
        })
        .await?;
    if outcome != "TURN" {
        return Err(unexpected("outcome"));
    }
    let schedulers = reply.list()?.rest(|row| Ok((scheduler(&row.text()?)?, row.number()?)))?;
    let shares = reply.list()?.rest(|row| Ok((share(row)?, held(&row.text()?)?)))?;
    Ok(Standing { schedulers: BTreeMap::from_iter(schedulers), shares: BTreeMap::from_iter(shares) })
}

fn scheduler(text: &str) -> Result<SchedulerId, StoreError> {
    SchedulerId::parse(text).map_err(|_| unexpected("scheduler"))
}

fn share(row: &mut Reply) -> Result<Share, StoreError> {
    Share::from_number(row.number()?).map_err(|_| unexpected("share"))
}

/// Reads `<epoch>:<owner>`.
fn held(text: &str) -> Result<(Epoch, Option<SchedulerId>), StoreError> {
    let (epoch, owner) = text.split_once(':').ok_or_else(|| unexpected("owner"))?;
    let epoch = epoch.parse().map(Epoch).map_err(|_| unexpected("epoch"))?;
    let owner = if owner.is_empty() { None } else { Some(scheduler(owner)?) };
    Ok((epoch, owner))
}
