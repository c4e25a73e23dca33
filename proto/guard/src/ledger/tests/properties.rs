//! Random sequences of events, with a clock that jumps.

use proptest::prelude::*;

use super::simulation::{Action, Answer, Simulation, at, error, id};
use crate::ledger::{
    HeldBody, LedgerEvent, LedgerJob, LedgerPlace, MAX_BACKOFF, SEND_LEASE, accept, apply, backoff,
};

fn action() -> impl Strategy<Value = Action> {
    let answer = prop_oneof![Just(Answer::Accepted), Just(Answer::Refused), Just(Answer::Away)];
    prop_oneof![
        6 => (0..2usize).prop_map(Action::QueueTakes),
        6 => (0..2usize).prop_map(Action::AlarmTakes),
        6 => (0..2usize, answer).prop_map(|(sender, answer)| Action::Answers(sender, answer)),
        1 => (0..2usize).prop_map(Action::AcceptsWithoutReply),
        8 => (0..2usize, any::<u8>()).prop_map(|(sender, random)| Action::Settles(sender, random)),
        1 => (0..2usize).prop_map(Action::GivesBack),
        1 => (0..2usize).prop_map(Action::Dies),
        1 => Just(Action::Cancels),
        2 => (0..5u64).prop_map(Action::Reports),
        2 => Just(Action::Wakes),
        2 => Just(Action::Delays),
        4 => (0..20_000i64).prop_map(Action::Clock),
        1 => (-90_000_000..90_000_000i64).prop_map(Action::Clock),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_sequence_loses_a_job_or_sends_it_again_or_frees_its_bytes_twice(
        actions in prop::collection::vec(action(), 0..60)
    ) {
        let mut simulation = Simulation::new();
        for action in actions {
            simulation.act(action);
            simulation.check();
            simulation.check_that_it_arrives();
        }
    }

    #[test]
    fn a_job_that_finds_the_origin_away_waits_longer_each_time_and_never_too_long(
        failed in 0..200u32, random in any::<u8>()
    ) {
        let wait = backoff(failed, random);
        prop_assert!(wait <= MAX_BACKOFF && wait >= backoff(failed, 0));
        prop_assert!(backoff(failed + 1, 0) >= backoff(failed, 0));
        let body = HeldBody { bytes: 1, offloaded: false };
        let lease = at(0).after(SEND_LEASE);
        let job = LedgerJob { place: LedgerPlace::Sending { body, failed, lease }, ..accept(id(), body, at(0)).job };
        let step = apply(&job, LedgerEvent::OriginAway { lease, random }, at(5)).unwrap();
        prop_assert_eq!(step.job.due(), Some(at(5).after(backoff(failed + 1, random))));
        prop_assert_eq!(step.job.held_until(), step.job.due());
    }

    #[test]
    fn a_report_of_a_sender_under_another_lease_changes_nothing(other in 0..100_000u64) {
        let taken = apply(&accept(id(), super::simulation::BODY, at(0)).job, LedgerEvent::Taken, at(0)).unwrap().job;
        let lease = at(other);
        for event in [
            LedgerEvent::OriginAway { lease, random: 0 },
            LedgerEvent::Refused { lease, error: error(), denied: true },
            LedgerEvent::GivenBack { lease, until: at(9) },
        ] {
            prop_assert_eq!(apply(&taken, event, at(1)).is_ok(), taken.due() == Some(lease));
        }
    }
}
