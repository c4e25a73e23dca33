//! Callers that record which jobs were accepted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cortex_tests::api::Api;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// Callers that submit as fast as they get responses.
const CALLERS: u64 = 4;
/// The pause of a caller between two jobs, so that the backlog stays within what two cores can do.
const SUBMIT_INTERVAL: Duration = Duration::from_millis(25);
const TIMEOUT: Duration = Duration::from_secs(120);

/// The ids that were answered with 202, with the input of each. A response that was lost accepts
/// nothing.
type Accepted = BTreeMap<String, u64>;

/// Callers of one API.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<Accepted>>,
}

impl Load {
    pub(crate) fn start(api: &Api) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let callers = (0..CALLERS).map(|n| tokio::spawn(submit(api.clone(), n, stop.clone()))).collect();
        Self { stop, callers }
    }

    pub(crate) async fn stop(self) -> Accepted {
        self.stop.store(true, Ordering::Relaxed);
        let mut accepted = Accepted::new();
        for caller in self.callers {
            accepted.extend(caller.await.unwrap());
        }
        accepted
    }
}

async fn submit(api: Api, caller: u64, stop: Arc<AtomicBool>) -> Accepted {
    let mut accepted = Accepted::new();
    let mut n = caller << 32;
    while !stop.load(Ordering::Relaxed) {
        n += 1;
        let body = json!({"topic": "job.echo", "input": {"n": n, "delay_ms": n % 50}});
        let answer = api.request(Method::POST, "/api/v1/jobs").json(&body).send().await;
        if let Ok(answer) = answer
            && answer.status() == 202
            && let Ok(job) = answer.json::<Value>().await
        {
            accepted.insert(job["id"].as_str().unwrap().to_owned(), n);
        }
        tokio::time::sleep(SUBMIT_INTERVAL).await;
    }
    accepted
}

/// Waits until every accepted job has ended, and checks how each ended.
pub(crate) async fn all_end(api: &Api, accepted: &Accepted) {
    for (id, input) in accepted {
        let job = api.ended(id, TIMEOUT).await;
        let state = job["state"].as_str().unwrap();
        // A job may use up its attempts only if its worker was killed three times.
        assert!(state == "SUCCEEDED" || (state == "TIMEOUT" && job["attempt"] == 3), "{job}");
        if state == "SUCCEEDED" {
            assert_eq!(job["result"]["n"], *input, "{job}");
        }
    }
}
