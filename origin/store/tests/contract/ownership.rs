//! The record of which scheduler owns which share, and the refusal of what an old owner writes.

use cortex_domain::job::{Durability, Job, Version};
use cortex_domain::ownership::{SchedulerId, Standing, Turn};
use cortex_domain::ports::{CommitError, Sequence, Store, StoreError};
use cortex_domain::share::{Epoch, Share, Term};
use cortex_domain::transition::{Change, first_entry};

use super::TestStore;
use super::fixtures::{accepted, cancelled, request};

fn scheduler(n: u8) -> SchedulerId {
    SchedulerId::new([n; 16])
}

/// Draws numbers below `most` from a seed (xorshift64; Marsaglia 2003).
fn drawn(seed: &mut u64, most: u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed % most
}

fn random_turn(seed: &mut u64, standing: &Standing) -> Turn {
    let mut turn = Turn::heartbeat(scheduler(drawn(seed, 3) as u8));
    for _ in 0..drawn(seed, 4) {
        let share = Share::from_byte(drawn(seed, 4) as u8);
        let epoch = standing.shares.get(&share).map_or(0, |(epoch, _)| epoch.0);
        // Sometimes an epoch that is not the current one.
        let epoch = Epoch((epoch + drawn(seed, 4) / 3).saturating_sub(drawn(seed, 4) / 3));
        match drawn(seed, 3) {
            0 => turn.give.push(share),
            // What is given in a turn is not taken in it.
            _ if turn.take.iter().all(|seen| seen.share != share) && !turn.give.contains(&share) => {
                turn.take.push(Term { share, epoch });
            }
            _ => {}
        }
    }
    turn.give.retain(|share| turn.take.iter().all(|seen| seen.share != *share));
    let other = scheduler(drawn(seed, 3) as u8);
    if let Some(beats) = standing.schedulers.get(&other).filter(|_| other != turn.scheduler) {
        turn.gone.push((other, beats + drawn(seed, 2)));
    }
    turn.leave = drawn(seed, 8) == 0;
    turn
}

pub(crate) async fn turns_follow_the_rule_of_the_domain(test_store: &impl TestStore) {
    let store = test_store.open();
    let mut expected = Standing::default();
    for mut seed in 1..=20 {
        for _ in 0..20 {
            let turn = random_turn(&mut seed, &expected);
            expected.apply(&turn);
            assert_eq!(store.turn(turn.clone()).await.unwrap(), expected, "{turn:?}");
        }
    }
    assert!(expected.shares.values().any(|(epoch, _)| epoch.0 > 20), "{expected:?}");
}

/// Makes a scheduler the owner of a job's share.
async fn own(store: &dyn Store, n: u8, job: &Job) -> Term {
    let share = Share::of(job.tenant());
    let standing = store.turn(Turn::heartbeat(scheduler(n))).await.unwrap();
    let epoch = standing.shares.get(&share).map_or(Epoch(0), |(epoch, _)| *epoch);
    let take = Turn { take: vec![Term { share, epoch }], ..Turn::heartbeat(scheduler(n)) };
    store.turn(take).await.unwrap().terms(scheduler(n)).get(share).unwrap()
}

/// Checks that a scheduler can do nothing for a job's tenant.
async fn refused(store: &dyn Store, job: &Job, term: Term) {
    let steps = store.steps(Sequence(0), 99).await.unwrap();
    let committed = store.commit(cancelled(job).under(term)).await;
    assert!(matches!(committed, Err(CommitError::Store(StoreError::TermOver))), "{committed:?}");
    let call = Job::accepted(request("acme", 77), Durability::Ephemeral, store.memory());
    let history = || Change::history(call.clone(), vec![first_entry(&call)], vec![]).under(term);
    assert!(matches!(store.record(history()).await, Err(StoreError::TermOver)));
    let persisted = store.commit(history()).await;
    assert!(matches!(persisted, Err(CommitError::Store(StoreError::TermOver))), "{persisted:?}");
    assert!(matches!(store.append(vec![], Some(term)).await, Err(StoreError::TermOver)));
    assert_eq!(store.job(job.id()).await.unwrap().as_ref(), Some(job));
    assert_eq!(store.job(call.id()).await.unwrap(), None);
    assert_eq!(store.steps(Sequence(0), 99).await.unwrap(), steps);
    assert_eq!(store.log(job.id(), Version(0)).await.unwrap().len(), 1);
}

pub(crate) async fn a_scheduler_whose_term_is_over_changes_nothing(test_store: &impl TestStore) {
    let store = test_store.open();
    let job = accepted(&*store, "acme", 1).await;
    let share = Share::of(job.tenant());
    refused(&*store, &job, Term { share, epoch: Epoch(1) }).await;
    let first = own(&*store, 1, &job).await;
    let second = own(&*store, 2, &job).await;
    assert!(second.epoch > first.epoch);
    refused(&*store, &job, first).await;
    refused(&*store, &job, Term { epoch: Epoch(second.epoch.0 + 1), ..second }).await;
    let given = store.turn(Turn { give: vec![share], ..Turn::heartbeat(scheduler(2)) }).await.unwrap();
    assert!(given.terms(scheduler(2)).is_empty());
    refused(&*store, &job, second).await;
    let third = own(&*store, 1, &job).await;
    assert!(store.commit(cancelled(&job).under(third)).await.unwrap().state.is_terminal());
    store.append(vec![], Some(third)).await.unwrap();
}
