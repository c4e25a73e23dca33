//! Tenants' prompts reveal nothing to each other, and one tenant's load leaves the others their
//! share.

use std::ops::Range;

use super::model::FakeModel;
use super::{LIMITS, job};
use crate::{BLOCK, Job, Limits};

const WIDE: Limits = Limits { blocks: 64, step_tokens: 1000, running: 8, ..LIMITS };

/// Returns a job with this many tokens from the operator at the beginning of its prompt.
fn sharing(tenant: &str, shared: usize, prompt: Range<u32>) -> Job {
    Job { shared, ..job(tenant, prompt, 1) }
}

/// Returns how many tokens of a prompt are found in the cache.
fn found(model: &mut FakeModel, job: Job) -> usize {
    let id = model.submit(job);
    let plan = model.step();
    model.drain(200);
    plan.segments.iter().find(|segment| segment.sequence == id).expect("it runs at once").tokens.start
}

#[test]
fn a_tenant_finds_only_its_own_prompts() {
    let mut model = FakeModel::endless(WIDE);
    assert_eq!(found(&mut model, job("a", 0..330, 1)), 0);
    assert_eq!(found(&mut model, job("b", 0..330, 1)), 0);
    assert_eq!(found(&mut model, job("a", 0..330, 1)), 320);
    assert_eq!(found(&mut model, job("b", 0..330, 1)), 320);
    // Parts of the prompt are not found either.
    for (tenant, guess) in [("c", 0..33), ("d", 0..64), ("e", 0..200), ("f", 32..100)] {
        assert_eq!(found(&mut model, job(tenant, guess.chain([999]), 1)), 0);
    }
}

#[test]
fn what_another_tenant_is_just_computing_changes_nothing() {
    let mut model = FakeModel::endless(Limits { step_tokens: 100, ..WIDE });
    model.submit(job("a", 0..500, 1));
    model.step();
    // It waits for its own tenant's prompt, but not for another tenant's.
    let other = model.submit(job("b", 0..500, 1));
    let own = model.submit(job("a", 0..500, 1));
    let plan = model.step();
    assert_eq!(plan.admitted, [other]);
    model.drain(200);
    assert!(model.finished.contains_key(&own));
}

#[test]
fn answers_that_were_generated_are_their_tenants_own_too() {
    let mut model = FakeModel::endless(WIDE);
    let id = model.submit(job("a", 0..100, 40));
    model.drain(50);
    let text = model.finished[&id].1.clone();
    let next = || text.iter().copied().chain([7]);
    assert_eq!(found(&mut model, job("b", next(), 1)), 0);
    assert_eq!(found(&mut model, job("a", next(), 1)), 128);
}

#[test]
fn what_the_operator_marked_is_found_by_all_in_whole_blocks_and_no_more() {
    let mut model = FakeModel::endless(WIDE);
    assert_eq!(found(&mut model, sharing("a", 100, 0..330)), 0);
    assert_eq!(found(&mut model, sharing("b", 100, 0..330)), 100 / BLOCK * BLOCK);
    assert_eq!(found(&mut model, sharing("b", 100, 0..330)), 320);
    // A job without the mark finds nothing of it, and a job with a longer mark only what was
    // shared.
    assert_eq!(found(&mut model, job("c", 0..330, 1)), 0);
    assert_eq!(found(&mut model, sharing("c", 1000, 0..330)), 100 / BLOCK * BLOCK);
}

#[test]
fn what_is_generated_is_never_shared() {
    let mut model = FakeModel::endless(WIDE);
    let id = model.submit(Job { max_new_tokens: 60, ..sharing("a", usize::MAX, 0..70) });
    model.drain(80);
    let text = model.finished[&id].1.clone();
    let guess = Job { shared: usize::MAX, ..job("b", text.iter().copied().chain([7]), 1) };
    assert_eq!(found(&mut model, guess), 64);
}

#[test]
fn a_tenant_that_computes_much_evicts_its_own_texts() {
    let mut model = FakeModel::endless(Limits { blocks: 20, ..WIDE });
    found(&mut model, job("quiet", 0..161, 1));
    for n in 1..40 {
        found(&mut model, job("loud", n * 1000..n * 1000 + 161, 1));
    }
    assert_eq!(found(&mut model, job("quiet", 0..161, 1)), 160);
    assert_eq!(found(&mut model, job("loud", 39_000..39_161, 1)), 160);
}

#[test]
fn a_tenant_that_had_the_cache_alone_gives_up_half_of_it_to_a_second() {
    let mut model = FakeModel::endless(Limits { blocks: 20, ..WIDE });
    for n in 0..4 {
        found(&mut model, job("first", n * 1000..n * 1000 + 161, 1));
    }
    for n in 10..14 {
        found(&mut model, job("second", n * 1000..n * 1000 + 161, 1));
    }
    let kept = |model: &mut FakeModel, tenant, n: u32| found(model, job(tenant, n * 1000..n * 1000 + 161, 1));
    assert_eq!(kept(&mut model, "first", 3), 160);
    assert_eq!(kept(&mut model, "second", 13), 160);
}

#[test]
fn the_shared_part_outlives_a_tenants_load_and_its_old_versions_do_not() {
    let mut model = FakeModel::endless(Limits { blocks: 20, ..WIDE });
    found(&mut model, sharing("a", 64, 0..65));
    for n in 1..40 {
        found(&mut model, job("loud", n * 1000..n * 1000 + 161, 1));
    }
    assert_eq!(found(&mut model, sharing("b", 64, 0..65)), 64);
    for n in 100..120 {
        found(&mut model, sharing("a", 64, n * 1000..n * 1000 + 65));
    }
    assert_eq!(found(&mut model, sharing("b", 64, 100_000..100_065)), 0);
    assert_eq!(found(&mut model, sharing("b", 64, 119_000..119_065)), 64);
}
