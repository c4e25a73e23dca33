//! The workers' tokens. Their hashes are stored in the home folder. `cortex workers token` creates
//! and revokes them, and a running node reloads them.

use std::collections::BTreeSet;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

use cortex_api::rfc3339;
use cortex_domain::hex;
use cortex_domain::id::{ParseError, Pool};
use cortex_domain::time::Timestamp;
use cortex_link::{Server, TokenHash, TokenId, WorkerToken, new_token};
use cortex_platform::entropy;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

use crate::home::{Home, write_private};
use crate::lock::lock;

/// How often a node checks the file for changes. The links of a revoked token end within this time,
/// and a new token becomes valid before a worker gives up.
const RELOAD_INTERVAL: Duration = Duration::from_millis(500);
/// Maximum number of stored tokens, because each is compared when a worker joins.
const MAX_TOKENS: usize = 4096;
/// The prefix of tokens that a node creates for its own workers.
const LOCAL_PREFIX: &str = "local.";

/// A stored token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptToken {
    pub id: TokenId,
    pub pools: BTreeSet<Pool>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    hash: TokenHash,
}

/// Why the tokens can't be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum WorkerTokensError {
    #[error("{}: {cause}", .file.display())]
    File { file: PathBuf, cause: io::Error },
    #[error("{}:{line}: {reason}", .file.display())]
    Form { file: PathBuf, line: usize, reason: String },
    #[error("a token with the name `{0}` already exists: choose another name")]
    Exists(TokenId),
    #[error(
        "invalid name `{0}`: names that start with `local.` are reserved for workers that the node starts"
    )]
    Local(TokenId),
    #[error("unknown token `{0}`: `cortex workers token list` lists the tokens")]
    Unknown(TokenId),
    #[error("there are already {MAX_TOKENS} tokens, which is the limit")]
    Full,
    #[error("missing pool: a token needs at least one")]
    NoPool,
}

impl WorkerTokensError {
    /// Returns whether the cause is the request, and not the stored tokens.
    #[must_use]
    pub fn is_of_the_request(&self) -> bool {
        !matches!(self, Self::File { .. } | Self::Form { .. })
    }
}

/// The file of the tokens.
#[derive(Debug, Clone)]
pub struct WorkerTokens {
    file: PathBuf,
    lock: PathBuf,
}

#[derive(Serialize)]
struct TokenFile {
    tokens: Vec<TokenEntry>,
}

/// The file before its tokens are parsed. Each token is parsed alone, so that an error can name its
/// line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTokenFile<'a> {
    #[serde(borrow)]
    tokens: Vec<&'a RawValue>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenEntry {
    id: String,
    pools: Vec<String>,
    sha256: String,
    #[serde(with = "rfc3339")]
    created_at: Timestamp,
    #[serde(with = "rfc3339::option", default, skip_serializing_if = "Option::is_none")]
    revoked_at: Option<Timestamp>,
}

impl WorkerTokens {
    #[must_use]
    pub fn of(home: &Home) -> Self {
        Self { file: home.worker_tokens(), lock: home.run().join("worker-tokens.lock") }
    }

    /// Returns every token in the order of their creation.
    ///
    /// # Errors
    /// Returns an error if the file can't be read or is invalid.
    pub fn read(&self) -> Result<Vec<KeptToken>, WorkerTokensError> {
        match std::fs::read_to_string(&self.file) {
            Ok(text) => self.parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(cause) => Err(self.failed(cause)),
        }
    }

    fn parse(&self, text: &str) -> Result<Vec<KeptToken>, WorkerTokensError> {
        let form = |line, reason| WorkerTokensError::Form { file: self.file.clone(), line, reason };
        let file: RawTokenFile<'_> =
            serde_json::from_str(text).map_err(|error| form(error.line(), reason(&error)))?;
        if file.tokens.len() > MAX_TOKENS {
            return Err(form(
                1,
                format!("too many tokens: {} (expected at most {MAX_TOKENS})", file.tokens.len()),
            ));
        }
        let (mut tokens, mut ids) = (Vec::with_capacity(file.tokens.len()), BTreeSet::new());
        let (mut line, mut counted_to) = (1, 0);
        for raw in file.tokens {
            // A raw value is a slice of the text.
            let at = raw.get().as_ptr().addr() - text.as_ptr().addr();
            line += text[counted_to..at].matches('\n').count();
            counted_to = at;
            let entry: TokenEntry = serde_json::from_str(raw.get())
                .map_err(|error| form(line + error.line().saturating_sub(1), reason(&error)))?;
            let token = token(entry).map_err(|reason| form(line, reason))?;
            if !ids.insert(token.id.clone()) {
                let reason = format!("duplicate token `{}` (expected each name once)", token.id);
                return Err(form(line, reason));
            }
            tokens.push(token);
        }
        Ok(tokens)
    }

    /// Creates a token for pools. Returns it with its text, which is not stored.
    ///
    /// # Errors
    /// Returns an error if the name is taken, the limit is reached, or the file can't be changed.
    pub fn create(
        &self,
        id: Option<TokenId>,
        pools: BTreeSet<Pool>,
        now: Timestamp,
    ) -> Result<(KeptToken, String), WorkerTokensError> {
        let _locked = lock(&self.lock).map_err(|cause| self.failed(cause))?;
        let mut tokens = self.read()?;
        let id = id.unwrap_or_else(random_id);
        if pools.is_empty() {
            return Err(WorkerTokensError::NoPool);
        }
        if id.to_string().starts_with(LOCAL_PREFIX) {
            return Err(WorkerTokensError::Local(id));
        }
        if tokens.iter().any(|token| token.id == id) {
            return Err(WorkerTokensError::Exists(id));
        }
        if tokens.len() >= MAX_TOKENS {
            return Err(WorkerTokensError::Full);
        }
        let text = new_token();
        let hash = TokenHash::of(&text);
        let token = KeptToken { id, pools, created_at: now, revoked_at: None, hash };
        tokens.push(token.clone());
        self.write(&tokens)?;
        Ok((token, text))
    }

    /// Revokes a token for good. Its name stays taken, so that errors can name it.
    ///
    /// # Errors
    /// Returns an error if the token is unknown or the file can't be changed.
    pub fn revoke(&self, id: &TokenId, now: Timestamp) -> Result<KeptToken, WorkerTokensError> {
        let _locked = lock(&self.lock).map_err(|cause| self.failed(cause))?;
        let mut tokens = self.read()?;
        let token = tokens.iter_mut().find(|token| token.id == *id);
        let token = token.ok_or_else(|| WorkerTokensError::Unknown(id.clone()))?;
        token.revoked_at.get_or_insert(now);
        let revoked = token.clone();
        self.write(&tokens)?;
        Ok(revoked)
    }

    /// Returns the changes of the file. The first one is the present content.
    pub(crate) fn changes(self) -> Changes {
        Changes { tokens: self, read: None }
    }

    /// Returns a value that differs after every change, because a change replaces the file.
    fn version(&self) -> FileVersion {
        let metadata = std::fs::metadata(&self.file).ok()?;
        Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.len()))
    }

    fn write(&self, tokens: &[KeptToken]) -> Result<(), WorkerTokensError> {
        let entry = |token: &KeptToken| TokenEntry {
            id: token.id.to_string(),
            pools: token.pools.iter().map(ToString::to_string).collect(),
            sha256: token.hash.to_string(),
            created_at: token.created_at,
            revoked_at: token.revoked_at,
        };
        let document = TokenFile { tokens: tokens.iter().map(entry).collect() };
        let text = serde_json::to_vec_pretty(&document).map_err(|error| self.failed(error.into()))?;
        write_private(&self.file, &text).map_err(|cause| self.failed(cause))
    }

    fn failed(&self, cause: io::Error) -> WorkerTokensError {
        WorkerTokensError::File { file: self.file.clone(), cause }
    }
}

/// The identity of the file's content. `None` if the file is missing.
type FileVersion = Option<(u64, i64, i64, u64)>;

/// The changes of the tokens.
#[derive(Debug)]
pub(crate) struct Changes {
    tokens: WorkerTokens,
    /// The version that was read last.
    read: Option<FileVersion>,
}

impl Changes {
    /// Returns the tokens if they were not read yet or have changed.
    ///
    /// # Errors
    /// Returns an error if the changed file can't be read or is invalid. The next call then reads
    /// it again.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<KeptToken>>, WorkerTokensError> {
        // This comes before reading the file, so that the next call sees a change in between.
        let version = self.tokens.version();
        if self.read == Some(version) {
            return Ok(None);
        }
        self.read = None;
        let tokens = self.tokens.read()?;
        self.read = Some(version);
        Ok(Some(tokens))
    }

    /// Passes changed tokens to a server until `stop`. A file that can't be used changes nothing.
    pub(crate) async fn watch(mut self, server: Server, stop: CancellationToken) {
        let mut failed = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(RELOAD_INTERVAL) => {}
            }
            match self.next() {
                Ok(tokens) => {
                    if let Some(tokens) = tokens {
                        server.keep_tokens(worker_tokens(&tokens));
                    }
                    failed = false;
                }
                Err(error) => {
                    if !failed {
                        tracing::error!(%error, "the workers' tokens can't be read: the tokens \
                            that were read before remain valid");
                    }
                    failed = true;
                }
            }
        }
    }
}

/// Parses a stored token.
fn token(entry: TokenEntry) -> Result<KeptToken, String> {
    let invalid = |error: ParseError| format!("token `{}`: {error}", entry.id);
    let id: TokenId = entry.id.parse().map_err(invalid)?;
    if entry.id.starts_with(LOCAL_PREFIX) {
        return Err(WorkerTokensError::Local(id).to_string());
    }
    let pools = entry.pools.iter().map(|pool| pool.parse());
    Ok(KeptToken {
        id,
        pools: pools.collect::<Result<_, _>>().map_err(invalid)?,
        hash: entry.sha256.parse().map_err(invalid)?,
        created_at: entry.created_at,
        revoked_at: entry.revoked_at,
    })
}

/// Returns the message of an error without its position, which refers to the parsed part only.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned()
}

/// Returns the tokens in the form that the link's server needs.
pub(crate) fn worker_tokens(kept: &[KeptToken]) -> Vec<WorkerToken> {
    let token = |token: &KeptToken| WorkerToken {
        id: token.id.clone(),
        pools: token.pools.clone(),
        hash: token.hash,
        revoked: token.revoked_at.is_some(),
    };
    kept.iter().map(token).collect()
}

/// Returns the name of the token of a node's own workers of a pool.
pub(crate) fn local_id(pool: &Pool) -> TokenId {
    let cut: String = pool.as_str().chars().take(64 - LOCAL_PREFIX.len()).collect();
    format!("{LOCAL_PREFIX}{cut}").parse().unwrap_or_else(|_| random_id())
}

fn random_id() -> TokenId {
    let id = hex::encode(&entropy::random::<6>());
    id.parse().expect("hexadecimal digits make a name")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn kept() -> (tempfile::TempDir, Home, WorkerTokens) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(Some(folder.path().join("home"))).unwrap();
        let tokens = WorkerTokens::of(&home);
        (folder, home, tokens)
    }

    fn pools(names: &[&str]) -> BTreeSet<Pool> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    const NOW: Timestamp = Timestamp::from_millis(1_795_217_790_000);

    #[test]
    fn a_token_is_stored_as_a_hash_and_stays_revoked() {
        let (_folder, home, tokens) = kept();
        let (made, text) = tokens.create(Some("gpu-box".parse().unwrap()), pools(&["chat"]), NOW).unwrap();
        let file = std::fs::read_to_string(home.worker_tokens()).unwrap();
        assert!(!file.contains(&text) && file.contains("gpu-box"), "{file}");
        let mode = std::fs::metadata(home.worker_tokens()).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert_eq!(tokens.read().unwrap(), std::slice::from_ref(&made));
        assert!(!worker_tokens(&tokens.read().unwrap())[0].revoked);

        let revoked = tokens.revoke(&made.id, NOW).unwrap();
        assert_eq!(revoked.revoked_at, Some(NOW));
        assert!(worker_tokens(&tokens.read().unwrap())[0].revoked);
        let again = tokens.create(Some("gpu-box".parse().unwrap()), pools(&["chat"]), NOW);
        assert!(matches!(again, Err(WorkerTokensError::Exists(_))));
    }

    #[test]
    fn invalid_tokens_are_rejected() {
        let (_folder, _home, tokens) = kept();
        let local = tokens.create(Some("local.echo".parse().unwrap()), pools(&["echo"]), NOW);
        assert!(matches!(local, Err(WorkerTokensError::Local(_))));
        assert!(matches!(tokens.create(None, pools(&[]), NOW), Err(WorkerTokensError::NoPool)));
        let unknown = tokens.revoke(&"x".parse().unwrap(), NOW);
        assert!(matches!(unknown, Err(WorkerTokensError::Unknown(_))));
    }

    /// Returns a file with two tokens, in lines 3 and 4.
    fn two(one: &str, other: &str) -> String {
        let entry = |id| {
            let (hash, made) = ("00".repeat(32), "2026-11-20T23:36:30Z");
            format!(r#"{{"id": "{id}", "pools": ["echo"], "sha256": "{hash}", "created_at": "{made}"}}"#)
        };
        format!("{{\n\"tokens\": [\n{},\n{}\n]}}\n", entry(one), entry(other))
    }

    #[test]
    fn two_tokens_in_a_file_are_read_in_their_order() {
        let (_folder, home, tokens) = kept();
        std::fs::write(home.worker_tokens(), two("b", "a")).unwrap();
        let ids: Vec<_> = tokens.read().unwrap().iter().map(|token| token.id.to_string()).collect();
        assert_eq!(ids, ["b", "a"]);
    }

    #[test]
    fn a_change_between_the_first_read_and_the_watch_is_seen() {
        let (_folder, home, tokens) = kept();
        let mut changes = WorkerTokens::of(&home).changes();
        assert_eq!(changes.next().unwrap(), Some(vec![]));
        let (made, _) = tokens.create(None, pools(&["echo"]), NOW).unwrap();
        assert_eq!(changes.next().unwrap(), Some(vec![made.clone()]));
        assert_eq!(changes.next().unwrap(), None);
        let revoked = tokens.revoke(&made.id, NOW).unwrap();
        assert_eq!(changes.next().unwrap(), Some(vec![revoked.clone()]));
        let good = std::fs::read(home.worker_tokens()).unwrap();
        std::fs::write(home.worker_tokens(), "[]").unwrap();
        assert!(changes.next().is_err() && changes.next().is_err());
        std::fs::write(home.worker_tokens(), good).unwrap();
        assert_eq!(changes.next().unwrap(), Some(vec![revoked]));
    }

    #[test]
    fn an_invalid_file_is_named_with_its_line() {
        let (_folder, home, tokens) = kept();
        for (text, named) in [
            ("{\"tokens\": [],\n \"x\": 1}", ":2: unknown field `x`"),
            ("[]", "worker-tokens.json:1:"),
            (
                r#"{"tokens": [{"id": "a", "pools": ["echo"], "sha256": "00", "created_at": "2026-11-20T23:36:30Z"}]}"#,
                "token `a`: ",
            ),
            (&two("a", "a"), ":4: duplicate token `a` (expected each name once)"),
            (&two("a", "b c"), ":4: token `b c`: invalid name of a token"),
            (&two("a", "local.echo"), ":4: invalid name `local.echo`: names that start with `local.`"),
            (&two("a", "b").replacen("\"created_at\"", "\n\"made_at\"", 1), ":4: unknown field `made_at`"),
        ] {
            std::fs::write(home.worker_tokens(), text).unwrap();
            let error = tokens.read().unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn the_names_of_a_nodes_own_tokens_are_valid() {
        let long = format!("a{}", "b".repeat(62));
        for pool in ["echo", &long] {
            assert!(local_id(&pool.parse().unwrap()).to_string().starts_with(LOCAL_PREFIX), "{pool}");
        }
    }
}
