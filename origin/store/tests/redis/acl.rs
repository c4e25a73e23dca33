//! A worker's user can do what a worker must, and nothing else.

use cortex_domain::ports::{Jobs, Payloads};
use cortex_store::worker_acl;
use cortex_test_servers::RedisKind;

use crate::contract::fixtures::{ended_with, running};
use crate::place::Place;

on_each_server! {
    a_worker_reads_inputs_and_writes_drafts_and_nothing_else
}

/// The SHA-256 of `secret`.
const HASH: [u8; 32] = [
    0x2b, 0xb8, 0x0d, 0x53, 0x7b, 0x1d, 0xa3, 0xe3, 0x8b, 0xd3, 0x03, 0x61, 0xaa, 0x85, 0x56, 0x86, 0xbd,
    0xe0, 0xea, 0xcd, 0x71, 0x62, 0xfe, 0xf6, 0xa2, 0x5f, 0xe9, 0x7b, 0xf5, 0x27, 0xa2, 0x5b,
];

async fn a_worker_reads_inputs_and_writes_drafts_and_nothing_else(kind: RedisKind) {
    let place = installed!(Place::start(kind));
    let store = place.store();
    let ended = ended_with(&store, 1, 3).await.id();
    let (job, end) = running(&store, 2).await;
    let (id, dispatch) = (job.id(), job.state.lease().unwrap().dispatch);
    let line = worker_acl(&"w1".parse().unwrap(), &HASH);
    place.ask::<()>(&format!("ACL SETUSER {}", line.strip_prefix("user ").unwrap()));
    let url = place.0.url().replace("redis://", "redis://w1:secret@");
    let mut worker = redis::Client::open(url).unwrap().get_connection().unwrap();
    let mut send = |command: &str| {
        let mut words = command.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        words.for_each(|word| {
            command.arg(word);
        });
        command.query::<redis::Value>(&mut worker)
    };

    for allowed in ["PING".into(), format!("GET ctx:{id}"), format!("SET res:{id}:{dispatch} answer")] {
        send(&allowed).unwrap();
    }
    for forbidden in [
        format!("SET ctx:{id} forged"),
        format!("SET res:{id} forged"),
        format!("GET res:{ended}"),
        format!("GET res:{id}:{dispatch}"),
        format!("SET res:{id}:{dispatch} answer GET"),
        format!("DEL res:{id}:{dispatch}"),
        format!("RENAME res:{id}:{dispatch} res:{id}"),
        format!("HGET job:{id} record"),
        format!("HSET job:{id} state SUCCEEDED"),
        "SET cortex:meta x".into(),
        "KEYS *".into(),
        "SCAN 0".into(),
        "EVAL return 0".into(),
        "CONFIG GET appendonly".into(),
        "ACL LIST".into(),
        "FLUSHALL".into(),
        "SUBSCRIBE cortex:changed".into(),
        "PUBLISH cortex:changed 1".into(),
        "SELECT 1".into(),
        "MULTI".into(),
    ] {
        let refused = send(&forbidden).unwrap_err();
        assert_eq!(refused.code(), Some("NOPERM"), "{forbidden}: {refused}");
    }
    store.commit(end).await.unwrap();
    let result = cortex_domain::pointer::Pointer::result(job.memory, id);
    assert_eq!(store.get(result).await.unwrap().as_deref(), Some(&b"answer"[..]));
}
