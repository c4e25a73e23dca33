//! Records ephemeral jobs. They can be read like others, but cause no steps or messages. A job that
//! is persisted is durable from then on, and its steps start at its first one.

use cortex_domain::ports::StoreError;
use cortex_domain::retention::{Retention, RetentionExceeded};
use cortex_domain::transition::Change;

use super::fault::Fault;
use super::transaction::Transaction;
use super::{commit, forget, jobs, payloads, steps, usage};

/// Records a job that has ended. Skips the job if its tenant has reached a limit or another job has
/// its id.
pub(super) fn record(
    transaction: &Transaction,
    history: &Change,
    retention: &Retention,
) -> Result<(), Fault> {
    let (job, log) = (history.job(), history.entries());
    commit::audit(transaction, history);
    let delta = match jobs::insert(transaction, job, 0, job.updated_at) {
        Err(Fault::Conflict) => {
            tracing::warn!(job = %job.id(), "a call was not recorded because another job has its id");
            return Ok(());
        }
        inserted => inserted?,
    };
    jobs::append(transaction, job.id(), log)?;
    match usage::add(transaction, job.tenant(), delta, retention, job.updated_at) {
        Err(Fault::Store(StoreError::RetentionExceeded(exceeded))) => {
            tracing::debug!(job = %job.id(), %exceeded, "a call was not recorded");
            forget::delete_jobs(transaction, &[job.id()]).map(drop)
        }
        added => added,
    }
}

/// Makes a job durable whose input is already in the store. If the tenant has reached a limit,
/// deletes the input and returns the limit.
pub(super) fn persist(
    transaction: &Transaction,
    history: &Change,
    retention: &Retention,
) -> Result<Result<(), RetentionExceeded>, Fault> {
    let (job, log) = (history.job(), history.entries());
    commit::audit(transaction, history);
    forget::unmark_orphan(transaction, job.id())?;
    let savepoint = transaction.savepoint();
    transaction.execute_batch("SAVEPOINT persist")?;
    let input = payloads::size(transaction, job.context())?.unwrap_or_default();
    let input = usize::try_from(input).unwrap_or_default();
    let persisted = jobs::insert(transaction, job, input, job.updated_at).and_then(|delta| {
        jobs::append(transaction, job.id(), log)?;
        steps::append(transaction, job, log)?;
        usage::add(transaction, job.tenant(), delta, retention, job.updated_at)
    });
    match persisted {
        Ok(()) => transaction.execute_batch("RELEASE persist").map(Ok).map_err(Fault::from),
        Err(Fault::Store(StoreError::RetentionExceeded(exceeded))) => {
            transaction.execute_batch("ROLLBACK TO persist; RELEASE persist")?;
            transaction.roll_back_to(savepoint);
            forget::delete_payloads(transaction, job.id())?;
            Ok(Err(exceeded))
        }
        Err(fault) => Err(fault),
    }
}
