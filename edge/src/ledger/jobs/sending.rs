//! Sending what is due, and taking note of what came of it.

use cortex_domain::state::StateName;
use cortex_domain::time::Timestamp;
use futures::future::join_all;
use worker::Result;

use super::{Ledger, backoff, jobs};
use crate::chance;
use crate::deliver::{Delivery, deliver};
use crate::envelope::Envelope;

/// Jobs sent at once, and rounds of one alarm.
const AT_ONCE: u64 = 8;
const ROUNDS: usize = 32;

impl Ledger {
    /// Sends the jobs that are due. The first of a round goes alone: if the origin is away, one request
    /// tells, and the others wait on without having been tried.
    pub(super) async fn send_due(&self) -> Result<()> {
        for _ in 0..ROUNDS {
            let now = chance::now();
            let mut round = Vec::new();
            for job in jobs::due(&self.sql, now, AT_ONCE)? {
                if let Some(message) = jobs::take(&self.sql, &job, now)? {
                    round.push((job, message));
                }
            }
            let mut round = round.into_iter();
            let Some((first, message)) = round.next() else { return Ok(()) };
            let delivery = self.send(&message).await;
            let away = delivery == Delivery::Away;
            self.settle(&first, delivery, chance::now()).await?;
            if away {
                let until = jobs::find(&self.sql, &first)?.and_then(|entry| entry.view.hold?.until);
                let until = until.unwrap_or_else(chance::now);
                for (job, _) in round {
                    jobs::give_back(&self.sql, &job, until)?;
                }
                return jobs::delay(&self.sql, chance::now(), until);
            }
            join_all(round.map(async |(job, message)| {
                let delivery = self.send(&message).await;
                self.settle(&job, delivery, chance::now()).await
            }))
            .await
            .into_iter()
            .collect::<Result<()>>()?;
        }
        Ok(())
    }

    /// Takes note of what came of an attempt.
    pub(super) async fn settle(&self, job: &str, delivery: Delivery, now: Timestamp) -> Result<()> {
        match delivery {
            Delivery::Accepted { id } => {
                let released = jobs::accepted(&self.sql, job, &id)?;
                jobs::wake(&self.sql, now)?;
                self.release(job, released).await;
            }
            Delivery::Refused { error, denied } => {
                let state = if denied { StateName::Denied } else { StateName::Failed };
                let released = jobs::end(&self.sql, job, state, Some(&error), now)?;
                self.release(job, released).await;
            }
            Delivery::Away => {
                let [chance] = chance::random()?;
                jobs::postpone(&self.sql, job, now, |failed| backoff::wait_ms(failed, chance))?;
            }
        }
        Ok(())
    }

    async fn send(&self, message: &str) -> Delivery {
        match Envelope::decode(message) {
            Ok((envelope, body)) => deliver(envelope, body, &self.env).await,
            // It was read when it was committed.
            Err(_) => Delivery::Away,
        }
    }
}
