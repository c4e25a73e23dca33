//! Every reachable state with two senders (the queue and a repeated message, or the alarm), a
//! cancellation, reports and a clock that advances, in any order.

use std::collections::HashSet;
use std::time::Duration;

use super::simulation::{Action, Answer, Simulation};
use crate::ledger::{LedgerPlace, SEND_LEASE};

/// How far the clock advances. Three senders may lose their leases one after the other.
const TICK: Duration = Duration::from_secs(SEND_LEASE.as_secs() / 2);
const END: Duration = Duration::from_secs(3 * SEND_LEASE.as_secs());
/// How many attempts may find the origin unreachable.
const MAX_FAILED: u32 = 3;

fn actions() -> Vec<Action> {
    let mut all =
        vec![Action::Cancels, Action::Reports(1), Action::Reports(2), Action::Wakes, Action::Delays];
    for sender in 0..2 {
        let take = if sender == 0 { Action::QueueTakes(sender) } else { Action::AlarmTakes(sender) };
        all.extend([
            take,
            Action::AcceptsWithoutReply(sender),
            Action::Settles(sender, 0),
            Action::Dies(sender),
        ]);
        all.push(Action::GivesBack(sender));
        let answers = [Answer::Accepted, Answer::Refused, Answer::Away];
        all.extend(answers.map(|answer| Action::Answers(sender, answer)));
    }
    all.push(Action::QueueTakes(1));
    all.push(Action::Clock(i64::try_from(TICK.as_millis()).unwrap()));
    all
}

#[test]
fn no_order_of_a_few_events_loses_a_job_or_sends_it_again_or_frees_its_bytes_twice() {
    let (actions, start) = (actions(), Simulation::new());
    let end = start.now.after(END);
    let mut seen = HashSet::from([format!("{start:?}")]);
    let mut edge = vec![start];
    let (mut ended, mut at_origin) = (0, 0);
    while !edge.is_empty() {
        let mut next = Vec::new();
        for simulation in &edge {
            for action in &actions {
                let mut after = simulation.clone();
                if !after.act(*action) || after.now > end || failed(&after) > MAX_FAILED {
                    continue;
                }
                after.check();
                if seen.insert(format!("{after:?}")) {
                    after.check_that_it_arrives();
                    ended += usize::from(after.job.due().is_none() && after.job.origin_id().is_none());
                    at_origin += usize::from(after.job.origin_id().is_some());
                    next.push(after);
                }
            }
        }
        edge = next;
    }
    assert!(seen.len() > 20_000 && ended > 100 && at_origin > 100, "{} {ended} {at_origin}", seen.len());
}

fn failed(simulation: &Simulation) -> u32 {
    match simulation.job.place {
        LedgerPlace::Waiting { failed, .. } | LedgerPlace::Sending { failed, .. } => failed,
        LedgerPlace::AtOrigin { .. } | LedgerPlace::Ended(_) => 0,
    }
}
