//! Settles a queued message once everything that follows from it is done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cortex_domain::ports::Receipt;

/// How long to wait before a message is delivered again after a failure.
const REDELIVERY_DELAY: Duration = Duration::from_secs(1);

/// A queued message, shared by all store actions that follow from it. Once the last of them is
/// done, the message is acknowledged, or delivered again if one of them failed.
#[derive(Clone, Debug)]
pub(super) struct Pending(Arc<SettledOnDrop>);

#[derive(Debug)]
struct SettledOnDrop {
    receipt: Mutex<Option<Box<dyn Receipt>>>,
    failed: AtomicBool,
}

impl Pending {
    pub(super) fn new(receipt: Box<dyn Receipt>) -> Self {
        Self(Arc::new(SettledOnDrop { receipt: Mutex::new(Some(receipt)), failed: AtomicBool::new(false) }))
    }

    /// Records that an action that followed from the message failed.
    pub(super) fn fail(&self) {
        self.0.failed.store(true, Ordering::Release);
    }
}

impl Drop for SettledOnDrop {
    fn drop(&mut self) {
        let receipt = self.receipt.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some(receipt) = receipt else { return };
        if *self.failed.get_mut() {
            receipt.nak(REDELIVERY_DELAY);
        } else {
            receipt.ack();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, Default)]
    struct Settled(Arc<Mutex<Vec<&'static str>>>);

    impl Receipt for Settled {
        fn ack(self: Box<Self>) {
            self.0.lock().unwrap().push("ack");
        }

        fn nak(self: Box<Self>, _: Duration) {
            self.0.lock().unwrap().push("nak");
        }
    }

    #[test]
    fn a_message_is_settled_once_after_everything_is_done() {
        for (fails, how) in [(false, "ack"), (true, "nak")] {
            let settled = Settled::default();
            let first = Pending::new(Box::new(settled.clone()));
            let second = first.clone();
            if fails {
                first.fail();
            }
            drop(first);
            assert!(settled.0.lock().unwrap().is_empty());
            drop(second);
            assert_eq!(*settled.0.lock().unwrap(), [how]);
        }
    }
}
