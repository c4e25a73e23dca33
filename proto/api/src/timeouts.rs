//! The timeouts on which two processes have to agree. A process that waits for another must wait
//! longer than the other may take.
//!
//! The name of each says what waits. A timeout that only one process knows stays where it is used.

use std::time::Duration;

/// The time for a request between two processes, without the work itself.
pub const HOP: Duration = Duration::from_secs(5);

/// The longest time that `Prefer: wait` can make the origin wait for a job.
pub const MAX_WAIT: Duration = Duration::from_secs(60);
/// How long the gateway waits for the scheduler to turn a call into a durable job, after its caller
/// has waited long enough.
pub const KEEP_TIMEOUT: Duration = Duration::from_secs(4);
/// How long the edge waits for a job's response beyond the time that its caller waits.
pub const WAIT_SLACK: Duration = Duration::from_secs(10);

/// How long the edge waits for the head of the response to a read.
pub const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the edge waits for the head of the response to an inference request. The origin may
/// allow a longer run. Once the edge has stopped waiting, the origin cancels the call and its run.
pub const INFERENCE_TIMEOUT: Duration = Duration::from_secs(90);

/// How long the origin waits for an embedding call, in the queue and on its worker together.
pub const EMBEDDING_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the origin waits for the first event of a stream before it sends the head without it.
pub const STREAM_HEAD_TIMEOUT: Duration = Duration::from_secs(45);
/// How long a call may wait for a worker with free capacity, in addition to its running time.
pub const CALL_QUEUE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the scheduler keeps a call beyond its maximum running time. A call that stays open
/// longer has no caller: the message about the disconnect was lost.
pub const CALL_LIFETIME_SLACK: Duration = Duration::from_secs(120);

/// How often a silent response sends a comment.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// How long a tunnel keeps a silent response open.
pub const TUNNEL_SILENCE: Duration = Duration::from_secs(100);

/// How long the origin waits for a safety kernel in another process.
pub const DECISION_TIMEOUT: Duration = Duration::from_secs(2);
/// The longest time in which the safety kernel reads and answers a request.
pub const KERNEL_REQUEST_TIMEOUT: Duration = Duration::from_millis(1500);

const fn before(inner: Duration, outer: Duration) -> bool {
    inner.as_millis() < outer.as_millis()
}

const fn plus(one: Duration, other: Duration) -> Duration {
    one.saturating_add(other)
}

const _: () = {
    assert!(
        before(plus(EMBEDDING_TIMEOUT, HOP), INFERENCE_TIMEOUT),
        "the edge must wait longer than the origin"
    );
    assert!(
        before(plus(STREAM_HEAD_TIMEOUT, HOP), INFERENCE_TIMEOUT),
        "the head of a stream must \
        arrive before the edge's timeout"
    );
    assert!(
        before(plus(KEEP_TIMEOUT, HOP), WAIT_SLACK),
        "a job's response must arrive before the \
        edge's timeout"
    );
    assert!(
        before(plus(CALL_QUEUE_TIMEOUT, HOP), CALL_LIFETIME_SLACK),
        "the scheduler must keep calls that wait"
    );
    assert!(before(EMBEDDING_TIMEOUT, CALL_LIFETIME_SLACK), "the scheduler must keep calls that embed");
    assert!(
        before(plus(KEEP_ALIVE_INTERVAL, HOP), TUNNEL_SILENCE),
        "streams must send something \
        before the tunnel cuts them"
    );
    assert!(
        before(KERNEL_REQUEST_TIMEOUT, DECISION_TIMEOUT),
        "the kernel must stop for callers that have left"
    );
};
