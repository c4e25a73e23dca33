//! Fills an empty database from another store.

use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::ports::{Answer, StoreError};

use super::arguments::Arguments;
use super::link::Link;
use super::{keys, open, script};
use crate::copy::{CopiedJob, Import, Numbers, Page};
use crate::server::{ServerError, ServerOptions};

/// A database that is being filled. No process can open it as a store before it is finished.
#[derive(Debug)]
pub struct RedisImport {
    link: Link,
}

impl RedisImport {
    /// Marks an empty database as a copy that is incomplete.
    ///
    /// # Errors
    /// Returns an error if the server can't be used or its database is not empty.
    pub async fn create(options: &ServerOptions) -> Result<Self, ServerError> {
        Ok(Self { link: open::empty(options).await? })
    }

    async fn rows(&self, page: Page) -> Result<(), StoreError> {
        let (mut steps, mut messages, mut entries, mut cursors) = (vec![], vec![], vec![], vec![]);
        match page {
            Page::Jobs(jobs) => return self.jobs(&jobs).await,
            Page::Steps(page) => steps = page,
            Page::Messages(page) => messages = page,
            Page::Entries(page) => entries = page,
            Page::Cursors(page) => cursors = page,
        }
        let id = |sequence: cortex_domain::ports::Sequence| format!("{}-0", sequence.0);
        let arguments = |to: Arguments| {
            to.rows(steps.iter(), |to, step| {
                to.text(id(step.sequence))
                    .text(step.job)
                    .text(&step.tenant)
                    .text(step.version.0)
                    .text(step.attempt.0)
                    .text(step.state.as_str())
                    .time(step.at)
            })
            .rows(messages.iter(), |to, outbound| {
                let message = cortex_wire::encode_message(&outbound.message);
                to.text(id(outbound.sequence)).value(message.to_vec())
            })
            .rows(entries.iter(), |to, audited| to.text(id(audited.sequence)).audit_entry(&audited.entry))
            .rows(cursors.iter(), |to, cursor| to.text(&cursor.name).text(cursor.position.0))
        };
        self.link.write(&script::IMPORT_ROWS, arguments).await.map(drop)
    }

    async fn jobs(&self, jobs: &[CopiedJob]) -> Result<(), StoreError> {
        let payloads = jobs.iter().map(payloads).collect::<Result<Vec<_>, _>>()?;
        let arguments = |to: Arguments| {
            to.rows(jobs.iter().zip(payloads), |to, (copied, payloads)| {
                let job = &copied.job;
                let key = copied.key();
                to.job_of_bytes(job, &copied.log, copied.bytes, copied.kept_until)
                    .rows(payloads.into_iter(), |to, (key, body)| to.text(key).value(body))
                    .rows(key.as_slice().iter(), |to, key| {
                        to.text(key.key.as_str())
                            .value(key.fingerprint.0.to_vec())
                            .time(job.request.created_at)
                    })
            })
        };
        self.link.write(&script::IMPORT_JOBS, arguments).await.map(drop)
    }
}

impl Import for RedisImport {
    fn memory(&self) -> Memory {
        Memory::Redis
    }

    fn write(&mut self, page: Page) -> Answer<'_, Result<(), StoreError>> {
        Box::pin(self.rows(page))
    }

    fn finish(&mut self, numbers: Numbers) -> Answer<'_, Result<(), StoreError>> {
        let Numbers { step, message, entry } = numbers;
        Box::pin(async move {
            let arguments = |to: Arguments| to.text(step.0).text(message.0).text(entry.0);
            self.link.write(&script::IMPORT_FINISH, arguments).await.map(drop)
        })
    }
}

/// Returns the payloads of a job with their keys.
fn payloads(copied: &CopiedJob) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let (job, id) = (&copied.job, copied.job.id());
    let draft = job.state.lease().map(|lease| Pointer::draft(job.memory, id, lease.dispatch));
    let bodies = [
        (Some(job.context()), &copied.input),
        (Some(Pointer::result(job.memory, id)), &copied.result),
        (draft, &copied.draft),
    ];
    let some = bodies.into_iter().filter_map(|(pointer, body)| Some((pointer?, body.as_ref()?)));
    some.map(|(pointer, body)| Ok((keys::payload(pointer)?, body.to_vec()))).collect()
}
