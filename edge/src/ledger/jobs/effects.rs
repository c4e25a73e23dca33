//! The effects of a committed change of a job. All steps are performed, even if one fails.

use cortex_domain::id::JobId;
use cortex_domain::time::Timestamp;
use cortex_guard::ledger::Effect;
use worker::Result;

use super::table;
use crate::ledger::failures::Failures;
use crate::ledger::object::Ledger;
use crate::{log, offloaded};

/// A step.
#[derive(Clone, PartialEq, Eq, Debug)]
enum FollowUp {
    FreeBytes(u64),
    WakeWaiting,
    SetAlarmBy(Timestamp),
    DeleteOffloadedBody,
}

impl FollowUp {
    fn name(&self) -> &'static str {
        match self {
            Self::FreeBytes(_) => "free bytes",
            Self::WakeWaiting => "wake waiting jobs",
            Self::SetAlarmBy(_) => "set the alarm",
            Self::DeleteOffloadedBody => "delete the offloaded body",
        }
    }
}

/// Returns the steps of effects in order. Everything that the alarm reads is written before the
/// alarm is set.
fn steps(effects: &[Effect], now: Timestamp) -> Vec<FollowUp> {
    let (mut steps, mut alarm, mut delete) = (Vec::new(), None, None);
    for effect in effects {
        match effect {
            Effect::FreeBytes(bytes) => steps.push(FollowUp::FreeBytes(*bytes)),
            Effect::WakeWaiting => {
                steps.push(FollowUp::WakeWaiting);
                alarm = Some(FollowUp::SetAlarmBy(now));
            }
            Effect::SendAgainAt(at) => alarm = Some(FollowUp::SetAlarmBy(*at)),
            Effect::DeleteOffloadedBody => delete = Some(FollowUp::DeleteOffloadedBody),
        }
    }
    steps.extend(alarm);
    steps.extend(delete);
    steps
}

/// Performs all steps, and records their failures.
async fn take(
    steps: Vec<FollowUp>,
    of: &JobId,
    act: impl AsyncFn(&FollowUp) -> Result<()>,
    failures: &mut Failures,
) {
    for step in steps {
        let done = act(&step).await;
        failures.note(step.name(), of, done);
    }
}

impl Ledger {
    /// Performs the effects of a committed change.
    pub(super) async fn perform(
        &self,
        id: &JobId,
        effects: &[Effect],
        now: Timestamp,
        failures: &mut Failures,
    ) {
        let act = async |step: &FollowUp| match step {
            FollowUp::FreeBytes(bytes) => {
                self.held.set(self.held.get().map(|held| held.without(*bytes)));
                Ok(())
            }
            FollowUp::WakeWaiting => self.sql.run(table::wake(now)),
            FollowUp::SetAlarmBy(at) => self.set_alarm_by(*at).await,
            FollowUp::DeleteOffloadedBody => {
                // A lifecycle rule of the bucket deletes remaining bodies.
                if let Err(error) = offloaded::delete(&self.env, id).await {
                    log::error("ledger.unpark", &[("job", &id.to_string()), ("cause", &error.to_string())]);
                }
                Ok(())
            }
        };
        take(steps(effects, now), id, act, failures).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use futures::FutureExt;
    use worker::Error;

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(5);

    fn id() -> JobId {
        JobId::mint(NOW, [7; 10])
    }

    #[test]
    fn all_steps_run_and_a_failure_is_reported() {
        let effects = [Effect::FreeBytes(3), Effect::WakeWaiting, Effect::DeleteOffloadedBody];
        let all = steps(&effects, NOW);
        assert_eq!(all.len(), 4);
        for broken in &all {
            let (taken, mut failures) = (RefCell::new(Vec::new()), Failures::default());
            let act = async |step: &FollowUp| {
                taken.borrow_mut().push(step.clone());
                if step == broken { Err(Error::RustError("broken".into())) } else { Ok(()) }
            };
            take(all.clone(), &id(), act, &mut failures).now_or_never().expect("nothing waits");
            assert_eq!(taken.into_inner(), all);
            assert_eq!(failures.all(), [(broken.name(), id().to_string().as_str())]);
        }
    }

    #[test]
    fn the_alarm_is_set_when_all_it_finds_is_written() {
        let later = Timestamp::from_millis(9);
        let effects = [Effect::SendAgainAt(later), Effect::DeleteOffloadedBody, Effect::FreeBytes(1)];
        assert_eq!(
            steps(&effects, NOW),
            [FollowUp::FreeBytes(1), FollowUp::SetAlarmBy(later), FollowUp::DeleteOffloadedBody]
        );
        assert_eq!(steps(&[Effect::WakeWaiting], NOW), [FollowUp::WakeWaiting, FollowUp::SetAlarmBy(NOW)]);
    }
}
