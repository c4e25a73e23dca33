//! Synchronous calls: the same steps as a durable job's, held in memory until they are answered.

use std::sync::Arc;

use cortex_domain::call::{Called, Refusal};
use cortex_domain::event::Event;
use cortex_domain::flow::Accepted;
use cortex_domain::id::{JobId, WorkerId};
use cortex_domain::job::{Durability, Job, Request};
use cortex_domain::pointer::Pointer;
use cortex_domain::policy::Gate;
use cortex_domain::ports::{Reply, StoreError};
use cortex_domain::state::{Denial, Hold, Lease, State, Target};
use cortex_domain::subject::Subject;
use cortex_domain::task::Cancel;
use cortex_domain::transition::{Change, Effect, first_entry};
use cortex_wire::{encode_assignment, encode_called, encode_cancel};

use crate::board::{Call, Turn};
use crate::core::{Core, comes_back};
use crate::pump::pump;
use crate::waiting::Ticket;
use crate::{intake, report, run};

/// Takes a call in.
pub(crate) async fn begin(core: &Arc<Core>, request: Request, reply: Box<dyn Reply>) {
    let id = request.id;
    let job = Accepted::ephemeral(request, core.store.memory()).into_job();
    let log = vec![first_entry(&job)];
    let opened = core.board().calls.open(Call { job, log, reply, since: core.uptime() });
    match opened {
        Ok(()) => judge(core, id).await,
        Err((reply, refusal)) => send(reply, &Called::Refused(refusal)).await,
    }
}

/// Asks the safety kernel about a call and queues it.
pub(crate) async fn judge(core: &Arc<Core>, id: JobId) {
    let Some(job) = core.board().calls.get(id).map(|call| call.job.clone()) else { return };
    let Ok(accepted) = Accepted::recalled(job) else { return };
    match core.clear(accepted).await {
        Ok(Gate::Passed(cleared)) => {
            let ticket = Ticket { cleared, since: core.uptime() };
            let queued = {
                let mut board = core.board();
                if !board.is_at(id, ticket.cleared.job().version) {
                    // It ended or was kept while it was judged.
                    return;
                }
                board.queue(ticket, &core.settings)
            };
            match queued {
                Ok(()) => pump(core).await,
                Err(_) => refuse(core, id, Refusal::Overloaded).await,
            }
        }
        Ok(Gate::Denied(_, denial)) => happened(core, id, Event::Denied { denial }, None).await,
        // A call can't wait for a person or for another day.
        Ok(Gate::Held(_, hold)) => {
            let reason = match hold {
                Hold::Approval => "a person has to approve this; submit it as a job",
                _ => "this tenant is slowed down; submit it as a job, or try again later",
            };
            let denial = Denial { rule: hold.name().into(), reason: reason.into() };
            happened(core, id, Event::Denied { denial }, None).await;
        }
        Err(error) => {
            tracing::error!(job = %id, %error, "a call could not be judged");
            refuse(core, id, Refusal::Unjudged).await;
        }
    }
}

/// Gives a cleared call its lease and sends it.
pub(crate) async fn place(core: &Arc<Core>, turn: Turn) {
    let (id, worker, dispatch) = (turn.ticket.cleared.job().id(), turn.worker, turn.dispatch);
    let lease = Lease { attempt: turn.ticket.cleared.job().attempt.next(), dispatch };
    let placed = turn.ticket.cleared.place(Target::Worker(worker.clone()), lease, core.now());
    let Ok(placed) = placed else {
        core.board().fleet.end(dispatch);
        return refuse(core, id, Refusal::Internal).await;
    };
    let (change, assignment) = placed.into_parts();
    {
        let mut board = core.board();
        let Some(call) = board.calls.get_mut(id).filter(|call| call.job.version == change.expected()) else {
            board.fleet.end(dispatch);
            return;
        };
        call.log.extend_from_slice(change.entries());
        let run = change.job().request.limits.run;
        call.job = change.into_job();
        board.fleet.grant(id, lease, &worker, run, core.uptime());
    }
    let body = encode_assignment(&assignment);
    let event = match core.bus.publish(Subject::of(&assignment), body).await {
        Ok(()) => Event::Dispatched { lease },
        Err(error) => {
            tracing::info!(job = %id, %error, "a worker could not be reached");
            core.board().fleet.leave(&worker);
            Event::Returned { lease }
        }
    };
    // It may have been kept since.
    report::happened(core, id, event, worker).await;
}

/// What a call needs next.
enum Next {
    Answer(Box<Call>, Option<Lease>),
    Judge,
    /// It waits, and the slot it had is free for others.
    Room,
    Nothing,
}

/// Applies what happened to a call. What does not fit is stale and changes nothing.
pub(crate) async fn happened(core: &Arc<Core>, id: JobId, event: Event, worker: Option<&WorkerId>) {
    let Some((next, aborts)) = apply(core, id, event, worker) else { return };
    for cancel in aborts {
        core.tell(Subject::JOB_CANCEL, encode_cancel(&cancel)).await;
    }
    match next {
        Next::Answer(call, lease) => finish(core, *call, lease).await,
        Next::Judge => Box::pin(judge(core, id)).await,
        Next::Room => pump(core).await,
        Next::Nothing => {}
    }
}

fn apply(core: &Core, id: JobId, event: Event, worker: Option<&WorkerId>) -> Option<(Next, Vec<Cancel>)> {
    let mut board = core.board();
    let call = board.calls.get_mut(id)?;
    let held = call.job.state.lease();
    let change = match Change::of(call.job.clone()).reported(event, worker, core.now()) {
        Ok(change) => change,
        Err(rejected) => {
            tracing::debug!(job = %id, %rejected, "a report was not applied");
            return None;
        }
    };
    call.log.extend_from_slice(change.entries());
    let aborts = change.effects().iter().filter_map(cancel).collect();
    call.job = change.into_job();
    let state = call.job.state.clone();
    let given_up = held.filter(|lease| state.lease() != Some(*lease));
    if let Some(lease) = given_up {
        board.fleet.end(lease.dispatch);
    }
    if state.is_terminal() {
        board.waiting.remove(id);
        let call = board.calls.close(id)?;
        return Some((Next::Answer(Box::new(call), given_up), aborts));
    }
    let board = &mut *board;
    if let (Some(at), Some(call)) = (comes_back(&state), board.calls.get(id)) {
        board.waiting.later(&call.job, at);
    }
    let next = match state {
        _ if given_up.is_none() => Next::Nothing,
        State::Pending { hold: Hold::Ready } => Next::Judge,
        _ => Next::Room,
    };
    Some((next, aborts))
}

/// Makes a call's job durable as it stands; from here on it is a job like any other.
pub(crate) async fn keep(core: &Arc<Core>, id: JobId) {
    // In one step, so that no report comes while nobody follows the job.
    let (call, job, adopted) = {
        let mut board = core.board();
        let Some(call) = board.calls.close(id) else { return };
        board.waiting.remove(id);
        board.moving.insert(id);
        let job = Job { durability: Durability::Durable, ..call.job.clone() };
        let adopted = run::adopt(&mut board, &job, core.uptime());
        (call, job, adopted)
    };
    let kept = core.store.keep(job.clone(), call.log).await;
    if adopted.is_none() {
        core.board().moving.remove(&id);
    }
    match kept {
        Ok(()) => {
            send(call.reply, &Called::Kept { job: Box::new(job.clone()) }).await;
            match adopted {
                Some(adopted) => adopted.follow(core, job),
                None => intake::submit(core, id).await,
            }
        }
        Err(error) => {
            let refusal = match error {
                StoreError::Beyond(_) => Refusal::StorageFull,
                _ => {
                    tracing::error!(job = %id, %error, "a call could not be made durable");
                    Refusal::Internal
                }
            };
            send(call.reply, &Called::Refused(refusal)).await;
            if let Some(adopted) = adopted {
                adopted.drop(core, &job);
                if let (Some(lease), Some(worker)) = (job.state.lease(), job.state.worker()) {
                    let cancel = Cancel { job: id, lease, worker: worker.clone() };
                    core.tell(Subject::JOB_CANCEL, encode_cancel(&cancel)).await;
                }
                pump(core).await;
            }
        }
    }
}

/// A call's backoff is over.
pub(crate) async fn resume(core: &Arc<Core>, id: JobId) {
    happened(core, id, Event::Released, None).await;
    judge(core, id).await;
}

fn cancel(effect: &Effect) -> Option<Cancel> {
    match effect {
        Effect::Abort { job, lease, worker } => {
            Some(Cancel { job: *job, lease: *lease, worker: worker.clone() })
        }
        Effect::Submit { .. } | Effect::Publish { .. } => None,
    }
}

/// Notes the job, answers the caller and lets the next one have the slot.
async fn finish(core: &Arc<Core>, call: Call, lease: Option<Lease>) {
    let Call { job, log, reply, since: _ } = call;
    let answer = match (&job.state, lease) {
        (State::Succeeded { .. }, Some(lease)) => Some(Pointer::draft(job.memory, job.id(), lease.dispatch)),
        _ => None,
    };
    // Before the answer, so that whoever has it finds the job.
    if let Err(error) = core.store.record(job.clone(), log).await {
        tracing::warn!(%error, "a synchronous job was not recorded");
    }
    send(reply, &Called::Ended { job: Box::new(job), answer }).await;
    if !core.board().waiting.is_empty() {
        pump(core).await;
    }
}

async fn refuse(core: &Core, id: JobId, refusal: Refusal) {
    let call = {
        let mut board = core.board();
        // Else what waits under this id is a durable job's.
        let Some(call) = board.calls.close(id) else { return };
        board.waiting.remove(id);
        call
    };
    send(call.reply, &Called::Refused(refusal)).await;
}

/// Refuses what is still open, once nothing else runs.
pub(crate) async fn refuse_all(core: &Core, refusal: Refusal) {
    let calls: Vec<Call> = core.board().calls.close_all();
    for call in calls {
        send(call.reply, &Called::Refused(refusal)).await;
    }
}

async fn send(reply: Box<dyn Reply>, called: &Called) {
    if let Err(error) = reply.send(encode_called(called)).await {
        tracing::debug!(%error, "the caller is gone");
    }
}
