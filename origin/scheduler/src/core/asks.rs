//! How many requests to the safety kernel are open. A kernel that does not answer costs no more than that, and calls never
//! wait for the requests of jobs.

use super::tracked::{AskId, Asker};

#[derive(Debug)]
pub(super) struct Asks {
    /// Of calls and of jobs, each.
    most: usize,
    calls: usize,
    jobs: usize,
    count: u64,
    /// The number of the last request that is not counted any more, whether it is open or not.
    forgotten: u64,
}

impl Asks {
    pub(super) fn new(most: usize) -> Self {
        Self { most, calls: 0, jobs: 0, count: 0, forgotten: 0 }
    }

    /// Counts from nothing again. Those that are open now are not counted, and none has the number of one that follows.
    pub(super) fn reset(&self) -> Self {
        Self { calls: 0, jobs: 0, forgotten: self.count, ..*self }
    }

    /// Whether another request may be made.
    pub(super) fn has_room(&self, of: Asker) -> bool {
        let open = match of {
            Asker::Call => self.calls,
            Asker::Job => self.jobs,
        };
        open < self.most
    }

    /// Counts a request, which is open until [`Self::close`].
    pub(super) fn open(&mut self, of: Asker) -> AskId {
        *self.counted(of) += 1;
        self.count += 1;
        AskId { number: self.count, of }
    }

    /// The request was answered, or has failed.
    pub(super) fn close(&mut self, ask: AskId) {
        if ask.number > self.forgotten {
            let open = self.counted(ask.of);
            *open = open.saturating_sub(1);
        }
    }

    fn counted(&mut self, of: Asker) -> &mut usize {
        match of {
            Asker::Call => &mut self.calls,
            Asker::Job => &mut self.jobs,
        }
    }

    #[cfg(test)]
    pub(super) fn most(&self) -> usize {
        self.most
    }

    #[cfg(test)]
    pub(super) fn all_open(&self) -> [usize; 2] {
        [self.calls, self.jobs]
    }
}
