//! The embedded store keeps the contract, and names what it can't open.

#![allow(clippy::unwrap_used)]

mod contract;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use cortex_domain::audit::AuditEvent;
use cortex_domain::id::JobId;
use cortex_domain::job::Version;
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::ports::{AuditLog, Jobs, Payloads, Query, Sequence, Store, StoreError, Upkeep};
use cortex_domain::retention::Retention;
use cortex_domain::time::Timestamp;
use cortex_store::{OpenError, SqliteStore};
use tempfile::TempDir;

struct Folder(TempDir);

impl contract::TestStore for Folder {
    fn open_with(&self, retention: Retention) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open_with(self.0.path().join("store/jobs.db"), retention).unwrap())
    }
}

contract::contract!(Folder(TempDir::new().unwrap()));

#[test]
fn a_second_process_learns_which_process_has_the_store() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jobs.db");
    let _first = SqliteStore::open(&path).unwrap();
    let refusal = SqliteStore::open(&path).unwrap_err().to_string();
    assert!(refusal.contains(&format!("in use by process {}", std::process::id())), "{refusal}");
    assert!(refusal.contains(&path.display().to_string()), "{refusal}");
}

#[test]
fn a_newer_schema_is_refused_by_number() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jobs.db");
    drop(SqliteStore::open(&path).unwrap());
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refusal = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(refusal, OpenError::Newer { found: 99, .. }), "{refusal}");
}

#[test]
fn an_older_schema_is_refused_until_it_is_migrated() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jobs.db");
    assert!(matches!(SqliteStore::migrate(&path, Retention::default()), Err(OpenError::Missing { .. })));
    drop(SqliteStore::open(&path).unwrap());
    lower(&path, &[TO_SCHEMA_5, TO_SCHEMA_4]);
    let before = fs::read(&path).unwrap();
    let refusal = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(refusal, OpenError::Older { found: 4, .. }), "{refusal}");
    assert!(refusal.to_string().contains("cortex store migrate"), "{refusal}");
    assert_eq!(fs::read(&path).unwrap(), before);
    SqliteStore::migrate(&path, Retention::default()).unwrap();
    SqliteStore::open(&path).unwrap();
}

/// Turns a file into one of an older schema.
fn lower(path: &Path, steps: &[&str]) {
    rusqlite::Connection::open(path).unwrap().execute_batch(&steps.concat()).unwrap();
}

/// Replaces the indices of schema 6 by the one that they replaced.
const TO_SCHEMA_5: &str =
    "DROP INDEX open_by_topic; DROP INDEX ended_by_topic; CREATE INDEX jobs_by_tenant ON jobs (tenant, id);
     PRAGMA user_version = 5;";

#[tokio::test]
async fn the_jobs_of_a_file_of_schema_5_are_found_by_topic() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jobs.db");
    let store = SqliteStore::open(&path).unwrap();
    let job = contract::fixtures::accepted(&store, "acme", 1).await;
    drop(store);
    lower(&path, &[TO_SCHEMA_5]);
    assert_eq!(SqliteStore::migrate(&path, Retention::default()).unwrap(), 5);
    let store = SqliteStore::open(&path).unwrap();
    let (tenant, topic) = (job.tenant().clone(), Some(job.topic().clone()));
    let query = Query { tenant, state: None, topic, before: None, limit: 9 };
    assert_eq!(store.jobs(query.clone()).await.unwrap(), [job]);
    let other = Query { topic: Some("job.other".parse().unwrap()), ..query };
    assert_eq!(store.jobs(other).await.unwrap(), []);
}

/// Turns the audit log of a file of schema 5 into that of schema 4, and empties it.
const TO_SCHEMA_4: &str = "DROP TABLE audit; CREATE TABLE audit (
         first INTEGER PRIMARY KEY, count INTEGER NOT NULL, at INTEGER NOT NULL, entries BLOB NOT NULL
     ) STRICT; PRAGMA user_version = 4;";

/// Removes from a file of schema 5 what schemas 3 to 5 added.
const TO_SCHEMA_2: &str = "DROP TABLE audit; DROP TABLE usage; DROP TABLE loose; DROP INDEX keys_by_age;
     ALTER TABLE jobs DROP COLUMN bytes; ALTER TABLE jobs DROP COLUMN kept_until;
     ALTER TABLE idempotency DROP COLUMN at; PRAGMA user_version = 2;";

#[tokio::test]
async fn a_file_of_schema_3_is_brought_up_to_this_one() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jobs.db");
    let store = SqliteStore::open(&path).unwrap();
    let job = contract::fixtures::accepted(&store, "acme", 1).await;
    drop(store);
    lower(&path, &[TO_SCHEMA_5, "DROP TABLE audit; PRAGMA user_version = 3;"]);
    assert_eq!(SqliteStore::migrate(&path, Retention::default()).unwrap(), 3);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.job(job.id()).await.unwrap(), Some(job));
    assert_eq!(store.audit(Sequence(0), 9).await.unwrap(), []);
}

#[tokio::test]
async fn the_audit_log_of_a_file_of_schema_4_is_read_and_goes_on() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jobs.db");
    let store = SqliteStore::open(&path).unwrap();
    let entries = ["acme", "other", "acme"].map(entry_of);
    store.append(entries.to_vec(), None).await.unwrap();
    drop(store);
    // In that schema, a row held the entries of every tenant.
    lower(&path, &[TO_SCHEMA_5, TO_SCHEMA_4]);
    let file = rusqlite::Connection::open(&path).unwrap();
    let batch = cortex_wire::encode_audit_batch(&entries);
    let row = rusqlite::params![entries[2].at.as_millis().cast_signed(), &batch[..]];
    file.execute("INSERT INTO audit (first, count, at, entries) VALUES (1, 3, ?1, ?2)", row).unwrap();
    drop(file);
    assert_eq!(SqliteStore::migrate(&path, Retention::default()).unwrap(), 4);
    let store =
        SqliteStore::open_with(&path, Retention { audit_entries: 1, ..Retention::default() }).unwrap();
    store.append(vec![entry_of("acme")], None).await.unwrap();
    contract::fixtures::accepted(&store, "acme", 1).await;
    store.forget(contract::fixtures::NOW).await.unwrap();
    let audited = store.audit(Sequence(0), 9).await.unwrap();
    let numbered = audited.iter().map(|audited| (audited.sequence.0, audited.entry.tenant.as_str()));
    assert_eq!(numbered.collect::<Vec<_>>(), [(1, "acme"), (2, "other"), (3, "acme"), (4, "acme")]);
}

fn entry_of(tenant: &str) -> AuditEvent {
    AuditEvent {
        at: contract::fixtures::NOW,
        tenant: tenant.parse().unwrap(),
        principal: "ci".parse().unwrap(),
        action: "policy.check".into(),
        subject: "a job".into(),
        decision: "ALLOW".into(),
        detail: String::new(),
        traceparent: None,
    }
}

#[tokio::test]
async fn a_file_of_schema_2_is_counted_and_its_jobs_are_forgotten_in_time() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jobs.db");
    let store = SqliteStore::open(&path).unwrap();
    let jobs = contract::fixtures::jobs_in_every_state(&store).await;
    drop(store);
    let file = rusqlite::Connection::open(&path).unwrap();
    let before = usage(&file);
    assert_eq!(before, recounted(&file));
    drop(file);
    lower(&path, &[TO_SCHEMA_5, TO_SCHEMA_2]);

    assert_eq!(SqliteStore::migrate(&path, Retention::default()).unwrap(), 2);
    let store = SqliteStore::open(&path).unwrap();
    let file = rusqlite::Connection::open(&path).unwrap();
    let after = usage(&file);
    assert_eq!(after, recounted(&file));
    for (before, after) in before.iter().zip(&after) {
        assert_eq!((&before.0, before.1, before.2, before.4), (&after.0, after.1, after.2, after.4));
        assert!(before.3.abs_diff(after.3) < 1000, "only what a record has grown by: {before:?} {after:?}");
    }
    let late = contract::fixtures::NOW.after(std::time::Duration::from_secs(8 * 24 * 3600));
    assert!(store.forget(late).await.unwrap() > 0);
    for job in jobs {
        let kept = store.job(job).await.unwrap();
        assert!(kept.is_none_or(|job| !job.state.is_terminal()));
    }
    assert_eq!(usage(&file), recounted(&file));
}

/// What each tenant has: jobs, open jobs, bytes and keys.
type Counts = Vec<(String, i64, i64, i64, i64)>;

fn counts(file: &rusqlite::Connection, sql: &str) -> Counts {
    let mut select = file.prepare(sql).unwrap();
    let rows = select
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
        .unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

fn usage(file: &rusqlite::Connection) -> Counts {
    counts(file, "SELECT tenant, jobs, open, bytes, keys FROM usage WHERE jobs > 0 ORDER BY tenant")
}

/// Counts the same from the rows.
fn recounted(file: &rusqlite::Connection) -> Counts {
    counts(
        file,
        "SELECT tenant, count(*), sum(open), sum(bytes),
             (SELECT count(*) FROM idempotency i WHERE i.tenant = j.tenant)
         FROM jobs j GROUP BY tenant ORDER BY tenant",
    )
}

#[tokio::test]
async fn the_space_of_what_is_forgotten_is_used_again() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jobs.db");
    let store = SqliteStore::open(&path).unwrap();
    let mut sizes = Vec::new();
    for round in 0..4_u16 {
        for n in 0..40 {
            contract::fixtures::ended_with(&store, round * 40 + n, 64 << 10).await;
        }
        let late = contract::fixtures::NOW.after(std::time::Duration::from_secs(8 * 24 * 3600));
        assert_eq!(store.forget(late).await.unwrap(), 40);
        let file = rusqlite::Connection::open(&path).unwrap();
        let pages: i64 = file.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        sizes.push(pages);
    }
    assert!(sizes[3] <= sizes[0] * 11 / 10, "the file grows: {sizes:?} pages");
}

#[tokio::test]
async fn a_file_of_schema_1_is_brought_up_to_this_one() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jobs.db");
    let store = SqliteStore::open(&path).unwrap();
    let job = contract::fixtures::accepted(&store, "acme", 1).await;
    let log = store.log(job.id(), Version(0)).await.unwrap();
    drop(store);

    // In that schema, a row held one entry without the two bytes that frame a short one now.
    let to_schema_1 = "UPDATE log SET entries = CAST(substr(entries, 3) AS BLOB);
         ALTER TABLE log RENAME COLUMN entries TO entry;
         PRAGMA user_version = 1;";
    lower(&path, &[TO_SCHEMA_5, TO_SCHEMA_2, to_schema_1]);
    assert_eq!(SqliteStore::migrate(&path, Retention::default()).unwrap(), 1);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.log(job.id(), Version(0)).await.unwrap(), log);
    assert_eq!(store.job(job.id()).await.unwrap(), Some(job));
}

#[test]
fn a_foreign_file_is_left_unchanged() {
    let folder = TempDir::new().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(&text, "not a database, but longer than the header of one would be: ".repeat(20)).unwrap();
    let before = fs::read(&text).unwrap();
    assert!(matches!(SqliteStore::open(&text), Err(OpenError::Foreign { .. })));
    assert_eq!(fs::read(&text).unwrap(), before);

    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    assert!(matches!(SqliteStore::open(&other), Err(OpenError::Foreign { .. })));
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let refusal = SqliteStore::open(folder.path().join("file/jobs.db")).unwrap_err();
    assert!(matches!(refusal, OpenError::Folder { .. }), "{refusal}");
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jobs.db");
    let _store = SqliteStore::open(&path).unwrap();
    for name in ["jobs.db", "jobs.db-wal", "jobs.db.lock"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_write_beyond_the_queue_is_refused_at_once() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("jobs.db")).unwrap();
    let context = Pointer::context(Memory::Local, JobId::mint(Timestamp::from_millis(1), [1; 10]));
    let refused = store.put(context, vec![0; 65 << 20].into()).await;
    assert!(matches!(refused, Err(StoreError::Overloaded)), "{refused:?}");
    store.put(context, "little".into()).await.unwrap();
}

#[tokio::test]
async fn a_pointer_into_another_memory_is_refused() {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("jobs.db")).unwrap();
    let elsewhere = Pointer::context(Memory::Redis, JobId::mint(Timestamp::from_millis(1), [1; 10]));
    assert!(store.get(elsewhere).await.is_err());
    assert!(store.put(elsewhere, "x".into()).await.is_err());
}
