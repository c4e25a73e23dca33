//! The consumer of both queues. Each message is settled alone and nothing here fails, because an
//! error would repeat the whole batch.

use futures::future::join_all;
use worker::{Context, Env, MessageBatch, MessageExt, QueueRetryOptionsBuilder, RawMessage, event};

use crate::deliver::deliver;
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::ledger::client::LedgerClient;
use crate::ledger::jobs::requests::LeasedJob;
use crate::log;

/// How long a message waits that could not be settled, in seconds.
const RETRY_DELAY_S: u32 = 2;

#[event(queue)]
async fn queue(batch: MessageBatch<()>, env: Env, context: Context) -> worker::Result<()> {
    let dead = batch.queue().ends_with("-dlq");
    join_all(batch.raw_iter().map(|message| settle(message, dead, &env, &context))).await;
    Ok(())
}

async fn settle(message: RawMessage, dead: bool, env: &Env, context: &Context) {
    let text = message.body().as_string().unwrap_or_default();
    let envelope = match Envelope::decode(&text) {
        Ok((envelope, _)) => envelope,
        // The message is retried alone until the dead letter queue takes it, where it is logged and
        // ends.
        Err(_) if !dead => {
            log::error("queue.malformed", &[("message", &message.id())]);
            return retry(&message);
        }
        Err(_) => {
            log::error("queue.lost", &[("message", &message.id()), ("bytes", &text.len().to_string())]);
            return message.ack();
        }
    };
    let done = if dead { bury(envelope, env).await } else { drain(envelope, env, context).await };
    match done {
        Ok(()) => message.ack(),
        Err(error) => {
            log::error("queue.unsettled", &[("message", &message.id()), ("cause", &error)]);
            retry(&message);
        }
    }
}

/// Delivers a job unless another sender did or does, and reports the result to the ledger. It
/// delivers the job in the ledger and does not trust the message. An unreachable origin also
/// settles the message, because the ledger's alarm sends the job again.
async fn drain(envelope: Envelope, env: &Env, context: &Context) -> Result<(), String> {
    let (job, ledger) = (envelope.job, ledger(&envelope, env)?);
    if let Some(LeasedJob { lease, message }) = ledger.take(job).await.map_err(detail)? {
        let (envelope, body) = Envelope::decode(&message).map_err(|error| error.0)?;
        let delivery = deliver(envelope, body, env, context).await;
        ledger.settle(job, lease, delivery).await.map_err(detail)?;
    }
    Ok(())
}

/// Reports a message that could not be settled in any attempt. The ledger still holds the job, and
/// sends it.
async fn bury(envelope: Envelope, env: &Env) -> Result<(), String> {
    log::error("queue.dead_letter", &[("job", &envelope.job.to_string())]);
    ledger(&envelope, env)?.bury(envelope.job).await.map_err(detail)
}

fn ledger(envelope: &Envelope, env: &Env) -> Result<LedgerClient, String> {
    let tenant = envelope.tenant.parse().map_err(|_| "the envelope has an invalid tenant".to_owned())?;
    LedgerClient::of(env, &tenant).map_err(|error| error.to_string())
}

fn detail(refusal: ApiError) -> String {
    refusal.into_problem().detail
}

fn retry(message: &RawMessage) {
    message.retry_with_options(&QueueRetryOptionsBuilder::new().with_delay_seconds(RETRY_DELAY_S).build());
}
