//! Noting ephemeral jobs: they are read like others, and no step or message comes of them. One that is kept is
//! a durable job from there on, and its steps are told from its first.

use cortex_domain::ports::StoreError;
use cortex_domain::retention::{Retention, RetentionExceeded};
use cortex_domain::transition::Change;

use super::fault::Fault;
use super::transaction::Transaction;
use super::{commit, forget, jobs, payloads, steps, usage};

/// Notes a job that has ended. Of a tenant that has as much as it may none is noted, nor one whose id another job has.
pub(super) fn record(
    transaction: &Transaction,
    history: &Change,
    retention: &Retention,
) -> Result<(), Fault> {
    let (job, log) = (history.job(), history.entries());
    commit::audit(transaction, history);
    let delta = match jobs::insert(transaction, job, 0, job.updated_at) {
        Err(Fault::Conflict) => {
            tracing::warn!(job = %job.id(), "a call was not noted: another job has its id");
            return Ok(());
        }
        inserted => inserted?,
    };
    jobs::append(transaction, job.id(), log)?;
    match usage::add(transaction, job.tenant(), delta, retention, job.updated_at) {
        Err(Fault::Store(StoreError::RetentionExceeded(beyond))) => {
            tracing::debug!(job = %job.id(), %beyond, "a call was not noted");
            forget::delete(transaction, &[job.id()]).map(drop)
        }
        added => added,
    }
}

/// Makes a job durable whose input was put before; gives what keeps it from that, and then its input is gone.
pub(super) fn keep(
    transaction: &Transaction,
    history: &Change,
    retention: &Retention,
) -> Result<Result<(), RetentionExceeded>, Fault> {
    let (job, log) = (history.job(), history.entries());
    commit::audit(transaction, history);
    forget::forget_loose(transaction, job.id())?;
    let mark = transaction.mark();
    transaction.execute_batch("SAVEPOINT kept")?;
    let input = payloads::size(transaction, job.context())?.unwrap_or_default();
    let input = usize::try_from(input).unwrap_or_default();
    let kept = jobs::insert(transaction, job, input, job.updated_at).and_then(|delta| {
        jobs::append(transaction, job.id(), log)?;
        steps::append(transaction, job, log)?;
        usage::add(transaction, job.tenant(), delta, retention, job.updated_at)
    });
    match kept {
        Ok(()) => transaction.execute_batch("RELEASE kept").map(Ok).map_err(Fault::from),
        Err(Fault::Store(StoreError::RetentionExceeded(beyond))) => {
            transaction.execute_batch("ROLLBACK TO kept; RELEASE kept")?;
            transaction.take_back(mark);
            forget::payloads(transaction, job.id())?;
            Ok(Err(beyond))
        }
        Err(fault) => Err(fault),
    }
}
