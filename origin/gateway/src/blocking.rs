//! Work over large bodies, beside the threads that serve: scanning and parsing a mebibyte takes tens of milliseconds, for
//! which no other request should wait.

use std::sync::Arc;

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use tokio::sync::Semaphore;

/// Reading a body of so many bytes costs less than handing it to another thread is worth.
const MAX_INLINE_BYTES: usize = 64 << 10;
/// Large bodies that are read at once. Further ones wait, and hold no thread.
const MAX_CONCURRENT: usize = 2;

/// The places for such work.
#[derive(Debug, Clone)]
pub(crate) struct BlockingPool(Arc<Semaphore>);

impl Default for BlockingPool {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_CONCURRENT)))
    }
}

impl BlockingPool {
    /// Runs work over a body of `size` bytes.
    ///
    /// # Errors
    /// Returns the work's own problem.
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
        done.await.unwrap_or_else(|_| Err(Problem::new(ErrorCode::Internal, "the body could not be read")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    const READ_TIMEOUT: Duration = Duration::from_secs(10);

    /// Work that ends well once the test's only thread has gone on meanwhile.
    fn wait_for(go: mpsc::Receiver<()>) -> impl FnOnce() -> Result<(), Problem> {
        move || {
            go.recv_timeout(READ_TIMEOUT)
                .map_err(|_| Problem::new(ErrorCode::Timeout, "the thread was held up"))
        }
    }

    #[tokio::test]
    async fn a_large_body_holds_up_no_thread_that_serves() {
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
    async fn a_problem_comes_back_from_either_place() {
        let blocking = BlockingPool::default();
        for size in [1, MAX_INLINE_BYTES + 1] {
            let refused = blocking.run(size, || Err::<(), _>(Problem::new(ErrorCode::TooDeep, "deep"))).await;
            assert_eq!(refused.unwrap_err().kind, ErrorCode::TooDeep);
        }
    }
}
