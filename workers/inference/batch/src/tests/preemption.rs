use super::model::{FakeModel, reference};
use super::{LIMITS, job};
use crate::Limits;

#[test]
fn the_oldest_is_never_preempted() {
    let mut model = FakeModel::new(Limits { blocks: 10, running: 6, ..LIMITS });
    let jobs: Vec<_> = (0..6).map(|n| job("a", n * 100..n * 100 + 40, 200)).collect();
    let ids: Vec<_> = jobs.iter().map(|job| model.submit(job.clone())).collect();
    let mut preempted = 0;
    while !model.batch.is_empty() {
        let oldest = *model.batch.sequences.keys().next().unwrap();
        let plan = model.step();
        assert!(!plan.preempted.contains(&oldest));
        preempted += plan.preempted.len();
        assert!(model.step < 2000);
    }
    assert!(preempted > 0, "the room was never short");
    for (id, job) in ids.iter().zip(&jobs) {
        assert_eq!(model.finished[id].1, reference(job));
    }
}

#[test]
fn what_is_computed_again_is_charged_once() {
    let mut model = FakeModel::new(Limits { blocks: 6, running: 3, ..LIMITS });
    for n in 0..3 {
        model.submit(job("a", n * 100..n * 100 + 40, 120));
    }
    model.submit(job("b", 900..901, 1));
    let before = model.batch.tenants.virtual_time("a");
    let mut written = 0;
    while model.batch.usage().running + model.batch.usage().waiting > 1 {
        model.step();
        written = model.finished.values().map(|(_, text)| text.len() as u64).sum();
    }
    let charged = (model.batch.tenants.virtual_time("a") - before) >> 20;
    assert!(charged <= 3 * written, "{charged} charged, {written} written");
}
