//! The placement of jobs on workers.

use crate::id::{JobId, ModelName, Pool, WorkerId};
use crate::scatter::{scatter, scatter_bytes};
use crate::time::Uptime;
use crate::topic::{Topic, TopicPattern};

/// A worker as it last described itself, with the jobs that the scheduler has sent it since.
#[derive(Clone, PartialEq, Debug)]
pub struct Candidate {
    pub worker: WorkerId,
    pub pool: Pool,
    pub topics: Vec<TopicPattern>,
    /// Maximum number of jobs at the same time.
    pub capacity: u32,
    /// Jobs that the scheduler has sent to the worker and that have not ended.
    pub in_flight: u32,
    /// The worker finishes its jobs and accepts no more.
    pub draining: bool,
    pub models: Vec<ModelName>,
    pub last_seen: Uptime,
}

impl Candidate {
    #[must_use]
    pub fn takes(&self, topic: &Topic) -> bool {
        self.topics.iter().any(|pattern| pattern.matches(topic))
    }

    fn has_room(&self) -> bool {
        !self.draining && self.in_flight < self.capacity
    }
}

/// What a job requires of a worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlacementRequest<'a> {
    pub job: JobId,
    pub pool: &'a Pool,
    pub topic: &'a Topic,
    /// Workers that have loaded this model are preferred. Others can load it.
    pub model: Option<&'a ModelName>,
    /// The worker that gave the job back last. Any other worker is preferred.
    pub avoid: Option<&'a WorkerId>,
}

impl PlacementRequest<'_> {
    fn may_go_to(&self, worker: &Candidate) -> bool {
        worker.pool == *self.pool && worker.takes(self.topic) && worker.has_room()
    }

    fn avoids(&self, worker: &Candidate) -> bool {
        self.avoid == Some(&worker.worker)
    }

    fn is_loaded_on(&self, worker: &Candidate) -> bool {
        self.model.is_none_or(|model| worker.models.contains(model))
    }
}

/// Chooses a worker with free capacity from the topic's pool, or returns `None` if all are full.
///
/// A worker other than the one to avoid is preferred, then one that has loaded the model, then the
/// one with the smallest share of its capacity in use. The job's id breaks ties, so that equal
/// workers take turns.
pub fn choose<'a>(
    candidates: impl IntoIterator<Item = &'a Candidate>,
    wanted: PlacementRequest<'_>,
) -> Option<&'a Candidate> {
    candidates.into_iter().filter(|worker| wanted.may_go_to(worker)).min_by(|a, b| {
        let load = u64::from(a.in_flight) * u64::from(b.capacity);
        let other = u64::from(b.in_flight) * u64::from(a.capacity);
        (wanted.avoids(a).cmp(&wanted.avoids(b)))
            .then(wanted.is_loaded_on(b).cmp(&wanted.is_loaded_on(a)))
            .then(load.cmp(&other))
            .then_with(|| turn(wanted.job, &a.worker).cmp(&turn(wanted.job, &b.worker)))
    })
}

/// Returns whether a worker of the pool has free capacity for a job of the topic.
pub fn has_room<'a>(candidates: impl IntoIterator<Item = &'a Candidate>, pool: &Pool, topic: &Topic) -> bool {
    candidates.into_iter().any(|worker| worker.pool == *pool && worker.takes(topic) && worker.has_room())
}

/// Returns a number that orders the workers differently for each job.
fn turn(job: JobId, worker: &WorkerId) -> u64 {
    scatter(scatter_bytes(job.as_bytes()) ^ scatter_bytes(worker.as_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn worker(name: &str, in_flight: u32, capacity: u32) -> Candidate {
        Candidate {
            worker: name.parse().unwrap(),
            pool: "echo".parse().unwrap(),
            topics: vec!["job.echo".parse().unwrap()],
            capacity,
            in_flight,
            draining: false,
            models: vec![],
            last_seen: Uptime::default(),
        }
    }

    fn with(model: &str, worker: Candidate) -> Candidate {
        Candidate { models: vec!["other".parse().unwrap(), model.parse().unwrap()], ..worker }
    }

    fn chosen(candidates: &[Candidate], n: u8) -> Option<String> {
        chosen_for(None, candidates, n)
    }

    fn chosen_for(model: Option<&str>, candidates: &[Candidate], n: u8) -> Option<String> {
        let job = JobId::mint(Timestamp::from_millis(1), [n; 10]);
        let (pool, topic) = ("echo".parse().unwrap(), "job.echo".parse().unwrap());
        let model = model.map(|name| name.parse().unwrap());
        let wanted = PlacementRequest { job, pool: &pool, topic: &topic, model: model.as_ref(), avoid: None };
        choose(candidates, wanted).map(|c| c.worker.to_string())
    }

    #[test]
    fn the_least_loaded_worker_gets_the_job() {
        assert_eq!(chosen(&[worker("a", 2, 4), worker("b", 3, 8)], 1).as_deref(), Some("b"));
    }

    #[test]
    fn a_full_draining_or_foreign_worker_gets_no_job() {
        let full = worker("a", 4, 4);
        let draining = Candidate { draining: true, ..worker("b", 0, 4) };
        let other_pool = Candidate { pool: "x".parse().unwrap(), ..worker("c", 0, 4) };
        let other_topic = Candidate { topics: vec!["job.embed".parse().unwrap()], ..worker("d", 0, 4) };
        let none = Candidate { capacity: 0, ..worker("e", 0, 0) };
        assert_eq!(chosen(&[full, draining, other_pool, other_topic, none], 1), None);
    }

    #[test]
    fn equals_take_turns() {
        let equals = [worker("a", 0, 4), worker("b", 0, 4)];
        let to_a = (0..=255).filter(|n| chosen(&equals, *n).as_deref() == Some("a")).count();
        assert!((64..192).contains(&to_a), "{to_a}");
    }

    #[test]
    fn a_busy_worker_with_the_model_goes_before_an_idle_one_without() {
        let workers = [worker("a", 0, 4), with("m", worker("b", 3, 4)), with("x", worker("c", 0, 4))];
        assert_eq!(chosen_for(Some("m"), &workers, 1).as_deref(), Some("b"));
        assert_ne!(chosen(&workers, 1).as_deref(), Some("b"));
    }

    #[test]
    fn the_worker_that_gave_a_job_back_gets_it_again_only_where_no_other_has_room() {
        let (pool, topic) = ("echo".parse().unwrap(), "job.echo".parse().unwrap());
        let avoid = "a".parse().unwrap();
        let job = JobId::mint(Timestamp::from_millis(1), [1; 10]);
        let wanted = PlacementRequest { job, pool: &pool, topic: &topic, model: None, avoid: Some(&avoid) };
        let chosen = |workers: &[Candidate]| choose(workers, wanted).map(|worker| worker.worker.to_string());
        assert_eq!(chosen(&[worker("a", 0, 4), worker("b", 3, 4)]).as_deref(), Some("b"));
        assert_eq!(chosen(&[worker("a", 0, 4), worker("b", 4, 4)]).as_deref(), Some("a"));
    }

    #[test]
    fn a_full_worker_with_the_model_delays_no_job() {
        let full = with("m", worker("b", 4, 4));
        assert_eq!(chosen_for(Some("m"), &[worker("a", 1, 4), full.clone()], 1).as_deref(), Some("a"));
        assert_eq!(chosen_for(Some("m"), &[full], 1), None);
    }

    #[test]
    fn the_least_loaded_of_those_with_the_model_gets_the_job() {
        let workers = [with("m", worker("a", 3, 4)), with("m", worker("b", 4, 8)), worker("c", 0, 8)];
        assert_eq!(chosen_for(Some("m"), &workers, 1).as_deref(), Some("b"));
    }

    #[test]
    fn equals_with_the_model_take_turns() {
        let workers = [with("m", worker("a", 1, 4)), with("m", worker("b", 1, 4)), worker("c", 0, 4)];
        let to =
            |name| (0..=255).filter(|n| chosen_for(Some("m"), &workers, *n).as_deref() == Some(name)).count();
        assert!((64..192).contains(&to("a")), "{}", to("a"));
        assert_eq!(to("a") + to("b"), 256);
    }
}
