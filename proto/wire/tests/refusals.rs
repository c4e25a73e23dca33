//! Invalid packets, and the field that each error names.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use cortex_domain::ErrorCode;
use cortex_domain::flow::{End, Outcome};
use cortex_domain::id::{DispatchId, JobId};
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::ports::{Event, Rejection};
use cortex_domain::state::{Attempt, Failure, FailureKind, Lease};
use cortex_domain::subject::Subject;
use cortex_domain::task::{Progress, ProgressKind, TaskReply};
use cortex_domain::time::Timestamp;
use cortex_wire::link::UpFrame;
use cortex_wire::*;
use prost::Message as _;

fn job() -> JobId {
    JobId::mint(Timestamp::from_millis(1), [1; 10])
}

fn lease() -> Lease {
    Lease { attempt: Attempt(1), dispatch: DispatchId::new([7; 16]) }
}

fn failed(detail: String) -> Outcome {
    failed_of(Failure::new(FailureKind::Broken, detail))
}

fn failed_of(failure: Failure) -> Outcome {
    Outcome { job: job(), lease: lease(), worker: "w1".parse().unwrap(), end: End::Failed { failure } }
}

fn request() -> v1::JobRequest {
    v1::JobRequest {
        request: Some(v1::Request {
            id: job().as_bytes().to_vec(),
            owner: Some(v1::Owner { tenant: "acme".into(), principal: "ci".into(), roles: vec![] }),
            topic: "job.echo".into(),
            limits: Some(v1::Limits::default()),
            ..v1::Request::default()
        }),
        lease: Some(lease().into()),
        target: None,
        context: Pointer::context(Memory::Local, job()).to_string(),
        draft: Pointer::draft(Memory::Local, job(), lease().dispatch).to_string(),
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, DecodeError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_request_with_another_jobs_pointer_is_refused_by_name() {
    assert!(decode_task(&request().encode_to_vec()).is_ok());
    let other = JobId::mint(Timestamp::from_millis(1), [2; 10]);
    let context = Pointer::context(Memory::Local, other).to_string();
    let bytes = v1::JobRequest { context, ..request() }.encode_to_vec();
    assert_eq!(refusal(decode_task(&bytes)), "JobRequest: invalid field `context`: must belong to the job");
    let draft = Pointer::result(Memory::Local, job()).to_string();
    let bytes = v1::JobRequest { draft, ..request() }.encode_to_vec();
    assert_eq!(
        refusal(decode_task(&bytes)),
        "JobRequest: invalid field `draft`: must belong to the dispatch"
    );
}

#[test]
fn a_missing_field_is_named() {
    let bytes = v1::JobRequest { lease: None, ..request() }.encode_to_vec();
    assert_eq!(refusal(decode_task(&bytes)), "JobRequest: missing field `lease`");
    assert_eq!(refusal(decode_decision(&[])), "CheckResponse: missing field `decision`");
}

#[test]
fn an_allowing_answer_that_names_no_policy_allows_nothing() {
    let decision = Some(v1::check_response::Decision::Allow(v1::Clearance::default()));
    assert!(decode_decision(&v1::CheckResponse { decision }.encode_to_vec()).is_err());
}

#[test]
fn an_unspecified_failure_is_refused() {
    let end = Some(v1::job_result::End::Failed(v1::Failure::default()));
    let bytes = v1::JobResult { end, ..v1::JobResult::from(&failed(String::new())) }.encode_to_vec();
    assert_eq!(refusal(decode_outcome(&bytes)), "Failure: invalid field `kind`: must be specified");
}

#[test]
fn a_long_detail_is_cut_by_the_sender_and_refused_by_the_reader() {
    let long = "ä".repeat(4096);
    let End::Failed { failure } = decode_outcome(&encode_outcome(&failed(long.clone()))).unwrap().end else {
        panic!()
    };
    assert_eq!(failure.detail.len(), 4096);
    let end =
        Some(v1::job_result::End::Failed(v1::Failure { kind: 2, detail: long, ..v1::Failure::default() }));
    let bytes = v1::JobResult { end, ..v1::JobResult::from(&failed(String::new())) }.encode_to_vec();
    assert!(refusal(decode_outcome(&bytes)).contains("`failed.detail`"));
}

#[test]
fn a_parameter_with_a_long_name_is_left_out_by_the_sender_and_refused_by_the_reader() {
    let long = "p".repeat(1025);
    let outcome = failed_of(Failure::new(FailureKind::InvalidInput, "no").at(long.clone()));
    let End::Failed { failure } = decode_outcome(&encode_outcome(&outcome)).unwrap().end else { panic!() };
    assert_eq!(failure, Failure::new(FailureKind::InvalidInput, "no"));
    let end = v1::Failure { kind: 1, parameter: long, ..v1::Failure::default() };
    let end = Some(v1::job_result::End::Failed(end));
    let bytes = v1::JobResult { end, ..v1::JobResult::from(&failed(String::new())) }.encode_to_vec();
    assert!(refusal(decode_outcome(&bytes)).contains("`failed.parameter`"));
}

#[test]
fn a_packet_over_the_limit_is_not_read() {
    assert!(refusal(decode_heartbeat(&vec![0; MAX_PACKET + 1])).starts_with("invalid Heartbeat"));
}

#[test]
fn a_worker_writes_only_the_draft_of_the_reported_dispatch() {
    let other = DispatchId::new([8; 16]);
    for pointer in [
        Pointer::draft(Memory::Local, job(), other),
        Pointer::result(Memory::Local, job()),
        Pointer::context(Memory::Local, job()),
    ] {
        let up = UpFrame::Report { outcome: failed(String::new()), draft: Some((pointer, Bytes::new())) };
        assert!(refusal(UpFrame::try_from(v1::Up::from(up))).contains("`draft.pointer`"));
    }
}

#[test]
fn a_code_that_contradicts_the_kind_is_ignored() {
    let reported = |kind: v1::FailureKind, code: &str| {
        let failure = v1::Failure { kind: kind.into(), code: code.into(), ..v1::Failure::default() };
        Failure::try_from(failure).unwrap().code
    };
    assert_eq!(reported(v1::FailureKind::InvalidInput, "unknown-model"), ErrorCode::UnknownModel);
    assert_eq!(reported(v1::FailureKind::Broken, "unknown-model"), ErrorCode::WorkerFailed);
    assert_eq!(reported(v1::FailureKind::InvalidInput, "of-a-newer-peer"), ErrorCode::InvalidRequest);
    assert_eq!(reported(v1::FailureKind::Overloaded, ""), ErrorCode::Overloaded);
}

/// Field 2047 with this version, as the wire encodes it.
fn version(version: u8) -> [u8; 3] {
    [0xf8, 0x7f, version]
}

#[test]
fn a_packet_of_a_newer_version_is_refused_by_name_and_not_half_read() {
    let packets: [(Bytes, fn(&[u8]) -> Option<DecodeError>); 4] = [
        (encode_submit(job()), |bytes| decode_submit(bytes).err()),
        (encode_outcome(&failed("x".into())), |bytes| decode_outcome(bytes).err()),
        (request().encode_to_vec().into(), |bytes| decode_task(bytes).err()),
        (encode_task_reply(TaskReply::Accepted), |bytes| decode_task_reply(bytes).err()),
    ];
    for (packet, decode) in packets {
        let with = |number| [&packet[..], &version(number)].concat();
        assert_eq!((decode(&packet), decode(&with(0)), decode(&with(1))), (None, None, None));
        let error = decode(&with(2)).unwrap();
        assert_eq!(error.rejection(), Rejection::NewerVersion);
        assert!(error.to_string().contains("the version 2 of the protocol is newer"), "{error}");
        // The newer version may have given the fields other types.
        let changed = [&version(2)[..], b"\x08\x01\x12\x00"].concat();
        assert_eq!(decode(&changed).unwrap().rejection(), Rejection::NewerVersion);
    }
}

#[test]
fn the_kinds_of_invalid_packets_differ() {
    let rejection = |bytes: &[u8]| decode_submit(bytes).unwrap_err().rejection();
    assert_eq!(rejection(b"\xff\xff"), Rejection::Malformed);
    assert_eq!(rejection(&encode_submit(job())[..5]), Rejection::Malformed);
    assert_eq!(rejection(&vec![0; MAX_PACKET + 1]), Rejection::Malformed);
    assert_eq!(rejection(b""), Rejection::Invalid);
}

#[test]
fn progress_on_the_subject_of_another_job_is_refused() {
    let said = Progress {
        job: job(),
        lease: lease(),
        worker: "w1".parse().unwrap(),
        seq: 0,
        what: ProgressKind::Started,
    };
    let other = JobId::mint(Timestamp::from_millis(1), [2; 10]);
    let event = |of| Event { subject: Subject::progress(of), body: encode_progress(&said) };
    assert_eq!(receive_progress(&event(job())).unwrap(), said);
    assert_eq!(receive_progress(&event(other)).unwrap_err().rejection(), Rejection::Misaddressed);
}
