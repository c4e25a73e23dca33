//! The open links: one for each worker, a limit for each token, and the ids that tokens hold.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cortex_domain::id::{Pool, WorkerId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::tokens::{TokenId, Tokens};

/// Maximum number of workers that use one token at the same time.
pub(super) const MAX_LINKS_PER_TOKEN: usize = 64;
/// Maximum number of ids that one token holds, including those of ended links. The oldest of these
/// are released first.
const MAX_IDS_PER_TOKEN: usize = 4 * MAX_LINKS_PER_TOKEN;
/// How long a token keeps a worker's id after its link has ended. The scheduler may still place
/// jobs on that id, which a worker of another pool must not get.
const ID_HOLD: Duration = Duration::from_secs(60);

/// The links of one server.
#[derive(Debug, Default)]
pub(super) struct Links(Mutex<HashMap<WorkerId, Entry>>);

#[derive(Debug)]
struct Entry {
    token: TokenId,
    pool: Pool,
    state: State,
}

#[derive(Debug)]
enum State {
    Open(CancellationToken),
    Ended(Instant),
}

/// Why a worker with a valid token is rejected.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum EnterError {
    #[error(
        "the id `{0}` belongs to a worker with another token: choose another --id, or wait until \
            {hold} s after that worker has disconnected",
        hold = ID_HOLD.as_secs()
    )]
    IdTaken(WorkerId),
    #[error("the token `{0}` is already in use by {MAX_LINKS_PER_TOKEN} workers, which is the limit")]
    TokenFull(TokenId),
}

impl Links {
    /// Returns how many links each pool has open.
    pub(super) fn open(&self) -> BTreeMap<Pool, u32> {
        let mut open = BTreeMap::new();
        for entry in self.lock().values().filter(|entry| matches!(entry.state, State::Open(_))) {
            *open.entry(entry.pool.clone()).or_default() += 1;
        }
        open
    }

    /// Adds a worker. Its previous link ends, because the worker has reconnected before the loss
    /// was detected.
    pub(super) fn enter(
        &self,
        worker: &WorkerId,
        token: TokenId,
        pool: Pool,
        ended: CancellationToken,
    ) -> Result<(), EnterError> {
        let mut links = self.lock();
        links.retain(|_, entry| entry.is_held());
        if links.get(worker).is_some_and(|entry| entry.token != token) {
            return Err(EnterError::IdTaken(worker.clone()));
        }
        let others =
            links.iter().filter(|(id, entry)| *id != worker && entry.token == token && entry.is_open());
        if others.count() >= MAX_LINKS_PER_TOKEN {
            return Err(EnterError::TokenFull(token));
        }
        give_up_ids(&mut links, &token);
        let before = links.insert(worker.clone(), Entry { token, pool, state: State::Open(ended) });
        if let Some(Entry { state: State::Open(before), .. }) = before {
            before.cancel();
        }
        Ok(())
    }

    /// Records which links have ended.
    pub(super) fn tidy(&self) {
        for entry in self.lock().values_mut() {
            if let State::Open(ended) = &entry.state
                && ended.is_cancelled()
            {
                entry.state = State::Ended(Instant::now());
            }
        }
    }

    /// Ends the links with tokens that are no longer valid.
    pub(super) fn recheck(&self, tokens: &Tokens) {
        for (worker, entry) in self.lock().iter() {
            if let State::Open(ended) = &entry.state
                && let Err(reason) = tokens.recheck(&entry.token, &entry.pool)
            {
                tracing::warn!(%worker, %reason, "a worker's token is no longer valid; its link is \
                    closed");
                ended.cancel();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<WorkerId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for another id of a token that holds the maximum number.
fn give_up_ids(links: &mut HashMap<WorkerId, Entry>, token: &TokenId) {
    let held = || links.iter().filter(|(_, entry)| entry.token == *token);
    if held().count() < MAX_IDS_PER_TOKEN {
        return;
    }
    let ended = held().filter_map(|(id, entry)| entry.ended().map(|at| (at, id)));
    if let Some((_, oldest)) = ended.min_by_key(|(at, _)| *at) {
        let oldest = oldest.clone();
        links.remove(&oldest);
    }
}

impl Entry {
    fn ended(&self) -> Option<Instant> {
        match self.state {
            State::Open(_) => None,
            State::Ended(at) => Some(at),
        }
    }

    fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    fn is_held(&self) -> bool {
        self.ended().is_none_or(|at| at.elapsed() < ID_HOLD)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(links: &Links, worker: &str, token: &str) -> Result<CancellationToken, EnterError> {
        let ended = CancellationToken::new();
        let (worker, token) = (worker.parse().unwrap(), token.parse().unwrap());
        links.enter(&worker, token, "echo".parse().unwrap(), ended.clone()).map(|()| ended)
    }

    #[tokio::test(start_paused = true)]
    async fn an_id_stays_with_its_token_until_its_worker_is_long_gone() {
        let links = Links::default();
        let first = enter(&links, "w1", "a").unwrap();
        assert_eq!(enter(&links, "w1", "b").unwrap_err(), EnterError::IdTaken("w1".parse().unwrap()));
        let again = enter(&links, "w1", "a").unwrap();
        assert!(first.is_cancelled() && !again.is_cancelled(), "a worker that comes back takes over");
        again.cancel();
        links.tidy();
        tokio::time::advance(ID_HOLD - Duration::from_millis(1)).await;
        assert!(enter(&links, "w1", "b").is_err());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(enter(&links, "w1", "b").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_changes_its_ids_gives_up_the_oldest() {
        let links = Links::default();
        let other = enter(&links, "other", "b").unwrap();
        other.cancel();
        for n in 0..=MAX_IDS_PER_TOKEN {
            enter(&links, &format!("w{n}"), "a").unwrap().cancel();
            links.tidy();
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(links.lock().len(), MAX_IDS_PER_TOKEN + 1);
        assert!(enter(&links, "w0", "b").is_ok(), "the oldest is free");
        assert!(enter(&links, "w1", "b").is_err() && enter(&links, "other", "a").is_err());
    }

    #[tokio::test]
    async fn an_id_of_another_token_is_an_error_that_says_so() {
        let links = Links::default();
        let _open = enter(&links, "w1", "a").unwrap();
        let refused = enter(&links, "w1", "b").unwrap_err().to_string();
        assert_eq!(
            refused,
            "the id `w1` belongs to a worker with another token: choose another --id, or wait until \
                60 s after that worker has disconnected"
        );
    }

    #[tokio::test]
    async fn a_token_has_room_for_so_many_workers() {
        let links = Links::default();
        let open: Vec<_> =
            (0..MAX_LINKS_PER_TOKEN).map(|n| enter(&links, &format!("w{n}"), "a").unwrap()).collect();
        assert_eq!(enter(&links, "more", "a").unwrap_err(), EnterError::TokenFull("a".parse().unwrap()));
        assert!(enter(&links, "more", "b").is_ok() && enter(&links, "w0", "a").is_ok());
        open[1].cancel();
        links.tidy();
        assert!(enter(&links, "another", "a").is_ok());
    }
}
