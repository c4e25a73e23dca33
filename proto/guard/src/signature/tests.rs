use std::time::Duration;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_217_790_000);

type Headers = Vec<(String, String)>;

fn keyring(text: &str) -> Keyring {
    text.parse().unwrap()
}

fn keys() -> Keyring {
    keyring(&format!("edge-2:{},edge-1:{}", "22".repeat(32), "11".repeat(32)))
}

fn request() -> Request<'static> {
    Request {
        method: "POST",
        path: "/api/v1/jobs",
        query: "a=1&b=2",
        content_type: "application/json",
        body: b"{\"topic\":\"job.echo\"}",
    }
}

fn signed() -> Headers {
    let mut headers: Headers = vec![
        ("Cortex-Tenant".into(), "acme".into()),
        ("cortex-roles".into(), "SRE,DEV".into()),
        ("accept".into(), "*/*".into()),
        ("Prefer".into(), "wait=5".into()),
        ("last-event-id".into(), "7".into()),
        ("idempotency-key".into(), "k1".into()),
        ("cortex-instance".into(), here().to_string()),
        ("user-agent".into(), "x".into()),
    ];
    let stamp = sign(&request(), pairs(&headers), keys().current(), NOW, Nonce::new([7; 16])).unwrap();
    headers.extend(stamp.map(|(name, value)| (name.to_owned(), value)));
    headers
}

fn pairs(headers: &Headers) -> impl Iterator<Item = (&str, &str)> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

fn here() -> Instance {
    Instance::new([5; 16])
}

fn check(request: &Request<'_>, headers: &Headers) -> Result<Verified, SignatureError> {
    let verified = verify(&request.head(), pairs(headers), &keys(), NOW)?;
    verified.body.check(request.body)?;
    Ok(verified)
}

#[test]
fn what_was_signed_verifies() {
    let verified = check(&request(), &signed()).unwrap();
    assert_eq!(
        (verified.key_id.as_str(), verified.nonce, verified.signed),
        ("edge-2", Nonce::new([7; 16]), NOW)
    );
}

#[test]
fn either_live_key_verifies_and_no_other() {
    let old = keyring(&format!("edge-1:{}", "11".repeat(32)));
    let stamp = sign(&request(), NO_HEADERS, old.current(), NOW, Nonce::new([1; 16])).unwrap();
    assert!(verify(&request().head(), stamp.clone(), &keys(), NOW).is_ok());
    let newer = keyring(&format!("edge-3:{},edge-2:{}", "33".repeat(32), "22".repeat(32)));
    assert_eq!(verify(&request().head(), stamp, &newer, NOW), Err(SignatureError::UnknownKey));
}

const NO_HEADERS: [(&str, &str); 0] = [];

#[test]
fn any_altered_part_is_noticed() {
    let altered = [
        Request { method: "PUT", ..request() },
        Request { path: "/api/v1/jobs/", ..request() },
        Request { query: "a=1&b=3", ..request() },
        Request { query: "", ..request() },
        Request { content_type: "text/plain", ..request() },
        Request { body: b"{\"topic\":\"job.echo\"} ", ..request() },
    ];
    for request in altered {
        assert_eq!(check(&request, &signed()), Err(SignatureError::Mismatch), "{request:?}");
    }
}

#[test]
fn any_altered_added_or_dropped_header_that_counts_is_noticed() {
    for at in 0..signed().len() {
        if !cortex_api::headers::is_signed(&signed()[at].0) {
            continue;
        }
        let mut altered = signed();
        altered[at].1.insert(0, '1');
        assert!(check(&request(), &altered).is_err(), "{at} altered");
        let mut dropped = signed();
        dropped.remove(at);
        assert!(check(&request(), &dropped).is_err(), "{at} dropped");
        let mut twice = signed();
        twice.push(twice[at].clone());
        assert!(check(&request(), &twice).is_err(), "{at} twice");
    }
    for (name, value) in
        [("cortex-job-id", "x"), ("accept", "text/event-stream"), ("PREFER", "respond-async")]
    {
        let mut added = signed();
        added.push((name.into(), value.into()));
        assert_eq!(check(&request(), &added), Err(SignatureError::Mismatch), "{name}");
    }
    let mut bare: Headers = vec![];
    bare.extend(sign(&request(), NO_HEADERS, keys().current(), NOW, Nonce::new([7; 16])).unwrap().map(owned));
    for name in ["prefer", "accept", "last-event-id", "Idempotency-Key"] {
        let mut added = bare.clone();
        added.push((name.into(), "x".into()));
        assert_eq!(check(&request(), &added), Err(SignatureError::Mismatch), "{name}");
    }
}

fn owned((name, value): (&'static str, String)) -> (String, String) {
    (name.to_owned(), value)
}

#[test]
fn a_header_outside_the_signature_may_change_on_the_way() {
    let mut altered = signed();
    altered.retain(|(name, _)| name != "user-agent");
    altered.push(("cf-ray".into(), "1".into()));
    assert!(check(&request(), &altered).is_ok());
}

#[test]
fn a_hop_may_join_a_repeated_list_and_not_reorder_it() {
    let lists = |values: &[&str]| {
        values.iter().map(|value| ("prefer".to_owned(), (*value).to_owned())).collect::<Headers>()
    };
    let stamp = sign(&request(), pairs(&lists(&["a", "b"])), keys().current(), NOW, Nonce::new([7; 16]));
    let sent = |values: &[&str]| {
        let mut headers = lists(values);
        headers.extend(stamp.clone().unwrap().map(owned));
        check(&request(), &headers).is_ok()
    };
    assert!(sent(&["a", "b"]) && sent(&["a, b"]));
    assert!(!sent(&["b", "a"]) && !sent(&["a"]));
    let keyed = [("idempotency-key", "a"), ("idempotency-key", "b")];
    let twice = sign(&request(), keyed, keys().current(), NOW, Nonce::new([7; 16]));
    assert_eq!(twice, Err(Ambiguous("repeated header")));
}

#[test]
fn a_head_is_verified_before_its_body_and_holds_for_that_body_alone() {
    let head = verify(&request().head(), pairs(&signed()), &keys(), NOW).unwrap();
    assert_eq!(head.body.length(), request().body.len() as u64);
    assert!(head.body.check(request().body).is_ok());
    for other in [&b""[..], &request().body[1..], b"{\"topic\":\"job.echo\"]"] {
        assert_eq!(head.body.check(other), Err(SignatureError::Mismatch));
    }
}

#[test]
fn a_request_is_invalid_at_another_instance_or_ahead_of_its_clock() {
    let at = |instance: Instance, now| check(&request(), &signed()).unwrap().meant_for(&instance, now);
    let before = |by: Duration| Timestamp::from_millis(NOW.as_millis() - by.as_millis() as u64);
    assert!(at(here(), NOW).is_ok() && at(here(), before(AHEAD)).is_ok());
    assert_eq!(at(Instance::new([6; 16]), NOW), Err(SignatureError::Elsewhere));
    assert_eq!(at(here(), before(AHEAD + Duration::from_millis(1))), Err(SignatureError::Ahead));
    let stamp = sign(&request(), NO_HEADERS, keys().current(), NOW, Nonce::new([7; 16])).unwrap();
    let nowhere = check(&request(), &stamp.map(owned).to_vec()).unwrap().meant_for(&here(), NOW);
    assert_eq!(nowhere, Err(SignatureError::Elsewhere));
}

#[test]
fn parts_cannot_extend_into_each_other() {
    let broken = Request { path: "/a\nb", ..request() };
    let signed = sign(&broken, NO_HEADERS, keys().current(), NOW, Nonce::new([1; 16]));
    assert_eq!(signed, Err(Ambiguous("path")));
}

#[test]
fn a_time_outside_the_window_is_refused_either_way() {
    let near = WINDOW;
    let far = WINDOW + Duration::from_millis(1);
    let past =
        |by: Duration| Timestamp::from_millis(NOW.as_millis() - u64::try_from(by.as_millis()).unwrap());
    for (now, good) in
        [(NOW.after(near), true), (NOW.after(far), false), (past(near), true), (past(far), false)]
    {
        assert_eq!(verify(&request().head(), pairs(&signed()), &keys(), now).is_ok(), good, "{now}");
    }
}

#[test]
fn a_replay_is_refused() {
    let mut memory = NonceMemory::new(100);
    let mut once = || {
        let verified = check(&request(), &signed())?;
        let seen = memory.remember(verified.nonce, verified.signed, NOW);
        verified.once(seen)
    };
    assert!(once().is_ok());
    assert_eq!(once(), Err(SignatureError::Replayed));
}

#[test]
fn a_keyring_holds_one_or_two_strong_keys_and_hides_them() {
    let strong = "ab".repeat(32);
    for bad in [
        String::new(),
        "a".into(),
        "a:00".into(),
        format!(":{strong}"),
        format!("a:{strong},a:{strong}"),
        format!("a:{strong},b:{strong},c:{strong}"),
    ] {
        assert!(bad.parse::<Keyring>().is_err(), "{bad}");
    }
    assert!(!format!("{:?}", keyring(&format!("a:{strong}"))).contains("abab"));
}

#[derive(Deserialize)]
struct Vector {
    name: String,
    key: String,
    now: u64,
    nonce: String,
    method: String,
    path: String,
    query: String,
    content_type: String,
    body: String,
    headers: Headers,
    canonical: String,
    signature: String,
}

#[test]
fn the_committed_vectors_hold() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert!(vectors.len() >= 3);
    for vector in vectors {
        let request = Request {
            method: &vector.method,
            path: &vector.path,
            query: &vector.query,
            content_type: &vector.content_type,
            body: vector.body.as_bytes(),
        };
        let (key, now) = (vector.key.parse::<SigningKey>().unwrap(), Timestamp::from_millis(vector.now));
        let stamp = sign(&request, pairs(&vector.headers), &key, now, vector.nonce.parse().unwrap()).unwrap();
        let all = pairs(&vector.headers).chain(stamp.iter().map(|(name, value)| (*name, value.as_str())));
        let text = canonical::text(&request.head(), canonical::covered(all).unwrap()).unwrap();
        assert_eq!(text, vector.canonical, "{}", vector.name);
        assert_eq!(stamp[5].1, vector.signature, "{}", vector.name);
    }
}

proptest! {
    #[test]
    fn one_flipped_bit_in_the_body_is_noticed(
        body in proptest::collection::vec(any::<u8>(), 1..200),
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let whole = Request { body: &body, ..request() };
        let stamp = sign(&whole, NO_HEADERS, keys().current(), NOW, Nonce::new([1; 16])).unwrap();
        let mut flipped = body.clone();
        flipped[at.index(body.len())] ^= 1 << bit;
        let altered = Request { body: &flipped, ..request() };
        let headers: Headers = stamp.map(owned).to_vec();
        prop_assert!(check(&whole, &headers).is_ok());
        prop_assert_eq!(check(&altered, &headers), Err(SignatureError::Mismatch));
    }

    #[test]
    fn no_headers_make_it_panic(headers in proptest::collection::vec(
        ("(?i)cortex-(time|nonce|key-id|body-length|body-sha256|instance|signature|x)", proptest::collection::vec(any::<u8>(), 0..40)), 0..8,
    )) {
        let _ = verify(&request().head(), headers, &keys(), NOW);
    }
}
