//! The pool runs every item once, and survives panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use cortex_compute::Threads;

#[test]
fn every_item_is_done_once() {
    for count in 1..5 {
        let threads = Threads::new(count).unwrap();
        for items in (0..40).chain([1000]) {
            let done: Vec<_> = (0..items).map(|_| AtomicUsize::new(0)).collect();
            threads.each(items, |item| {
                done[item].fetch_add(1, Ordering::Relaxed);
            });
            assert!(done.iter().all(|done| done.load(Ordering::Relaxed) == 1), "{items} on {count}");
        }
    }
}

#[test]
fn callers_take_turns() {
    let threads = Threads::new(3).unwrap();
    let total = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..200 {
                    threads.each(17, |item| {
                        total.fetch_add(item, Ordering::Relaxed);
                    });
                }
            });
        }
    });
    assert_eq!(total.into_inner(), 4 * 200 * 136);
}

#[test]
fn a_panic_reaches_the_caller_and_the_pool_lives_on() {
    let threads = Threads::new(3).unwrap();
    for bad in [0, 5, 99] {
        let result = catch_unwind(AssertUnwindSafe(|| {
            threads.each(100, |item| assert!(item != bad, "item {item}"));
        }));
        let panic = result.unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), &format!("item {bad}"));
        let done = AtomicUsize::new(0);
        threads.each(100, |_| {
            done.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(done.into_inner(), 100);
    }
}
