//! Bodies too large for a queue message, in R2 under their job's id until the origin has them. A rule of the
//! bucket deletes what a crash left behind.

use worker::{Env, Result};

pub(crate) async fn put(env: &Env, job: &str, body: &str) -> Result<()> {
    env.bucket("PARKED")?.put(job, body.to_owned()).execute().await.map(|_| ())
}

pub(crate) async fn get(env: &Env, job: &str) -> Result<Option<String>> {
    let Some(object) = env.bucket("PARKED")?.get(job).execute().await? else { return Ok(None) };
    match object.body() {
        Some(body) => body.text().await.map(Some),
        None => Ok(None),
    }
}

pub(crate) async fn delete(env: &Env, job: &str) -> Result<()> {
    env.bucket("PARKED")?.delete(job).await
}
