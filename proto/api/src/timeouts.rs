//! The timeouts that two processes have to agree on: whoever waits for another waits longer than the other may take.
//!
//! Each is named for what waits. A timeout that only one process knows stays where it is used.

use std::time::Duration;

/// How long a request may take between two processes, beside the work itself.
pub const HOP: Duration = Duration::from_secs(5);

/// How long `Prefer: wait` may make the origin wait for a job.
pub const MAX_WAIT: Duration = Duration::from_secs(60);
/// How long the gateway waits for the scheduler to keep a call as a job, once its caller has waited long enough.
pub const KEEP_TIMEOUT: Duration = Duration::from_secs(4);
/// How long the edge waits for the answer to a job that its caller waits for, beyond that wait.
pub const WAIT_SLACK: Duration = Duration::from_secs(10);

/// How long the edge waits until the origin begins to answer a read.
pub const READ_TIMEOUT: Duration = Duration::from_secs(15);
/// How long the edge waits until the origin begins to answer a call of a model. A whole text may take longer at the origin,
/// as long as its pool lets it run: once the edge has left, the call is hung up and its run stopped.
pub const INFERENCE_TIMEOUT: Duration = Duration::from_secs(90);

/// How long the origin waits for a call that embeds, in the queue and on its worker together.
pub const EMBEDDING_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the origin waits for the first event of a stream before it answers with its head all the same.
pub const STREAM_HEAD_TIMEOUT: Duration = Duration::from_secs(45);
/// How long a call may wait for a worker with room, beside the time that it may run.
pub const CALL_QUEUE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the scheduler holds a call beyond the time that it may run. A call that is open for longer has no caller: the
/// message that it left was lost.
pub const CALL_LIFETIME_SLACK: Duration = Duration::from_secs(120);

/// How often an answer that is silent sends a comment.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(15);
/// How long a tunnel keeps an answer open that is silent.
pub const TUNNEL_SILENCE: Duration = Duration::from_secs(100);

/// How long the origin waits for the safety kernel in another process.
pub const DECISION_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the safety kernel takes to read and answer one request, at most.
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
        "the edge gives up before the origin does"
    );
    assert!(before(plus(STREAM_HEAD_TIMEOUT, HOP), INFERENCE_TIMEOUT), "a stream's head comes too late");
    assert!(before(plus(KEEP_TIMEOUT, HOP), WAIT_SLACK), "a job's answer comes after the edge has given up");
    assert!(
        before(plus(CALL_QUEUE_TIMEOUT, HOP), CALL_LIFETIME_SLACK),
        "the scheduler drops calls that wait"
    );
    assert!(before(EMBEDDING_TIMEOUT, CALL_LIFETIME_SLACK), "the scheduler drops calls that embed");
    assert!(before(plus(KEEP_ALIVE_INTERVAL, HOP), TUNNEL_SILENCE), "the tunnel cuts silent streams");
    assert!(
        before(KERNEL_REQUEST_TIMEOUT, DECISION_TIMEOUT),
        "the kernel works on for callers that have left"
    );
};
