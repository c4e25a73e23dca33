//! Counts how many bytes the scanners look at, so that tests can bound the work. Outside tests it does nothing.

#[cfg(not(test))]
pub(super) fn count(_: usize) {}

#[cfg(test)]
pub(super) use counted::{count, of};

#[cfg(test)]
mod counted {
    use std::cell::Cell;

    thread_local!(static STEPS: Cell<usize> = const { Cell::new(0) });

    pub(in crate::precheck) fn count(steps: usize) {
        STEPS.set(STEPS.get() + steps);
    }

    /// How many steps some work takes.
    pub(in crate::precheck) fn of(work: impl FnOnce()) -> usize {
        let before = STEPS.get();
        work();
        STEPS.get() - before
    }
}
