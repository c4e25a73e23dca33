//! Tracks what is open under each API key, and ends it when the key is revoked.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cortex_api::{Problem, headers};
use cortex_domain::ErrorCode;
use cortex_domain::id::KeyId;
use cortex_domain::id::Tenant;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::auth::Admitted;

/// How long a revoked key is remembered. A request that the edge admitted earlier may still be on
/// its way.
const REVOCATION_MEMORY: Duration = Duration::from_secs(600);
/// Maximum number of remembered keys. The oldest ones are dropped.
const MAX_REVOKED: usize = 4096;

/// A key and its tenant.
type Key = (Tenant, KeyId);

/// The revoked keys, and the open uses of each key. Clones share them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Revocations(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    open: HashMap<Key, OpenUses>,
    /// The oldest one comes first.
    revoked: VecDeque<(Key, Instant)>,
}

/// The open uses of a key.
#[derive(Debug)]
struct OpenUses {
    count: usize,
    revoked: CancellationToken,
}

/// An open use of a key. It ends when all clones are dropped.
#[derive(Clone, Debug)]
pub(crate) struct KeyUse(Option<Arc<TrackedUse>>);

#[derive(Debug)]
struct TrackedUse {
    revocations: Revocations,
    key: Key,
    revoked: CancellationToken,
}

impl Revocations {
    /// Tracks a use of the key that the edge authenticated. A local caller's key can't be revoked.
    ///
    /// # Errors
    /// Returns an error if the key was revoked, or if the header with its id is invalid.
    pub(crate) fn track(&self, admitted: &Admitted) -> Result<KeyUse, Problem> {
        let header = admitted.header(headers::CALLER_KEY).filter(|_| admitted.signed);
        let Some(header) = header else { return Ok(KeyUse(None)) };
        let key = header.parse().map_err(|_| {
            let detail = format!("invalid header `{}`: must be the id of a key", headers::CALLER_KEY);
            Problem::new(ErrorCode::InvalidRequest, detail).at(headers::CALLER_KEY)
        })?;
        self.register((admitted.owner.tenant.clone(), key))
    }

    fn register(&self, key: Key) -> Result<KeyUse, Problem> {
        let mut table = self.table();
        table.forget(Instant::now());
        if table.revoked.iter().any(|(revoked, _)| *revoked == key) {
            return Err(revoked_error());
        }
        let open = table
            .open
            .entry(key.clone())
            .or_insert_with(|| OpenUses { count: 0, revoked: CancellationToken::new() });
        open.count += 1;
        let revoked = open.revoked.clone();
        drop(table);
        Ok(KeyUse(Some(Arc::new(TrackedUse { revocations: self.clone(), key, revoked }))))
    }

    /// Revokes a key. It ends the open uses and rejects later ones. Returns how many were open.
    pub(crate) fn revoke(&self, tenant: Tenant, key: KeyId) -> usize {
        let (key, now) = ((tenant, key), Instant::now());
        let mut table = self.table();
        table.forget(now);
        if !table.revoked.iter().any(|(revoked, _)| *revoked == key) {
            table.revoked.push_back((key.clone(), now + REVOCATION_MEMORY));
        }
        let open = table.open.get(&key);
        open.inspect(|open| open.revoked.cancel()).map_or(0, |open| open.count)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn forget(&mut self, now: Instant) {
        while self.revoked.front().is_some_and(|(_, until)| *until <= now || self.revoked.len() > MAX_REVOKED)
        {
            self.revoked.pop_front();
        }
    }
}

impl KeyUse {
    /// A use without a key that can be revoked.
    #[cfg(test)]
    pub(crate) fn untracked() -> Self {
        Self(None)
    }

    /// Resolves once the key is revoked.
    pub(crate) async fn revoked(&self) {
        match &self.0 {
            Some(tracked) => tracked.revoked.cancelled().await,
            None => std::future::pending().await,
        }
    }

    /// Runs work while the key is valid.
    ///
    /// # Errors
    /// Returns an error if the work fails or the key is revoked.
    pub(crate) async fn run_until_revoked<T>(
        &self,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        tokio::select! {
            biased;
            () = self.revoked() => Err(revoked_error()),
            done = work => done,
        }
    }
}

impl Drop for TrackedUse {
    fn drop(&mut self) {
        let mut table = self.revocations.table();
        if let Some(open) = table.open.get_mut(&self.key) {
            open.count -= 1;
            if open.count == 0 {
                table.open.remove(&self.key);
            }
        }
    }
}

/// Returns the error of a request with a revoked key.
pub(crate) fn revoked_error() -> Problem {
    Problem::new(ErrorCode::Unauthenticated, "the API key was revoked: send a valid key")
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn key(tenant: &str, n: char) -> Key {
        (tenant.parse().unwrap(), format!("abcdefghijk{n}").parse().unwrap())
    }

    fn revoke(revocations: &Revocations, (tenant, key): Key) -> usize {
        revocations.revoke(tenant, key)
    }

    #[tokio::test]
    async fn a_revoked_key_ends_all_that_is_open_under_it_and_nothing_else() {
        let revocations = Revocations::default();
        let enter = |tenant, n| revocations.register(key(tenant, n)).unwrap();
        let own = [enter("a", 'a'), enter("a", 'a')];
        let others = [enter("a", 'b'), enter("b", 'a'), KeyUse(None)];
        assert_eq!(revoke(&revocations, key("a", 'a')), 2);
        for key_use in &own {
            assert!(key_use.revoked().now_or_never().is_some());
            let refused = key_use.run_until_revoked(async { Ok(()) }).await.unwrap_err();
            assert_eq!(refused.kind, ErrorCode::Unauthenticated);
        }
        for key_use in &others {
            assert!(key_use.revoked().now_or_never().is_none());
            assert!(key_use.run_until_revoked(async { Ok(()) }).await.is_ok());
        }
        drop((own, others));
        assert!(revocations.table().open.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_arrives_after_the_revocation_is_rejected() {
        let revocations = Revocations::default();
        assert_eq!(revoke(&revocations, key("a", 'a')), 0);
        assert_eq!(revoke(&revocations, key("a", 'a')), 0, "a revocation may be repeated");
        tokio::time::advance(REVOCATION_MEMORY / 2).await;
        assert_eq!(revocations.register(key("a", 'a')).unwrap_err().kind, ErrorCode::Unauthenticated);
        assert!(revocations.register(key("b", 'a')).is_ok());
        tokio::time::advance(REVOCATION_MEMORY).await;
        assert!(revocations.register(key("a", 'a')).is_ok());
        assert!(revocations.table().revoked.is_empty());
    }
}
