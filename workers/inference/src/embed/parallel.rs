//! Runs the work of a round on several threads.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Runs `work` for every item, with a thread per scratch. Each thread takes the next item when it
/// is done with one. Returns the results in the order of the items. The current thread works too,
/// so a single item starts no thread.
pub(super) fn map<M: Send, T: Sync, R: Send>(
    scratches: &mut [M],
    items: &[T],
    work: impl Fn(&mut M, &T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let take = |scratch: &mut M| {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else { return done };
            done.push((at, work(scratch, item)));
        }
    };
    let (own, others) = scratches.split_first_mut().expect("there is a scratch for this thread");
    let others = others.iter_mut().take(items.len().saturating_sub(1));
    let mut done = thread::scope(|scope| {
        let others: Vec<_> = others.map(|scratch| scope.spawn(|| take(scratch))).collect();
        let mut done = take(own);
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_items_order() {
        let items: Vec<usize> = (0..100).collect();
        for threads in 1..4 {
            let squares = map(&mut vec![(); threads], &items, |(), n| n * n);
            assert_eq!(squares, items.iter().map(|n| n * n).collect::<Vec<_>>());
        }
        assert!(map(&mut [()], &[] as &[u8], |(), n| *n).is_empty());
    }
}
