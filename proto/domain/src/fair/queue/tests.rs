use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::time::Timestamp;

fn tenant(name: &str) -> Tenant {
    name.parse().unwrap()
}

fn id(n: u64) -> JobId {
    JobId::mint(Timestamp::from_millis(n), [7; 10])
}

fn place(n: u64, name: &str, priority: Priority) -> QueueKey {
    QueueKey { job: id(n), tenant: tenant(name), topic: "job.echo".parse().unwrap(), priority }
}

/// A queue of items that name their tenant and job.
struct TestQueue {
    queue: FairQueue<(Tenant, u64)>,
    minted: u64,
}

impl TestQueue {
    fn new(weights: Weights) -> Self {
        Self { queue: FairQueue::new(weights), minted: 0 }
    }

    fn push(&mut self, name: &str, priority: Priority) -> u64 {
        self.minted += 1;
        self.queue.push(place(self.minted, name, priority), (tenant(name), self.minted));
        self.minted
    }

    fn next(&mut self) -> Option<(Tenant, u64)> {
        let (_, n) = *self.queue.first(|_| true)?;
        self.queue.take(id(n))
    }
}

/// Returns how many turns pass until the last job of a small tenant's burst is served, while
/// another tenant with a hundred times as many jobs keeps its backlog full.
fn turns_until_done(burst: usize, hogs: &[Priority], head_start: usize) -> usize {
    let mut line = TestQueue::new(Weights::default());
    for n in 0..burst * 100 {
        if let Some(priority) = hogs.get(n % hogs.len().max(1)) {
            line.push("hog", *priority);
        }
    }
    for _ in 0..head_start {
        line.next();
    }
    let last = (0..burst).map(|_| line.push("small", Priority::Low)).last().unwrap();
    let mut turns = 0;
    while let Some((_, n)) = line.next() {
        turns += 1;
        if n == last {
            break;
        }
        if let Some(priority) = hogs.first() {
            line.push("hog", *priority);
        }
    }
    turns
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_hundred_times_the_load_of_another_at_most_doubles_a_tenants_wait(
        burst in 1..40usize,
        urgent in prop::collection::vec(prop::sample::select(vec![Priority::Low, Priority::High]), 1..5),
        head_start in 0..100usize,
    ) {
        let alone = turns_until_done(burst, &[], 0);
        let beside = turns_until_done(burst, &urgent, head_start);
        prop_assert!(beside <= 2 * alone, "{beside} turns instead of {alone}");
    }

    #[test]
    fn among_equals_everyone_is_served_in_every_round(tenants in 1..12usize, rounds in 1..20usize) {
        let mut line = TestQueue::new(Weights::default());
        for _ in 0..rounds {
            for n in 0..tenants {
                line.push(&format!("t{n}"), if n == 0 { Priority::High } else { Priority::Low });
            }
        }
        for _ in 0..rounds {
            let mut round: Vec<_> = (0..tenants).map(|_| line.next().unwrap().0).collect();
            round.sort();
            round.dedup();
            prop_assert_eq!(round.len(), tenants);
        }
    }

    #[test]
    fn turns_follow_the_weights_within_a_tenth(weights in prop::collection::vec(1..12u32, 2..6)) {
        let named = weights.iter().enumerate().map(|(n, w)| (tenant(&format!("t{n}")), (*w).try_into().unwrap()));
        let mut line = TestQueue::new(Weights::new(named.collect()));
        let turns = 200 * weights.iter().sum::<u32>() as usize;
        let mut served = vec![0_usize; weights.len()];
        for n in 0..weights.len() {
            line.push(&format!("t{n}"), Priority::Normal);
            line.push(&format!("t{n}"), Priority::Normal);
        }
        for _ in 0..turns {
            let (who, _) = line.next().unwrap();
            line.push(who.as_str(), Priority::Normal);
            served[who.as_str()[1..].parse::<usize>().unwrap()] += 1;
        }
        for (served, weight) in served.into_iter().zip(weights) {
            let due = 200 * weight as usize;
            prop_assert!(served.abs_diff(due) * 10 <= due, "{served} turns at weight {weight}, {due} due");
        }
    }

    #[test]
    fn the_queue_holds_waiting_jobs_and_forgets_idle_tenants(
        steps in prop::collection::vec((0..6u8, 0..30u8, 0..4u8), 1..400),
    ) {
        let mut line = TestQueue::new(Weights::default());
        let mut model: BTreeMap<u64, (Tenant, Priority)> = BTreeMap::new();
        for (what, who, sort) in steps {
            let name = format!("t{who}");
            let priority = [Priority::Low, Priority::Normal, Priority::High][usize::from(sort) % 3];
            match what {
                0..=2 => {
                    let n = line.push(&name, priority);
                    model.insert(n, (tenant(&name), priority));
                }
                3 => {
                    let next = line.next();
                    prop_assert_eq!(next.is_some(), !model.is_empty());
                    let Some((tenant, n)) = next else { continue };
                    let (owner, priority) = model.remove(&n).unwrap();
                    prop_assert_eq!(&owner, &tenant);
                    // The tenant had no earlier job.
                    let before = model.iter().find(|(other, (owner, urgency))| {
                        *owner == tenant && (Reverse(*urgency), **other) < (Reverse(priority), n)
                    });
                    prop_assert_eq!(before, None);
                }
                4 => {
                    if let Some(n) = model.keys().nth(usize::from(who) % model.len().max(1)).copied() {
                        prop_assert!(line.queue.remove(id(n)).is_some());
                        model.remove(&n);
                    }
                }
                _ => line.queue.charge(&tenant(&name), 3),
            }
            prop_assert_eq!(line.queue.len(), model.len());
            prop_assert_eq!(line.queue.iter().count(), model.len());
            prop_assert!(line.queue.accounts.len() <= 30);
            if model.is_empty() {
                prop_assert!(line.queue.accounts.is_empty() && line.queue.lanes.is_empty());
            }
        }
    }
}

#[test]
fn fifteen_hundred_urgent_jobs_of_one_tenant_do_not_delay_another() {
    let mut line = TestQueue::new(Weights::default());
    for _ in 0..1500 {
        line.push("hog", Priority::High);
    }
    for _ in 0..10 {
        line.next();
    }
    let small = line.push("small", Priority::Low);
    assert_eq!(line.next().unwrap().1, small);
}

#[test]
fn a_tenant_that_waits_for_a_missing_worker_delays_no_others_and_saves_no_turns() {
    let mut line = TestQueue::new(Weights::default());
    for n in 1000..1100 {
        let stuck = QueueKey { topic: "job.rare".parse().unwrap(), ..place(n, "stuck", Priority::High) };
        line.queue.push(stuck, (tenant("stuck"), n));
    }
    let echo: Topic = "job.echo".parse().unwrap();
    for _ in 0..50 {
        for name in ["a", "b"] {
            line.push(name, Priority::Normal);
        }
        let served = [(); 2].map(|()| {
            let n = line.queue.first(|topic| *topic == echo).unwrap().1;
            line.queue.take(id(n)).unwrap().0
        });
        assert_ne!(served[0], served[1]);
    }
    for _ in 0..20 {
        line.push("a", Priority::Normal);
        line.push("late", Priority::Normal);
    }
    let turns: Vec<_> = (0..30).map(|_| line.next().unwrap().0).collect();
    for name in ["stuck", "a", "late"] {
        let had = turns.iter().filter(|who| who.as_str() == name).count();
        assert!((9..=11).contains(&had), "{name} had {had} of thirty turns");
    }
}

#[test]
fn long_runs_cost_more_than_one_turn() {
    let mut line = TestQueue::new(Weights::default());
    for _ in 0..40 {
        line.push("long", Priority::Normal);
        line.push("short", Priority::Normal);
    }
    let mut had = BTreeMap::new();
    for _ in 0..22 {
        let (who, _) = line.next().unwrap();
        if who.as_str() == "long" {
            line.queue.charge(&who, 9);
        }
        *had.entry(who).or_insert(0) += 1;
    }
    assert_eq!((had[&tenant("long")], had[&tenant("short")]), (2, 20));
}

#[test]
fn many_tenants_that_come_once_are_forgotten() {
    let mut line = TestQueue::new(Weights::default());
    line.push("stays", Priority::Low);
    for n in 0..3 * MAX_IDLE_TENANTS {
        let name = format!("t{n}");
        let job = line.push(&name, Priority::Normal);
        line.queue.charge(&tenant(&name), 1000);
        line.queue.take(id(job)).unwrap();
    }
    assert!(line.queue.accounts.len() <= MAX_IDLE_TENANTS + 2, "{}", line.queue.accounts.len());
}

#[test]
fn the_last_of_a_tenant_is_its_newest_of_least_urgency() {
    let mut line = TestQueue::new(Weights::default());
    let low = line.push("a", Priority::Low);
    line.push("a", Priority::High);
    line.push("b", Priority::Low);
    assert_eq!(line.queue.last_of(&tenant("a"), |_| true), Some(&(tenant("a"), low)));
    assert_eq!(line.queue.last_of(&tenant("c"), |_| true), None);
}
