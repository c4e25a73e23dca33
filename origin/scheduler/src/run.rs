//! One durable dispatch, from its placing to its end. A task of its own follows it and takes its events one
//! after another; those that came together are committed together.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use cortex_domain::event::Event;
use cortex_domain::flow::Assignment;
use cortex_domain::id::WorkerId;
use cortex_domain::job::Job;
use cortex_domain::ports::CommitError;
use cortex_domain::state::{Failure, FailureKind, Hold, Lease, State, Target};
use cortex_domain::subject::Subject;
use cortex_domain::time::Uptime;
use cortex_domain::transition::Change;
use cortex_wire::encode_assignment;
use tokio::sync::mpsc;

use crate::board::{Board, Note, Turn};
use crate::core::{Core, comes_back};
use crate::intake;
use crate::pump::pump;

/// Notes that may wait for one run.
const NOTES: usize = 64;
/// How long to wait before a store that failed is asked again.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often to look whether a deadline has passed: the clock it goes by may be set.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Gives a cleared job its lease, commits it, sends it and follows it.
pub(crate) async fn place(core: Arc<Core>, turn: Turn) {
    let (id, dispatch, worker) = (turn.ticket.cleared.job().id(), turn.dispatch, turn.worker);
    let lease = Lease { attempt: turn.ticket.cleared.job().attempt.next(), dispatch };
    let placed = match turn.ticket.cleared.place(Target::Worker(worker.clone()), lease, core.now()) {
        Ok(placed) => placed,
        Err(error) => {
            tracing::error!(job = %id, %error, "a cleared job could not be placed");
            return give_up(&core, id, dispatch).await;
        }
    };
    let (change, assignment) = placed.into_parts();
    let job = match core.store.commit(change).await {
        Ok(job) => job,
        Err(error) => {
            tracing::debug!(job = %id, %error, "a placing was not committed");
            return give_up(&core, id, dispatch).await;
        }
    };
    let notes = register(&mut core.board(), &job, lease, &worker, core.uptime());
    let first = send(&core, &assignment).await;
    follow(core, job, lease, Some(first), notes).await;
}

/// A job that is with a worker and is to be followed from here on.
pub(crate) struct Adopted {
    lease: Lease,
    notes: mpsc::Receiver<Note>,
}

/// Takes a job over from elsewhere: from before this process began, or from a call that became durable. Its
/// lease gets one full period, and what is reported from now on waits for [`Adopted::follow`]. `None`: no
/// worker has it.
pub(crate) fn adopt(board: &mut Board, job: &Job, now: Uptime) -> Option<Adopted> {
    let (lease, worker) = (job.state.lease()?, job.state.worker()?);
    let notes = register(board, job, lease, worker, now);
    if matches!(job.state, State::Running { .. }) {
        board.fleet.started(lease, now);
    }
    Some(Adopted { lease, notes })
}

impl Adopted {
    pub(crate) fn follow(self, core: &Arc<Core>, job: Job) {
        let core = core.clone();
        core.tasks.clone().spawn(follow(core, job, self.lease, None, self.notes));
    }

    /// The job is not to be followed after all.
    pub(crate) fn drop(self, core: &Core, job: &Job) {
        let mut board = core.board();
        board.fleet.end(self.lease.dispatch);
        board.runs.remove(&job.id());
    }
}

fn register(
    board: &mut Board,
    job: &Job,
    lease: Lease,
    worker: &WorkerId,
    now: Uptime,
) -> mpsc::Receiver<Note> {
    let (sender, notes) = mpsc::channel(NOTES);
    board.fleet.grant(job.id(), lease, worker, job.request.limits.run, now);
    board.runs.insert(job.id(), sender);
    board.moving.remove(&job.id());
    notes
}

/// Frees the slot and lets the job come back as the store has it.
pub(crate) async fn give_up(
    core: &Arc<Core>,
    id: cortex_domain::id::JobId,
    dispatch: cortex_domain::id::DispatchId,
) {
    {
        let mut board = core.board();
        board.fleet.end(dispatch);
        board.moving.remove(&id);
    }
    intake::submit(core, id).await;
    pump(core).await;
}

/// Sends an assignment; what came of it is the run's first event.
async fn send(core: &Core, assignment: &Assignment) -> Event {
    let lease = assignment.lease();
    match core.bus.publish(Subject::of(assignment), encode_assignment(assignment)).await {
        Ok(()) => Event::Dispatched { lease },
        Err(error) => {
            tracing::info!(job = %assignment.job(), %error, "a worker could not be reached");
            if let Target::Worker(worker) = assignment.target() {
                core.board().fleet.leave(worker);
            }
            Event::Returned { lease }
        }
    }
}

async fn follow(
    core: Arc<Core>,
    mut job: Job,
    lease: Lease,
    first: Option<Event>,
    mut notes: mpsc::Receiver<Note>,
) {
    let mut batch: Vec<Note> = first.map(|event| Note::Happened(event, None)).into_iter().collect();
    loop {
        while let Ok(note) = notes.try_recv() {
            batch.push(note);
        }
        if !batch.is_empty() {
            match step(&core, job, &mut batch).await {
                Some(next) => job = next,
                None => return,
            }
        }
        if job.state.lease() != Some(lease) {
            break;
        }
        tokio::select! {
            () = core.stop.cancelled() => return,
            note = notes.recv() => match note {
                Some(note) => batch.push(note),
                // Another follows it, or nobody is to.
                None => return,
            },
            () = deadline(&core, &job) => batch.push(Note::Happened(Event::Expired, None)),
        }
    }
    end(&core, &job, lease).await;
}

/// Commits what happened. `None`: the process stops, or the job is gone.
async fn step(core: &Core, mut job: Job, batch: &mut Vec<Note>) -> Option<Job> {
    let mut reload = false;
    let mut events = Vec::with_capacity(batch.len());
    for note in batch.drain(..) {
        match note {
            Note::Happened(event, worker) => events.push((event, worker)),
            Note::Moved => reload = true,
        }
    }
    loop {
        if reload {
            job = match core.store.job(job.id()).await {
                Ok(found) => found?,
                Err(error) => {
                    wait(core, &error).await?;
                    continue;
                }
            };
            reload = false;
        }
        let change = fold(core, job.clone(), &events);
        if change.entries().is_empty() {
            return Some(job);
        }
        match core.store.commit(change).await {
            Ok(job) => return Some(job),
            Err(CommitError::Conflict) => reload = true,
            Err(CommitError::NoDraft) => events.iter_mut().for_each(|(event, _)| lose_answer(event)),
            Err(CommitError::Store(error)) => {
                wait(core, &error).await?;
                reload = true;
            }
        }
    }
}

/// What the events make of the job; those that don't fit are stale and change nothing.
fn fold(core: &Core, job: Job, events: &[(Event, Option<WorkerId>)]) -> Change {
    events.iter().fold(Change::of(job), |change, (event, worker)| {
        match change.clone().reported(event.clone(), worker.as_ref(), core.now()) {
            Ok(next) => next,
            Err(rejected) => {
                tracing::debug!(job = %change.job().id(), %rejected, "a report was not applied");
                change
            }
        }
    })
}

/// The worker said that it is done, but what it answered never arrived.
fn lose_answer(event: &mut Event) {
    if let Event::Succeeded { lease, .. } = *event {
        let failure = Failure::new(FailureKind::Broken, "the worker's answer was lost");
        *event = Event::Failed { lease, failure };
    }
}

async fn wait(core: &Core, error: &cortex_domain::ports::StoreError) -> Option<()> {
    tracing::error!(%error, "a step could not be committed; it is tried again");
    tokio::select! {
        () = core.stop.cancelled() => None,
        () = tokio::time::sleep(PATIENCE) => Some(()),
    }
}

async fn deadline(core: &Core, job: &Job) {
    let Some(deadline) = job.request.limits.deadline else { return pending().await };
    loop {
        let left = deadline.since(core.now());
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK_AGAIN)).await;
    }
}

async fn end(core: &Arc<Core>, job: &Job, lease: Lease) {
    {
        let mut board = core.board();
        board.fleet.end(lease.dispatch);
        board.runs.remove(&job.id());
        if let Some(at) = comes_back(&job.state) {
            board.waiting.later(job, at);
        }
    }
    match job.state {
        State::Pending { hold: Hold::Ready } => intake::submit(core, job.id()).await,
        _ => pump(core).await,
    }
}
