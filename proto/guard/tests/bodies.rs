//! Tests of the error messages for all request bodies.

use serde_json::{Value, json};

use cortex_api::chat::{ChatRequest, SimpleChat};
use cortex_api::completions::CompletionRequest;
use cortex_api::routes::BodyLimit;
use cortex_api::topics::KnownTopics;
use cortex_api::{CreateJob, CreateKey, EmbeddingsRequest, Problem};
use cortex_domain::ErrorCode;
use cortex_guard::precheck::{self, check_inner, check_json};

const JSON: Option<&str> = Some("application/json");

/// A body of the public API: its parser, and a valid example with every member.
struct BodyCase {
    name: &'static str,
    read: fn(&[u8]) -> Result<(), Problem>,
    good: Value,
}

fn cases() -> Vec<BodyCase> {
    let read_job = |body: &[u8]| {
        CreateJob::parse(check_json(JSON, body, BodyLimit::Job)?, &KnownTopics::default()).map(|_| ())
    };
    let read_short =
        |body: &[u8]| SimpleChat::parse(check_json(JSON, body, BodyLimit::Model)?)?.request().map(|_| ());
    vec![
        BodyCase {
            name: "jobs",
            read: read_job,
            good: json!({"topic": "job.echo", "input": 1, "priority": "low", "max_attempts": 3,
                "deadline": "2026-11-20T23:36:30Z", "labels": {"a": "b"}}),
        },
        BodyCase {
            name: "chat",
            read: |body| ChatRequest::parse(check_json(JSON, body, BodyLimit::Model)?).map(|_| ()),
            good: json!({"model": "m", "max_tokens": 8, "n": 1, "seed": 7, "top_k": 5, "logprobs": true, "top_logprobs": 2,
                "temperature": 1, "stop": ["x"], "stream": true, "stream_options": {"include_usage": true},
                "metadata": {"a": "b"}, "logit_bias": {"5": 1}, "response_format": {"type": "text"},
                "messages": [{"role": "user", "content": "hi"}]}),
        },
        BodyCase {
            name: "short chat",
            read: read_short,
            good: json!({"model": "m", "message": "hi", "system": "be",
            "max_tokens": 8, "temperature": 1, "seed": 7}),
        },
        BodyCase {
            name: "completions",
            read: |body| CompletionRequest::parse(check_json(JSON, body, BodyLimit::Model)?).map(|_| ()),
            good: json!({"model": "m", "prompt": "a", "max_tokens": 8, "n": 1, "best_of": 1, "logprobs": 2, "seed": 7}),
        },
        BodyCase {
            name: "embeddings",
            read: |body| EmbeddingsRequest::parse(check_json(JSON, body, BodyLimit::Model)?).map(|_| ()),
            good: json!({"model": "m", "input": ["a"], "dimensions": 8, "encoding_format": "float", "user": "u"}),
        },
        BodyCase {
            name: "keys",
            read: |body| CreateKey::parse(check_inner(body, BodyLimit::Job)?).map(|_| ()),
            good: json!({"tenant": "acme", "principal": "ci", "roles": ["SRE"]}),
        },
    ]
}

/// Returns whether a message is in plain words, without a parser's internals or details that it
/// can't know.
fn plain(problem: &Problem) -> bool {
    const PARSERS: [&str; 15] = [
        "invalid type",
        "invalid value",
        "invalid length",
        "untagged",
        "variant",
        "missing field",
        "unknown field",
        "u32",
        "i64",
        "f64",
        "usize",
        "struct",
        "hex escape",
        "expected ident",
        "unit value",
    ];
    let words = &problem.detail;
    words.len() < 300 && !words.contains('\n') && !PARSERS.iter().any(|word| words.contains(word))
}

#[test]
fn an_error_names_the_invalid_member_in_plain_words() {
    let strange = [
        json!(-1),
        json!(1.5),
        json!(1_000_000_000_000_000_000_u64),
        json!(true),
        json!(""),
        json!("\u{7} \u{200b}"),
        json!("y".repeat(100_000)),
        json!([]),
        json!({}),
        json!([[]]),
        json!([1.5]),
        json!([null]),
        json!({"y": [1]}),
        json!({"type": 1}),
        json!({"y".repeat(100_000): 1}),
    ];
    for BodyCase { name, read, good } in cases() {
        read(good.to_string().as_bytes()).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        for member in good.as_object().unwrap().keys() {
            for value in &strange {
                let mut body = good.clone();
                body[member] = value.clone();
                let Err(problem) = read(body.to_string().as_bytes()) else { continue };
                let param = problem.param().unwrap_or_default();
                assert!(plain(&problem), "{name}, {member}: {problem}");
                assert!(
                    param.contains(member.as_str()) && param.len() < 200,
                    "{name}, {member}, {value}: {problem:?}"
                );
            }
        }
    }
}

#[test]
fn a_body_that_can_not_be_read_is_refused_in_plain_words_at_every_door() {
    for BodyCase { name, read, good } in cases() {
        let text = good.to_string();
        let with = |member: &str| text.replacen('{', &format!("{{{member},"), 1);
        for (body, kind, says) in [
            (with(r#""a":"\ud800""#), ErrorCode::MalformedJson, "half of a surrogate pair"),
            (with(r#""\udc00":1"#), ErrorCode::MalformedJson, "half of a surrogate pair"),
            (with(r#""user":"\ud83d\ud83d""#), ErrorCode::MalformedJson, "half of a surrogate pair"),
            (with("\"a\":NaN"), ErrorCode::MalformedJson, "expected a value"),
            (with("'a':1"), ErrorCode::MalformedJson, "double quotes"),
            (with("\"a\":\"\t\""), ErrorCode::MalformedJson, "control character"),
            (text.replace('}', ",}"), ErrorCode::MalformedJson, "`,`"),
            (format!("\u{feff}{text}"), ErrorCode::MalformedJson, "byte order mark"),
            (text[..text.len() - 1].to_owned(), ErrorCode::MalformedJson, "ends in the middle"),
            (format!("{text}{text}"), ErrorCode::MalformedJson, "after the end"),
            (format!("[{text}]"), ErrorCode::InvalidRequest, "must be a JSON object"),
            ("null".to_owned(), ErrorCode::InvalidRequest, "must be a JSON object"),
            ("{}".to_owned(), ErrorCode::InvalidRequest, "missing required field"),
            (with("\"seed\":1,\"seed\":1"), ErrorCode::InvalidRequest, "duplicate field `seed`"),
            (with("\"frob\":1"), ErrorCode::InvalidRequest, "unsupported field `frob`"),
            (with(&format!("\"{}\":1", "a".repeat(100_000))), ErrorCode::InvalidRequest, "unsupported field"),
        ] {
            let problem = read(body.as_bytes()).unwrap_err();
            assert_eq!(problem.kind, kind, "{name}: {problem}");
            assert!(plain(&problem) && problem.detail.contains(says), "{name}, {says}: {problem}");
        }
    }
}

#[test]
fn a_whole_number_may_be_written_with_a_point_or_an_exponent_at_every_door() {
    for BodyCase { name, read, good } in cases() {
        for (member, value) in good.as_object().unwrap() {
            let Some(number) = value.as_i64().filter(|_| *value != json!(true)) else { continue };
            for written in [format!("{number}.0"), format!("{number}e0"), format!("{number}0E-1")] {
                let body = good
                    .to_string()
                    .replace(&format!("\"{member}\":{number}"), &format!("\"{member}\":{written}"));
                read(body.as_bytes()).unwrap_or_else(|problem| panic!("{name}, {written}: {problem}"));
            }
        }
    }
}

#[test]
fn refusals_read_as_documented() {
    let cases = cases();
    for (case, body, param, detail) in [
        ("jobs", r#"{"input":1}"#, "topic", "missing required field `topic` (expected a string)"),
        ("jobs", r#"{"topic":1,"input":1}"#, "topic", "invalid `topic`: must be a string"),
        (
            "jobs",
            r#"{"topic":"job.echo"}"#,
            "input",
            "missing required field `input` (expected any JSON value)",
        ),
        (
            "jobs",
            r#"{"topic":"job.echo","input":1,"max_attempts":11}"#,
            "max_attempts",
            "invalid `max_attempts`: must be a whole number from 1 to 10",
        ),
        (
            "jobs",
            r#"{"topic":"job.echo","input":1,"priority":"urgent"}"#,
            "priority",
            "invalid `priority`: must be `low`, `normal` or `high`",
        ),
        (
            "jobs",
            r#"{"topic":"job.echo","input":1,"deadline":"soon"}"#,
            "deadline",
            "invalid `deadline`: must be a time such as `2026-11-20T23:36:30Z` (RFC 3339)",
        ),
        (
            "chat",
            r#"{"model":"m"}"#,
            "messages",
            "missing required field `messages` (expected a list of 1 to 4096 messages)",
        ),
        (
            "chat",
            r#"{"model":"m","messages":[{"role":"user"}]}"#,
            "messages[0].content",
            "missing required field `messages[0].content` (expected a string or a list of text parts)",
        ),
        (
            "chat",
            r#"{"model":"m","messages":[{"role":"assistant"}]}"#,
            "messages[0].content",
            "missing required field `messages[0].content` (expected a string, unless the message has `tool_calls`)",
        ),
        (
            "chat",
            r#"{"model":"m","messages":[{"role":"user","content":"a"}],"max_tokens":1.5}"#,
            "max_tokens",
            "invalid `max_tokens`: must be a whole number from 1 to 1048576",
        ),
        ("short chat", r#"{"model":"m","message":1}"#, "message", "invalid `message`: must be a string"),
        (
            "completions",
            r#"{"model":"m","prompt":{}}"#,
            "prompt",
            "invalid `prompt`: must be a string, a list of strings, or tokens",
        ),
        (
            "embeddings",
            r#"{"model":"m","input":1}"#,
            "input",
            "invalid `input`: must be a string or a list of strings; tokens are not supported",
        ),
        (
            "keys",
            r#"{"tenant":"acme","principal":"ci","roles":"SRE"}"#,
            "roles",
            "invalid `roles`: must be a list of strings",
        ),
    ] {
        let read = cases.iter().find(|known| known.name == case).unwrap().read;
        let problem = read(body.as_bytes()).unwrap_err();
        assert_eq!((problem.param(), problem.detail.as_str()), (Some(param), detail), "{case}: {body}");
    }
}

#[test]
fn each_refusal_has_its_kind() {
    let topics = KnownTopics::default();
    let kind = |content_type, body: &[u8]| {
        precheck::check_json(content_type, body, BodyLimit::Job)
            .and_then(|body| CreateJob::parse(body, &topics))
            .unwrap_err()
            .kind
    };
    let json = Some("application/json");
    let deep = format!(r#"{{"topic":"job.echo","input":{}{}}}"#, "[".repeat(64), "]".repeat(64));
    assert_eq!(kind(Some("text/plain"), b"{}"), ErrorCode::UnsupportedMediaType);
    assert_eq!(kind(json, &vec![b' '; BodyLimit::Job.bytes() + 1]), ErrorCode::TooLarge);
    assert_eq!(kind(json, deep.as_bytes()), ErrorCode::TooDeep);
    assert_eq!(kind(json, b"{"), ErrorCode::MalformedJson);
    assert_eq!(kind(json, b"[]"), ErrorCode::InvalidRequest);
    assert_eq!(kind(json, br#"{"topic":"nope","input":1}"#), ErrorCode::UnknownTopic);
    assert_eq!(
        kind(json, br#"{"topic":"job.echo","topic":"job.echo","input":1}"#),
        ErrorCode::InvalidRequest
    );
    let secret = br#"{"topic":"job.echo","input":"AKIAIOSFODNN7EXAMPLE"}"#;
    assert_eq!(kind(json, secret), ErrorCode::SecretInInput);
}
