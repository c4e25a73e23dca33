use super::machine::{Machine, alone};
use super::{LIMITS, job};
use crate::Limits;

#[test]
fn the_oldest_is_never_made_to_wait() {
    let mut machine = Machine::new(Limits { blocks: 10, running: 6, ..LIMITS });
    let jobs: Vec<_> = (0..6).map(|n| job("a", n * 100..n * 100 + 40, 200)).collect();
    let ids: Vec<_> = jobs.iter().map(|job| machine.submit(job.clone())).collect();
    let mut preempted = 0;
    while !machine.batch.is_empty() {
        let oldest = *machine.batch.sequences.keys().next().unwrap();
        let plan = machine.step();
        assert!(!plan.preempted.contains(&oldest));
        preempted += plan.preempted.len();
        assert!(machine.step < 2000);
    }
    assert!(preempted > 0, "the room was never short");
    for (id, job) in ids.iter().zip(&jobs) {
        assert_eq!(machine.finished[id].1, alone(job));
    }
}

#[test]
fn what_is_computed_again_is_charged_once() {
    let mut machine = Machine::new(Limits { blocks: 6, running: 3, ..LIMITS });
    for n in 0..3 {
        machine.submit(job("a", n * 100..n * 100 + 40, 120));
    }
    machine.submit(job("b", 900..901, 1));
    let before = machine.batch.tenants.virtual_time("a");
    let mut written = 0;
    while machine.batch.usage().running + machine.batch.usage().waiting > 1 {
        machine.step();
        written = machine.finished.values().map(|(_, text)| text.len() as u64).sum();
    }
    let charged = (machine.batch.tenants.virtual_time("a") - before) >> 20;
    assert!(charged <= 3 * written, "{charged} charged, {written} written");
}
