//! Runs work on large bodies on blocking threads. Scanning and parsing a mebibyte takes tens of
//! milliseconds, and no other request should wait for that.

use std::sync::Arc;

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use tokio::sync::Semaphore;

/// Below this size, reading a body costs less than handing it to another thread.
const MAX_INLINE_BYTES: usize = 64 << 10;
/// Maximum number of large bodies that are read at the same time. Further ones wait without a
/// thread.
const MAX_CONCURRENT: usize = 2;

/// The permits for blocking work. Clones share them.
#[derive(Debug, Clone)]
pub(crate) struct BlockingPool(Arc<Semaphore>);

impl Default for BlockingPool {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_CONCURRENT)))
    }
}

impl BlockingPool {
    /// Runs work on a body of `size` bytes.
    ///
    /// # Errors
    /// Returns the problem of the work.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        size: usize,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        if size <= MAX_INLINE_BYTES {
            return work();
        }
        let permit = self.0.clone().acquire_owned().await;
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        done.await.unwrap_or_else(|_| {
            Err(Problem::new(ErrorCode::Internal, "internal error: the body could not be read"))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const READ_TIMEOUT: Duration = Duration::from_secs(10);

    /// Returns work that succeeds once the test's only thread has continued.
    fn wait_for(go: mpsc::Receiver<()>) -> impl FnOnce() -> Result<(), Problem> {
        move || {
            go.recv_timeout(READ_TIMEOUT)
                .map_err(|_| Problem::new(ErrorCode::Timeout, "the thread was blocked"))
        }
    }

    #[tokio::test]
    async fn a_large_body_blocks_no_serving_thread() {
        let (sender, receiver) = mpsc::channel();
        let blocking = BlockingPool::default();
        let work = blocking.run(MAX_INLINE_BYTES + 1, wait_for(receiver));
        let (done, ()) = tokio::join!(work, async { sender.send(()).unwrap() });
        assert_eq!(done, Ok(()));
    }

    #[tokio::test]
    async fn many_large_bodies_take_few_threads() {
        let blocking = BlockingPool::default();
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..=MAX_CONCURRENT).map(|_| mpsc::channel()).unzip();
        let mut all: Vec<_> = receivers
            .into_iter()
            .map(|go| Box::pin(blocking.run(MAX_INLINE_BYTES + 1, wait_for(go))))
            .collect();
        for work in &mut all {
            assert!(futures::poll!(work.as_mut()).is_pending());
        }
        assert_eq!(blocking.0.available_permits(), 0);
        for sender in senders {
            sender.send(()).unwrap();
        }
        for work in all {
            assert_eq!(work.await, Ok(()));
        }
    }

    #[tokio::test]
    async fn problems_of_small_and_large_bodies_are_returned() {
        let blocking = BlockingPool::default();
        for size in [1, MAX_INLINE_BYTES + 1] {
            let refused = blocking.run(size, || Err::<(), _>(Problem::new(ErrorCode::TooDeep, "deep"))).await;
            assert_eq!(refused.unwrap_err().kind, ErrorCode::TooDeep);
        }
    }
}
