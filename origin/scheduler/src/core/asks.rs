//! Counts the open requests to the safety kernel. The limit bounds the cost of a kernel that does
//! not answer. Calls have a limit of their own, so they never wait for requests about jobs.

use super::tracked::{AskId, Asker};

#[derive(Debug)]
pub(super) struct Asks {
    /// The limit for calls, and also for jobs.
    most: usize,
    calls: usize,
    jobs: usize,
    count: u64,
    /// The number of the last request that no longer counts, whether it is still open or not.
    forgotten: u64,
}

impl Asks {
    pub(super) fn new(most: usize) -> Self {
        Self { most, calls: 0, jobs: 0, count: 0, forgotten: 0 }
    }

    /// Starts counting from zero. Requests that are open now no longer count, and later requests
    /// have higher numbers.
    pub(super) fn reset(&self) -> Self {
        Self { calls: 0, jobs: 0, forgotten: self.count, ..*self }
    }

    /// Returns whether another request may be sent.
    pub(super) fn has_room(&self, of: Asker) -> bool {
        let open = match of {
            Asker::Call => self.calls,
            Asker::Job => self.jobs,
        };
        open < self.most
    }

    /// Counts a request as open until [`Self::close`].
    pub(super) fn open(&mut self, of: Asker) -> AskId {
        *self.counted(of) += 1;
        self.count += 1;
        AskId { number: self.count, of }
    }

    /// Records that a request was answered or has failed.
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
