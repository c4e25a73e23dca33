use super::model::FakeModel;
use super::{LIMITS, at, job};
use crate::{Limits, SequenceId, Tenant};

const WIDE: Limits = Limits { blocks: 200, step_tokens: 64, running: 8, waiting: 1000, context: 4096 };

fn prompt(n: u32) -> impl Iterator<Item = u32> {
    (0..20).map(move |at| 1000 + n * 100 + at)
}

/// Returns the computed tokens of each tenant after a run.
fn served(model: &mut FakeModel, of: &[(SequenceId, &str)], steps: usize) -> Vec<(Tenant, usize)> {
    let mut served = std::collections::BTreeMap::new();
    for _ in 0..steps {
        for segment in model.step().segments {
            let (_, tenant) = of.iter().find(|(id, _)| *id == segment.sequence).unwrap();
            *served.entry(Tenant::from(*tenant)).or_insert(0) += segment.tokens.len();
        }
    }
    served.into_iter().collect()
}

#[test]
fn a_hundred_times_the_load_starves_no_tenant() {
    let mut model = FakeModel::endless(WIDE);
    for n in 0..400 {
        model.submit(job("loud", prompt(n), 400));
    }
    let quiet: Vec<_> = (0..4).map(|n| model.submit(job("quiet", prompt(5000 + n), 400))).collect();
    while quiet.iter().any(|id| !model.finished.contains_key(id)) {
        model.step();
        assert!(model.step < 1000, "four texts of 400 took longer than all eight places would");
    }
}

#[test]
fn two_that_always_have_work_are_served_alike() {
    let mut model = FakeModel::endless(WIDE);
    let mut of = Vec::new();
    for n in 0..390 {
        of.push((model.submit(job("loud", prompt(n), 40)), "loud"));
    }
    for n in 0..120 {
        of.push((model.submit(job("quiet", prompt(5000 + n), 40)), "quiet"));
    }
    let served = served(&mut model, &of, 250);
    let (loud, quiet) = (served[0].1 as f64, served[1].1 as f64);
    assert!((0.8..1.25).contains(&(loud / quiet)), "{served:?}");
}

#[test]
fn a_weight_of_three_gets_three_times_as_much() {
    let mut model = FakeModel::endless(WIDE);
    let mut of = Vec::new();
    for n in 0..200 {
        let mut heavy = job("heavy", prompt(n), 40);
        heavy.weight = 3.try_into().unwrap();
        of.push((model.submit(heavy), "heavy"));
        of.push((model.submit(job("light", prompt(5000 + n), 40)), "light"));
    }
    let served = served(&mut model, &of, 250);
    let ratio = served[0].1 as f64 / served[1].1 as f64;
    assert!((2.3..3.8).contains(&ratio), "{served:?}");
}

#[test]
fn a_newcomer_takes_a_place_from_one_that_fills_them_all() {
    let mut model = FakeModel::endless(Limits { running: 4, ..WIDE });
    for n in 0..40 {
        model.submit(job("loud", prompt(n), 2000));
    }
    (0..50).for_each(|_| drop(model.step()));
    let id = model.submit(job("new", prompt(9000), 1));
    let came = model.step;
    while !model.finished.contains_key(&id) {
        model.step();
        assert!(model.step - came < 40, "it waits for a long text to end");
    }
}

#[test]
fn a_loud_tenant_does_not_fill_the_queue() {
    let mut model = FakeModel::endless(Limits { waiting: 64, ..LIMITS });
    let mut n = 0;
    while model.batch.submit(at(0), job("loud", prompt(n), 10), 1).is_ok() {
        n += 1;
    }
    assert_eq!(n, 32);
    model.submit(job("quiet", prompt(9000), 10));
}
