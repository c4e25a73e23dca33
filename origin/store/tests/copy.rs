//! A store is copied to every other engine and back, and nothing is lost or changed.

#![allow(clippy::unwrap_used, dead_code, reason = "the fixtures are those of the contract")]

#[path = "contract/checking.rs"]
mod checking;
#[path = "contract/fixtures.rs"]
mod fixtures;

use std::path::Path;
use std::time::Duration;

use cortex_domain::audit::AuditEvent;
use cortex_domain::id::JobId;
use cortex_domain::pointer::Pointer;
use cortex_domain::ports::{Inspect, JobCount, Query, Sequence, Store};
use cortex_domain::retention::Retention;
use cortex_domain::verify::Finding;
use cortex_store::{
    BackupError, Copied, CopyError, Export, Import, InstallationId, OpenError, PostgresImport,
    PostgresInspector, PostgresStore, RedisImport, RedisInspector, RedisStore, ServerError, ServerOptions,
    Sharing, SqliteExport, SqliteImport, SqliteInspector, SqliteStore, copy,
};
use cortex_test_servers::{Postgres, PostgresVersion, Redis, RedisKind};
use tempfile::TempDir;

use checking::{findings, many_jobs};
use fixtures::{NOW, accepted, keyed, request, submission};

/// How many jobs are copied.
const JOBS: u16 = 60;
/// How long one copy may take.
const COPY_TIMEOUT: Duration = Duration::from_secs(60);

/// Where a store is.
enum Engine {
    Sqlite(TempDir),
    Redis(Redis),
    Postgres(Postgres),
}

impl Engine {
    fn sqlite() -> Option<Self> {
        Some(Self::Sqlite(TempDir::new().unwrap()))
    }

    fn redis() -> Option<Self> {
        Redis::start(RedisKind::Redis).map(Self::Redis)
    }

    fn postgres() -> Option<Self> {
        Postgres::start(PostgresVersion::V15).map(Self::Postgres)
    }

    fn options(&self) -> ServerOptions {
        let url = match self {
            Self::Sqlite(_) => String::new(),
            Self::Redis(server) => server.url(),
            Self::Postgres(server) => server.url(),
        };
        ServerOptions {
            url,
            installation: InstallationId::new([7; 16]),
            retention: Retention::default(),
            sharing: Sharing::Alone,
        }
    }

    fn path(&self) -> std::path::PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("store.db"),
            _ => Path::new("").to_owned(),
        }
    }

    async fn store(&self) -> Result<Box<dyn Store>, String> {
        let text = |error: ServerError| error.to_string();
        Ok(match self {
            Self::Sqlite(_) => Box::new(SqliteStore::open(self.path()).map_err(|error| error.to_string())?),
            Self::Redis(_) => Box::new(RedisStore::open(self.options()).await.map_err(text)?),
            Self::Postgres(_) => Box::new(PostgresStore::open(self.options()).await.map_err(text)?),
        })
    }

    async fn export(&self) -> Box<dyn Export> {
        match self {
            Self::Sqlite(_) => Box::new(SqliteExport::open(self.path()).unwrap()),
            Self::Redis(_) => Box::new(RedisInspector::open(&self.options()).await.unwrap()),
            Self::Postgres(_) => Box::new(PostgresInspector::open(&self.options()).await.unwrap()),
        }
    }

    async fn import(&self) -> Box<dyn Import> {
        match self {
            Self::Sqlite(_) => Box::new(SqliteImport::create(self.path()).unwrap()),
            Self::Redis(_) => Box::new(RedisImport::create(&self.options()).await.unwrap()),
            Self::Postgres(_) => Box::new(PostgresImport::create(&self.options()).await.unwrap()),
        }
    }

    async fn findings(&self) -> (Vec<Finding>, usize) {
        let inspector: Box<dyn Inspect> = match self {
            Self::Sqlite(_) => Box::new(SqliteInspector::open(self.path()).unwrap()),
            Self::Redis(_) => Box::new(RedisInspector::open(&self.options()).await.unwrap()),
            Self::Postgres(_) => Box::new(PostgresInspector::open(&self.options()).await.unwrap()),
        };
        findings(&*inspector).await.unwrap()
    }
}

async fn copied(from: &Engine, to: &Engine) -> Result<Copied, CopyError> {
    let (from, mut to) = (from.export().await, to.import().await);
    tokio::time::timeout(COPY_TIMEOUT, copy(&*from, &mut *to)).await.unwrap()
}

/// What a store answers, without the memory of its payloads.
#[derive(PartialEq, Debug)]
struct Content {
    jobs: Vec<String>,
    payloads: Vec<Option<bytes::Bytes>>,
    counts: Vec<String>,
    steps: Vec<cortex_domain::ports::JobStep>,
    messages: Vec<cortex_domain::ports::Outbound>,
    entries: Vec<cortex_domain::ports::Audited>,
    cursor: Sequence,
}

async fn content(store: &dyn Store) -> Content {
    let mut jobs = Vec::new();
    for tenant in ["acme", "other"] {
        let tenant = tenant.parse().unwrap();
        jobs.extend(
            store.jobs(Query { tenant, state: None, topic: None, before: None, limit: 999 }).await.unwrap(),
        );
    }
    let mut payloads = Vec::new();
    for job in &jobs {
        assert_eq!(job.memory, store.memory());
        let id = job.id();
        payloads.push(store.get(job.context()).await.unwrap());
        payloads.push(store.get(Pointer::result(job.memory, id)).await.unwrap());
        let draft = job.state.lease().map(|lease| Pointer::draft(job.memory, id, lease.dispatch));
        if let Some(draft) = draft {
            payloads.push(store.get(draft).await.unwrap());
        }
    }
    let mut counts: Vec<String> =
        store.counts().await.unwrap().into_iter().map(|count: JobCount| format!("{count:?}")).collect();
    counts.sort();
    let memory = cortex_domain::pointer::Memory::Local;
    Content {
        jobs: jobs.into_iter().map(|job| format!("{:?}", job.moved_to(memory))).collect(),
        payloads,
        counts,
        steps: store.steps(Sequence(0), 999).await.unwrap(),
        messages: store.outbox(Sequence(0), 999).await.unwrap(),
        entries: store.audit(Sequence(0), 999).await.unwrap(),
        cursor: store.cursor("edge").await.unwrap(),
    }
}

fn entry(tenant: &str, subject: &str) -> AuditEvent {
    AuditEvent {
        at: NOW,
        tenant: tenant.parse().unwrap(),
        principal: "ci".parse().unwrap(),
        action: "key.create".into(),
        subject: subject.into(),
        decision: "ALLOW".into(),
        detail: String::new(),
        traceparent: None,
    }
}

/// Fills a store, copies it, and compares the copy with it.
async fn a_copy_has_everything(from: Option<Engine>, to: Option<Engine>) {
    let (Some(from), Some(to)) = (from, to) else { return };
    let store = from.store().await.unwrap();
    many_jobs(&*store, JOBS).await;
    store.append(vec![entry("acme", "a"), entry("other", "b"), entry("acme", "c")], None).await.unwrap();
    let steps = store.steps(Sequence(0), 999).await.unwrap();
    store.set_cursor("edge", steps[3].sequence).await.unwrap();
    let messages = store.outbox(Sequence(0), 999).await.unwrap();
    store.relayed(vec![messages[0].sequence, messages.last().unwrap().sequence]).await.unwrap();
    let before = content(&*store).await;
    drop(store);

    let copied = copied(&from, &to).await.unwrap();
    assert_eq!(copied.jobs, u64::from(JOBS));
    assert_eq!((copied.steps, copied.entries), (steps.len() as u64, 3));
    assert_eq!(copied.messages, messages.len() as u64 - 2);
    assert_eq!(to.findings().await, (vec![], usize::from(JOBS)));

    let store = to.store().await.unwrap();
    let after = content(&*store).await;
    assert_eq!(after, before);
    // The store continues with later numbers, and knows the idempotency keys.
    store.append(vec![entry("acme", "d")], None).await.unwrap();
    accepted(&*store, "acme", 999).await;
    let newest = |sequences: Vec<Sequence>| sequences.into_iter().max().unwrap();
    assert!(store.newest_step().await.unwrap() > newest(before.steps.iter().map(|s| s.sequence).collect()));
    let waiting = store.outbox(Sequence(0), 999).await.unwrap();
    assert!(waiting.last().unwrap().sequence > messages.last().unwrap().sequence);
    let entries = store.audit(Sequence(0), 999).await.unwrap();
    assert_eq!(entries.last().unwrap().sequence.0, before.entries.last().unwrap().sequence.0 + 1);
    let again = keyed(request("acme", 1200), "key-0", 1);
    let known = store.accept(submission(again)).await.unwrap();
    assert!(matches!(known, cortex_domain::ports::Acceptance::Known(job) if job.id() == id_of_key()));
    drop(store);
    assert_eq!(to.findings().await.0, []);
}

fn id_of_key() -> JobId {
    checking::nth(0)
}

macro_rules! pairs {
    ($($name:ident: $from:ident $to:ident)*) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            a_copy_has_everything(Engine::$from(), Engine::$to()).await;
        })*
    };
}

pairs! {
    a_copy_from_sqlite_to_sqlite_has_everything: sqlite sqlite
    a_copy_from_sqlite_to_redis_has_everything: sqlite redis
    a_copy_from_sqlite_to_postgres_has_everything: sqlite postgres
    a_copy_from_redis_to_sqlite_has_everything: redis sqlite
    a_copy_from_redis_to_redis_has_everything: redis redis
    a_copy_from_redis_to_postgres_has_everything: redis postgres
    a_copy_from_postgres_to_sqlite_has_everything: postgres sqlite
    a_copy_from_postgres_to_redis_has_everything: postgres redis
    a_copy_from_postgres_to_postgres_has_everything: postgres postgres
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_copy_cannot_be_served_and_says_how_to_go_on() {
    for (engine, empty) in [(Engine::redis(), "FLUSHDB"), (Engine::postgres(), "DROP SCHEMA")] {
        let Some(to) = engine else { return };
        drop(to.import().await);
        let Err(error) = to.store().await else { panic!("an incomplete copy was opened") };
        assert!(error.contains("incomplete") && error.contains(empty), "{error}");
        let again = match &to {
            Engine::Redis(_) => RedisImport::create(&to.options()).await.map(drop),
            _ => PostgresImport::create(&to.options()).await.map(drop),
        };
        assert!(matches!(again, Err(ServerError::Incomplete { .. })), "{again:?}");
    }
    let to = Engine::sqlite().unwrap();
    drop(to.import().await);
    assert!(!to.path().exists());
    to.store().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_is_not_empty_is_refused_and_left_unchanged() {
    for engine in [Engine::redis(), Engine::postgres()] {
        let Some(to) = engine else { return };
        let store = to.store().await.unwrap();
        let refused = match &to {
            Engine::Redis(_) => RedisImport::create(&to.options()).await.map(drop),
            _ => PostgresImport::create(&to.options()).await.map(drop),
        };
        assert!(matches!(refused, Err(ServerError::Occupied { .. })), "{refused:?}");
        accepted(&*store, "acme", 1).await;
    }
    let to = Engine::sqlite().unwrap();
    let store = to.store().await.unwrap();
    assert!(matches!(SqliteImport::create(to.path()), Err(BackupError::Exists(_))));
    assert!(matches!(SqliteExport::open(to.path()), Err(OpenError::InUse { .. })));
    accepted(&*store, "acme", 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_a_store_that_changes_meanwhile_stays_incomplete() {
    let (Some(from), Some(to)) = (Engine::redis(), Engine::redis()) else { return };
    let store = from.store().await.unwrap();
    many_jobs(&*store, 12).await;
    let changing = Changing { inner: from.export().await, store };
    let mut target = to.import().await;
    let error = copy(&changing, &mut *target).await.unwrap_err();
    assert!(matches!(error, CopyError::Changed), "{error}");
    assert!(to.store().await.is_err());
}

/// A store that gets a job while it is read.
struct Changing {
    inner: Box<dyn Export>,
    store: Box<dyn Store>,
}

type Read<'a, T> = cortex_domain::ports::Answer<'a, Result<T, cortex_domain::ports::StoreError>>;

impl Export for Changing {
    fn jobs(&self, after: Option<JobId>) -> Read<'_, Vec<cortex_store::CopiedJob>> {
        self.inner.jobs(after)
    }

    fn steps(&self, after: Sequence) -> Read<'_, Vec<cortex_domain::ports::JobStep>> {
        self.inner.steps(after)
    }

    fn messages(&self, after: Sequence) -> Read<'_, Vec<cortex_domain::ports::Outbound>> {
        self.inner.messages(after)
    }

    fn entries(&self, after: Sequence) -> Read<'_, Vec<cortex_domain::ports::Audited>> {
        self.inner.entries(after)
    }

    fn cursors(&self) -> Read<'_, Vec<cortex_store::Cursor>> {
        Box::pin(async move {
            accepted(&*self.store, "acme", 500).await;
            self.inner.cursors().await
        })
    }

    fn numbers(&self) -> Read<'_, cortex_store::Numbers> {
        self.inner.numbers()
    }

    fn counts(&self) -> Read<'_, Vec<JobCount>> {
        self.inner.counts()
    }
}
