//! When a message from a queue is taken care of.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cortex_domain::ports::Receipt;

/// How soon a message comes again of which something could not be done.
const REDELIVERY_DELAY: Duration = Duration::from_secs(1);

/// A message from a queue, held by all that it leads to at the store. Once the last of that is done the message is
/// acknowledged, and delivered again if something failed.
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

    /// Something that the message led to was not done.
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
    fn a_message_is_settled_once_and_when_all_is_done() {
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
