//! What one tenant's prompts tell another, and what one tenant's load takes from another.

use std::ops::Range;

use super::machine::Machine;
use super::{LIMITS, job};
use crate::{BLOCK, Job, Limits};

const WIDE: Limits = Limits { blocks: 64, step_tokens: 1000, running: 8, ..LIMITS };

/// A prompt of which so many tokens are the operator's.
fn sharing(tenant: &str, shared: usize, prompt: Range<u32>) -> Job {
    Job { shared, ..job(tenant, prompt, 1) }
}

/// How many tokens of a prompt are found.
fn found(machine: &mut Machine, job: Job) -> usize {
    let id = machine.submit(job);
    let plan = machine.step();
    machine.drain(200);
    plan.parts.iter().find(|part| part.sequence == id).expect("it runs at once").tokens.start
}

#[test]
fn a_tenant_finds_its_own_prompts_and_nobody_elses() {
    let mut machine = Machine::endless(WIDE);
    assert_eq!(found(&mut machine, job("a", 0..330, 1)), 0);
    assert_eq!(found(&mut machine, job("b", 0..330, 1)), 0);
    assert_eq!(found(&mut machine, job("a", 0..330, 1)), 320);
    assert_eq!(found(&mut machine, job("b", 0..330, 1)), 320);
    // Nor by any part of it.
    for (tenant, guess) in [("c", 0..33), ("d", 0..64), ("e", 0..200), ("f", 32..100)] {
        assert_eq!(found(&mut machine, job(tenant, guess.chain([999]), 1)), 0);
    }
}

#[test]
fn what_another_tenant_is_just_computing_changes_nothing() {
    let mut machine = Machine::endless(Limits { step_tokens: 100, ..WIDE });
    machine.submit(job("a", 0..500, 1));
    machine.step();
    // It waits for its own tenant's prompt to be read, and not for another's.
    let other = machine.submit(job("b", 0..500, 1));
    let own = machine.submit(job("a", 0..500, 1));
    let plan = machine.step();
    assert_eq!(plan.admitted, [other]);
    machine.drain(200);
    assert!(machine.finished.contains_key(&own));
}

#[test]
fn answers_that_were_generated_are_their_tenants_own_too() {
    let mut machine = Machine::endless(WIDE);
    let id = machine.submit(job("a", 0..100, 40));
    machine.drain(50);
    let text = machine.finished[&id].1.clone();
    let next = || text.iter().copied().chain([7]);
    assert_eq!(found(&mut machine, job("b", next(), 1)), 0);
    assert_eq!(found(&mut machine, job("a", next(), 1)), 128);
}

#[test]
fn what_the_operator_marked_is_found_by_all_in_whole_blocks_and_no_more() {
    let mut machine = Machine::endless(WIDE);
    assert_eq!(found(&mut machine, sharing("a", 100, 0..330)), 0);
    assert_eq!(found(&mut machine, sharing("b", 100, 0..330)), 100 / BLOCK * BLOCK);
    assert_eq!(found(&mut machine, sharing("b", 100, 0..330)), 320);
    // One that is not marked finds nothing of it, and one that is marked further nothing that was not.
    assert_eq!(found(&mut machine, job("c", 0..330, 1)), 0);
    assert_eq!(found(&mut machine, sharing("c", 1000, 0..330)), 100 / BLOCK * BLOCK);
}

#[test]
fn what_is_generated_is_never_shared() {
    let mut machine = Machine::endless(WIDE);
    let id = machine.submit(Job { most_new: 60, ..sharing("a", usize::MAX, 0..70) });
    machine.drain(80);
    let text = machine.finished[&id].1.clone();
    let guess = Job { shared: usize::MAX, ..job("b", text.iter().copied().chain([7]), 1) };
    assert_eq!(found(&mut machine, guess), 64);
}

#[test]
fn a_tenant_that_computes_much_evicts_its_own_texts() {
    let mut machine = Machine::endless(Limits { blocks: 20, ..WIDE });
    found(&mut machine, job("quiet", 0..161, 1));
    for n in 1..40 {
        found(&mut machine, job("loud", n * 1000..n * 1000 + 161, 1));
    }
    assert_eq!(found(&mut machine, job("quiet", 0..161, 1)), 160);
    assert_eq!(found(&mut machine, job("loud", 39_000..39_161, 1)), 160);
}

#[test]
fn a_tenant_that_had_the_cache_alone_gives_up_half_of_it_to_a_second() {
    let mut machine = Machine::endless(Limits { blocks: 20, ..WIDE });
    for n in 0..4 {
        found(&mut machine, job("first", n * 1000..n * 1000 + 161, 1));
    }
    for n in 10..14 {
        found(&mut machine, job("second", n * 1000..n * 1000 + 161, 1));
    }
    let kept =
        |machine: &mut Machine, tenant, n: u32| found(machine, job(tenant, n * 1000..n * 1000 + 161, 1));
    assert_eq!(kept(&mut machine, "first", 3), 160);
    assert_eq!(kept(&mut machine, "second", 13), 160);
}

#[test]
fn the_shared_part_outlives_a_tenants_load_and_its_old_versions_do_not() {
    let mut machine = Machine::endless(Limits { blocks: 20, ..WIDE });
    found(&mut machine, sharing("a", 64, 0..65));
    for n in 1..40 {
        found(&mut machine, job("loud", n * 1000..n * 1000 + 161, 1));
    }
    assert_eq!(found(&mut machine, sharing("b", 64, 0..65)), 64);
    for n in 100..120 {
        found(&mut machine, sharing("a", 64, n * 1000..n * 1000 + 65));
    }
    assert_eq!(found(&mut machine, sharing("b", 64, 100_000..100_065)), 0);
    assert_eq!(found(&mut machine, sharing("b", 64, 119_000..119_065)), 64);
}
