//! Copies a store to an empty one on any engine, page by page. Numbers stay what they are, so that
//! readers of steps, messages and audit entries continue where they were.

use bytes::Bytes;
use cortex_domain::event::Entry;
use cortex_domain::id::JobId;
use cortex_domain::job::{Idempotency, Job};
use cortex_domain::pointer::Memory;
use cortex_domain::ports::{Answer, Audited, JobCount, JobStep, Outbound, Sequence, StoreError};
use cortex_domain::time::Timestamp;

/// A job with everything that belongs to it alone.
#[derive(Clone, Debug)]
pub struct CopiedJob {
    pub job: Job,
    pub log: Vec<Entry>,
    /// What the job counts for its tenant.
    pub bytes: u64,
    /// The job may not be deleted before this time.
    pub kept_until: Timestamp,
    pub input: Option<Bytes>,
    pub result: Option<Bytes>,
    /// The draft of the current lease. All others would be deleted.
    pub draft: Option<Bytes>,
    /// Whether the idempotency key of its request names this job.
    pub holds_key: bool,
}

impl CopiedJob {
    pub(crate) fn key(&self) -> Option<&Idempotency> {
        self.job.request.idempotency.as_ref().filter(|_| self.holds_key)
    }
}

/// The position of a reader of the steps.
#[derive(Clone, Debug)]
pub struct Cursor {
    pub name: String,
    pub position: Sequence,
}

/// The newest number of each sequence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Numbers {
    pub step: Sequence,
    pub message: Sequence,
    pub entry: Sequence,
}

/// A part of a store.
#[derive(Clone, Debug)]
pub enum Page {
    Jobs(Vec<CopiedJob>),
    Steps(Vec<JobStep>),
    Messages(Vec<Outbound>),
    Entries(Vec<Audited>),
    Cursors(Vec<Cursor>),
}

/// A store that is read as a whole. Each page is as large as the store likes, and an empty page is
/// the last.
pub trait Export: Send + Sync {
    /// Returns jobs in the order of their ids.
    fn jobs(&self, after: Option<JobId>) -> Answer<'_, Result<Vec<CopiedJob>, StoreError>>;

    fn steps(&self, after: Sequence) -> Answer<'_, Result<Vec<JobStep>, StoreError>>;

    fn messages(&self, after: Sequence) -> Answer<'_, Result<Vec<Outbound>, StoreError>>;

    fn entries(&self, after: Sequence) -> Answer<'_, Result<Vec<Audited>, StoreError>>;

    fn cursors(&self) -> Answer<'_, Result<Vec<Cursor>, StoreError>>;

    fn numbers(&self) -> Answer<'_, Result<Numbers, StoreError>>;

    fn counts(&self) -> Answer<'_, Result<Vec<JobCount>, StoreError>>;
}

/// An empty store that is filled. It can't be served before it is finished.
pub trait Import: Send {
    /// The memory of the payloads.
    fn memory(&self) -> Memory;

    /// Writes a page, which comes after the pages of its kind before it.
    fn write(&mut self, page: Page) -> Answer<'_, Result<(), StoreError>>;

    /// Counts what was written, flushes it, and makes the store one that can be served.
    fn finish(&mut self, numbers: Numbers) -> Answer<'_, Result<(), StoreError>>;
}

/// How much was copied.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Copied {
    pub jobs: u64,
    pub steps: u64,
    pub messages: u64,
    pub entries: u64,
}

/// A store could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("the source can't be read: {0}")]
    Read(StoreError),
    #[error("the target can't be written: {0}")]
    Write(StoreError),
    #[error("the source changed while it was copied: stop the processes that use it")]
    Changed,
}

/// Copies a store, and finishes the target. If the source changes meanwhile, the target stays
/// unfinished.
///
/// # Errors
/// Returns an error if a store fails or the source changes.
pub async fn copy(from: &dyn Export, to: &mut dyn Import) -> Result<Copied, CopyError> {
    let numbers = from.numbers().await.map_err(CopyError::Read)?;
    let memory = to.memory();
    let mut copied = Copied::default();
    let mut after = None;
    loop {
        let mut page = from.jobs(after).await.map_err(CopyError::Read)?;
        let Some(last) = page.last() else { break };
        after = Some(last.job.id());
        copied.jobs += page.len() as u64;
        for copied in &mut page {
            copied.job = copied.job.clone().moved_to(memory);
        }
        to.write(Page::Jobs(page)).await.map_err(CopyError::Write)?;
    }
    copied.steps = numbered(to, |after| from.steps(after), |step| step.sequence, Page::Steps).await?;
    copied.messages =
        numbered(to, |after| from.messages(after), |message| message.sequence, Page::Messages).await?;
    copied.entries = numbered(to, |after| from.entries(after), |entry| entry.sequence, Page::Entries).await?;
    let cursors = from.cursors().await.map_err(CopyError::Read)?;
    to.write(Page::Cursors(cursors)).await.map_err(CopyError::Write)?;
    if from.numbers().await.map_err(CopyError::Read)? != numbers {
        return Err(CopyError::Changed);
    }
    to.finish(numbers).await.map_err(CopyError::Write)?;
    Ok(copied)
}

/// Copies the pages of a sequence. Returns how many rows they have.
async fn numbered<'a, T>(
    to: &mut dyn Import,
    read: impl Fn(Sequence) -> Answer<'a, Result<Vec<T>, StoreError>>,
    number: impl Fn(&T) -> Sequence,
    page: impl Fn(Vec<T>) -> Page,
) -> Result<u64, CopyError> {
    let (mut after, mut rows) = (Sequence(0), 0);
    loop {
        let found = read(after).await.map_err(CopyError::Read)?;
        let Some(last) = found.last() else { return Ok(rows) };
        after = number(last);
        rows += found.len() as u64;
        to.write(page(found)).await.map_err(CopyError::Write)?;
    }
}
