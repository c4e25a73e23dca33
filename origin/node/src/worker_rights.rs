//! The rights of a worker's user on the servers of the bus and the store.

use std::path::{Path, PathBuf};

use cortex_bus::{NatsError, NatsUserKey, WorkerPermissions, worker_permissions};
use cortex_domain::hex;
use cortex_domain::id::{Pool, WorkerId};
use cortex_domain::topic::TopicPattern;
use cortex_platform::credential_file::{self, CredentialFileError};
use cortex_platform::entropy;
use cortex_scheduler::SettingsError;
use cortex_store::worker_acl;
use sha2::{Digest as _, Sha256};

use crate::config::{Files, settings};
use crate::home::write_private;

/// The rights of a worker can't be written.
#[derive(Debug, thiserror::Error)]
pub enum WorkerRightsError {
    #[error(transparent)]
    Config(#[from] SettingsError),
    #[error("no topic is served by the pool `{0}` (expected a pool of the pools file)")]
    UnknownPool(Pool),
    #[error(transparent)]
    Nkey(#[from] NatsError),
    #[error("the file {} with the password can't be used: {cause}", .path.display())]
    Password { path: PathBuf, cause: CredentialFileError },
    #[error("the file {} with the password is empty", .path.display())]
    NoPassword { path: PathBuf },
    #[error("the file {} can't be written: {cause}", .path.display())]
    Write { path: PathBuf, cause: std::io::Error },
}

/// A user of a NATS server for a worker.
#[derive(Debug)]
pub struct NatsWorker {
    pub permissions: WorkerPermissions,
    /// The entry of the server's list `authorization.users`.
    pub user: String,
}

/// Returns the user of a worker that serves these pools. `nkey` is the file with its seed, which is
/// created if it is missing.
///
/// # Errors
/// Returns an error if a pool is unknown, or a file can't be used.
pub fn nats_worker(
    files: &Files,
    worker: &WorkerId,
    pools: &[Pool],
    nkey: &Path,
) -> Result<NatsWorker, WorkerRightsError> {
    let permissions = worker_permissions(worker, pools, &topics(files, pools)?);
    if !nkey.exists() {
        create(nkey, &NatsUserKey::from_random(entropy::random()).seed())?;
    }
    let user = permissions.user(&NatsUserKey::read(nkey)?.public());
    Ok(NatsWorker { permissions, user })
}

/// Returns the command that creates the user of a worker on a Redis server. `password` is the file
/// with its password, which is created if it is missing.
///
/// # Errors
/// Returns an error if a file can't be used.
pub fn redis_worker(worker: &WorkerId, password: &Path) -> Result<String, WorkerRightsError> {
    if !password.exists() {
        create(password, &hex::encode(&entropy::random::<32>()))?;
    }
    let path = || password.to_owned();
    let text = credential_file::read_secret(password)
        .map_err(|cause| WorkerRightsError::Password { path: path(), cause })?;
    if text.trim().is_empty() {
        return Err(WorkerRightsError::NoPassword { path: path() });
    }
    let line = worker_acl(worker, &Sha256::digest(text.trim()).into());
    Ok(format!("ACL SETUSER {}", line.strip_prefix("user ").unwrap_or(&line)))
}

/// Returns the topics that the pools serve.
fn topics(files: &Files, pools: &[Pool]) -> Result<Vec<TopicPattern>, WorkerRightsError> {
    let catalogue = settings(files)?.catalogue;
    if let Some(unknown) =
        pools.iter().find(|pool| !catalogue.routes().any(|(_, route)| route.pool == **pool))
    {
        return Err(WorkerRightsError::UnknownPool(unknown.clone()));
    }
    let served = catalogue.routes().filter(|(_, route)| pools.contains(&route.pool));
    Ok(served.map(|(topic, _)| topic.clone().into()).collect())
}

fn create(path: &Path, secret: &str) -> Result<(), WorkerRightsError> {
    write_private(path, format!("{secret}\n").as_bytes())
        .map_err(|cause| WorkerRightsError::Write { path: path.to_owned(), cause })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_gets_the_topics_of_its_pools_and_no_others() {
        let pools = ["chat".parse().unwrap(), "echo".parse().unwrap()];
        let topics: Vec<_> = topics(&Files::default(), &pools).unwrap();
        let topics: Vec<_> = topics.iter().map(TopicPattern::as_str).collect();
        assert_eq!(
            topics,
            ["job.chat.simple", "job.complete", "job.echo", "job.model.load", "job.model.unload"]
        );
        let unknown = super::topics(&Files::default(), &["nope".parse().unwrap()]).unwrap_err();
        assert!(unknown.to_string().contains("`nope`"), "{unknown}");
    }

    #[test]
    fn the_secrets_are_created_once_and_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let (worker, pools) = ("w1".parse().unwrap(), ["echo".parse().unwrap()]);
        let (nkey, password) = (folder.path().join("w1.nk"), folder.path().join("w1.password"));
        let nats = || nats_worker(&Files::default(), &worker, &pools, &nkey).unwrap().user;
        let redis = || redis_worker(&worker, &password).unwrap();
        assert_eq!((nats(), redis()), (nats(), redis()), "the same user again");
        for (text, file) in [(nats(), &nkey), (redis(), &password)] {
            let secret = std::fs::read_to_string(file).unwrap();
            assert!(secret.len() > 50 && !text.contains(secret.trim()), "{text}");
        }
        assert!(redis().starts_with("ACL SETUSER w1 reset on #"), "{}", redis());
    }
}
