//! What every store must do: a test suite for each trait of `cortex_domain::ports`.

#![allow(clippy::unwrap_used)]

mod accepting;
mod auditing;
#[allow(dead_code, reason = "only the suites of servers need it")]
pub(super) mod checking;
mod committing;
mod durability;
pub(super) mod fixtures;
mod listing;
mod ownership;
mod payloads;
mod retention;
#[allow(dead_code, reason = "not every store is on a server")]
pub(super) mod sharing;

use std::sync::Arc;

use cortex_domain::ports::Store;
use cortex_domain::retention::Retention;

pub(crate) use accepting::*;
pub(crate) use auditing::*;
pub(crate) use committing::*;
pub(crate) use durability::*;
pub(crate) use listing::*;
pub(crate) use ownership::*;
pub(crate) use payloads::*;
pub(crate) use retention::*;

/// A location that holds a store. Opening it again, once every handle is dropped, returns the same
/// content.
pub(crate) trait TestStore {
    fn open(&self) -> Arc<dyn Store> {
        self.open_with(Retention::default())
    }

    fn open_with(&self, retention: Retention) -> Arc<dyn Store>;
}

/// Makes the tests of one trait's contract, or of all traits if none is named. The expression makes
/// a new location for each test.
macro_rules! contract {
    ($test_store:expr) => {
        $crate::contract::contract!(jobs $test_store);
        $crate::contract::contract!(outbox $test_store);
        $crate::contract::contract!(feed $test_store);
        $crate::contract::contract!(payloads $test_store);
        $crate::contract::contract!(upkeep $test_store);
        $crate::contract::contract!(audit $test_store);
        $crate::contract::contract!(ownership $test_store);
    };
    (jobs $test_store:expr) => {
        mod jobs {
            use super::*;

            $crate::contract::contract!($test_store;
                an_accepted_job_has_its_input_log_and_message
                the_same_request_is_known_and_any_other_is_a_mismatch
                an_idempotency_key_belongs_to_its_tenant
                a_key_used_many_times_at_once_makes_one_job
                a_stale_change_is_refused_whole
                of_changes_that_race_one_wins
                a_missing_job_cannot_be_changed
                the_log_folds_into_the_record
                a_tenant_sees_its_own_jobs_page_by_page
                jobs_are_found_by_state_and_topic
                jobs_are_counted_by_tenant_and_state
                open_jobs_are_the_durable_ones_that_have_not_ended
                an_ephemeral_job_is_recorded_and_leaves_no_steps
                an_ephemeral_job_that_is_persisted_is_durable_from_then_on
                everything_survives_reopening
            );
        }
    };
    (outbox $test_store:expr) => {
        mod outbox {
            use super::*;

            $crate::contract::contract!($test_store;
                messages_wait_until_they_are_relayed_and_no_number_returns
            );
        }
    };
    (feed $test_store:expr) => {
        mod feed {
            use super::*;

            $crate::contract::contract!($test_store;
                steps_come_in_order_and_a_cursor_keeps_its_place
                a_change_wakes_those_that_wait_for_one
            );
        }
    };
    (payloads $test_store:expr) => {
        mod payloads {
            use super::*;

            $crate::contract::contract!($test_store;
                the_winners_draft_becomes_the_result_and_the_others_are_swept
                a_change_without_its_draft_is_refused_whole
                a_draft_that_may_still_be_published_is_not_swept
                a_client_cannot_write_a_result
                the_payloads_of_an_open_call_are_kept_until_they_are_discarded
            );
        }
    };
    (upkeep $test_store:expr) => {
        mod upkeep {
            use super::*;

            $crate::contract::contract!($test_store;
                an_old_job_is_forgotten_whole_and_an_open_one_never
                of_more_ended_jobs_than_are_kept_the_oldest_of_that_tenant_go
                recorded_calls_are_forgotten_like_jobs
                a_tenant_never_has_more_jobs_than_it_may_however_fast_they_come
                a_tenant_with_its_limit_of_open_jobs_is_refused_whole_and_others_are_taken
                a_tenant_with_its_limit_of_bytes_learns_when_there_is_room_again
                an_idempotency_key_and_its_job_are_kept_for_a_day
                a_tenant_may_have_a_limited_number_of_keys
                a_call_beyond_its_tenants_limit_is_not_persisted_and_leaves_nothing
                a_payload_without_its_job_is_forgotten
                steps_that_every_reader_has_read_are_forgotten
            );
        }
    };
    (audit $test_store:expr) => {
        mod audit {
            use super::*;

            $crate::contract::contract!($test_store;
                an_entry_is_committed_with_its_change_or_not_at_all
                entries_are_numbered_without_gaps_across_restarts
                a_reader_gets_as_many_entries_as_it_asks_for
                the_entries_of_a_call_are_there_once_it_is_recorded
                an_appended_entry_is_flushed_before_a_later_accept
                a_call_with_the_id_of_another_job_is_not_recorded_but_its_entries_are
                old_entries_are_forgotten_and_their_numbers_never_return
                a_tenant_with_more_entries_than_are_kept_loses_its_own_oldest_and_no_others
                a_tenant_with_more_bytes_of_entries_than_are_kept_loses_its_oldest
            );
        }
    };
    (ownership $test_store:expr) => {
        mod ownership {
            use super::*;

            $crate::contract::contract!($test_store;
                turns_follow_the_rule_of_the_domain
                a_scheduler_whose_term_is_over_changes_nothing
            );
        }
    };
    ($test_store:expr; $($name:ident)*) => {
        $(
            #[tokio::test]
            async fn $name() {
                $crate::contract::$name(&$test_store).await;
            }
        )*
    };
}
pub(crate) use contract;
