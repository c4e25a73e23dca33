//! Bodies that are too large for a queue message. R2 stores them under their job's id until the
//! origin has them. A lifecycle rule of the bucket deletes what a crash left behind.

use cortex_domain::id::JobId;
use worker::{Bucket, Env, Result};

/// Stores a job's body.
pub(crate) async fn put(env: &Env, job: &JobId, body: &str) -> Result<()> {
    bucket(env)?.put(job.to_string(), body.to_owned()).execute().await.map(|_| ())
}

/// Returns a job's body.
pub(crate) async fn get(env: &Env, job: &JobId) -> Result<Option<String>> {
    let Some(object) = bucket(env)?.get(job.to_string()).execute().await? else { return Ok(None) };
    match object.body() {
        Some(body) => body.text().await.map(Some),
        None => Ok(None),
    }
}

/// Deletes a job's body.
pub(crate) async fn delete(env: &Env, job: &JobId) -> Result<()> {
    bucket(env)?.delete(job.to_string()).await
}

fn bucket(env: &Env) -> Result<Bucket> {
    env.bucket("PARKED")
}
