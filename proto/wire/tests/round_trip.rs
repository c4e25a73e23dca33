//! Encoded values decode to the same values, and other bytes are rejected without a panic.

#![allow(clippy::unwrap_used)]

mod values;

use bytes::Bytes;
use cortex_domain::audit::AuditEvent;
use cortex_domain::event::Entry;
use cortex_domain::flow::{Accepted, Assignment};
use cortex_domain::job::Request;
use cortex_domain::pointer::{Memory, Pointer};
use cortex_domain::policy::{Decision, DecisionView, Gate, clear};
use cortex_domain::state::{Lease, Target};
use cortex_domain::task::TaskReply;
use cortex_domain::time::Timestamp;
use cortex_wire::link::{self, DownFrame, UpFrame};
use cortex_wire::v1;
use cortex_wire::*;
use proptest::prelude::*;
use prost::Message as _;

/// Returns an allowing decision by the only way outside the kernel.
fn allowed(clearance: v1::Clearance) -> Decision {
    let decision = Some(v1::check_response::Decision::Allow(clearance));
    decode_decision(&v1::CheckResponse { decision }.encode_to_vec()).unwrap()
}

fn assignment(request: Request, target: Target, lease: Lease) -> Assignment {
    let decision = allowed(v1::Clearance { policy: "1".into(), rule: "r".into() });
    let Gate::Passed(cleared) = clear(Accepted::ephemeral(request, Memory::Local), decision) else {
        panic!()
    };
    cleared.place(target, lease, Timestamp::from_millis(1)).unwrap().into_parts().1
}

fn first(lease: Lease) -> Lease {
    Lease { attempt: cortex_domain::state::Attempt(1), ..lease }
}

macro_rules! reads_back {
    ($($test:ident: $values:expr, $encode:path, $decode:path;)*) => {
        proptest! { $(
            #[test]
            fn $test(value in $values) {
                let read = $decode(&$encode(&value));
                prop_assert_eq!(read.as_ref(), Ok(&value));
            }
        )* }
    };
}

#[allow(clippy::ptr_arg)] // the macro hands out what the strategy makes
fn audit_batch(entries: &Vec<AuditEvent>) -> Bytes {
    encode_audit_batch(entries)
}

#[test]
fn a_reply_to_an_assignment_reads_back() {
    for reply in [TaskReply::Accepted, TaskReply::Started, TaskReply::Busy] {
        assert_eq!(decode_task_reply(&encode_task_reply(reply)), Ok(reply));
    }
    for unknown in [&[][..], &[8, 4], &[8, 0]] {
        assert!(decode_task_reply(unknown).is_err());
    }
}

#[allow(clippy::ptr_arg)] // the macro hands out what the strategy makes
fn log(entries: &Vec<Entry>) -> Bytes {
    encode_log(entries)
}

proptest! {
    #[test]
    fn one_encoded_line_becomes_a_log_of_one(entry in values::entry()) {
        let line = v1::EntryRecord::from(&entry).encode_to_vec();
        prop_assert_eq!(decode_log(&log_of_one(&line)), Ok(vec![entry]));
    }
}

reads_back! {
    a_job_reads_back: values::job(), encode_job, decode_job;
    a_log_reads_back: prop::collection::vec(values::entry(), 0..4), log, decode_log;
    a_message_reads_back: values::message(), encode_message, decode_message;
    an_outcome_reads_back: values::outcome(), encode_outcome, decode_outcome;
    progress_reads_back: values::progress(), encode_progress, decode_progress;
    a_cancel_reads_back: values::cancel(), encode_cancel, decode_cancel;
    a_heartbeat_reads_back: values::heartbeat(), encode_heartbeat, decode_heartbeat;
    a_call_reads_back: values::request(), encode_call, decode_call;
    a_reply_reads_back: values::called(), encode_call_reply, decode_call_reply;
    an_audit_batch_reads_back: prop::collection::vec(values::audit(), 0..4), audit_batch, decode_audit_batch;
}

proptest! {
    #[test]
    fn a_submit_reads_back(job in values::job_id()) {
        prop_assert_eq!(decode_submit(&encode_submit(job)), Ok(job));
    }

    #[test]
    fn a_policy_request_reads_back((request, now) in values::policy_request()) {
        prop_assert_eq!(decode_policy_request(&encode_policy_request(&request, now)), Ok((request, now)));
    }

    #[test]
    fn a_decision_reads_back(clearance in values::clearance(), at in any::<u64>()) {
        let allowing = allowed((&clearance).into());
        prop_assert_eq!(allowing.view(), DecisionView::Allow(&clearance));
        for decision in [allowing, Decision::throttle(Timestamp::from_millis(at))] {
            prop_assert_eq!(decode_decision(&encode_decision(&decision)), Ok(decision));
        }
    }

    #[test]
    fn a_task_says_what_its_assignment_said(
        request in values::request(), target in values::target(), lease in values::lease(),
    ) {
        let sent = assignment(request.clone(), target, first(lease));
        let task = decode_task(&encode_assignment(&sent)).unwrap();
        prop_assert_eq!((task.job, task.lease), (sent.job(), sent.lease()));
        prop_assert_eq!((task.context, task.draft), (sent.context(), sent.draft()));
        prop_assert_eq!((task.owner, task.topic, task.limits), (request.owner, request.topic, request.limits));
        prop_assert_eq!((task.labels, task.traceparent), (request.labels, request.traceparent));
    }

    #[test]
    fn frames_up_read_back(
        heartbeat in values::heartbeat(), progress in values::progress(), outcome in values::outcome(),
    ) {
        let draft = Pointer::draft(Memory::Local, outcome.job, outcome.lease.dispatch);
        for up in [
            UpFrame::Hello { token: "t".into(), worker: heartbeat.clone() },
            UpFrame::Heartbeat(heartbeat),
            UpFrame::Progress(progress),
            UpFrame::Report { outcome: outcome.clone(), draft: Some((draft, Bytes::from_static(b"{}"))) },
            UpFrame::Report { outcome, draft: None },
        ] {
            prop_assert_eq!(UpFrame::try_from(v1::Up::from(up.clone())), Ok(up));
        }
    }

    #[test]
    fn frames_down_read_back(
        request in values::request(), lease in values::lease(), target in values::target(), cancel in values::cancel(),
    ) {
        let packet = encode_assignment(&assignment(request, target, first(lease)));
        let frame = link::job(&packet, Bytes::from_static(b"[]")).unwrap();
        let task = decode_task(&packet).unwrap();
        prop_assert_eq!(DownFrame::try_from(frame), Ok(DownFrame::Job { task: Box::new(task), context: Bytes::from_static(b"[]") }));
        prop_assert_eq!(DownFrame::try_from(link::cancel(&cancel)), Ok(DownFrame::Cancel(cancel)));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        decode_anything(&bytes);
    }

    #[test]
    fn a_damaged_packet_never_panics(job in values::job(), outcome in values::outcome(), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        for packet in [encode_job(&job), encode_outcome(&outcome)] {
            let mut bytes = packet.to_vec();
            let at = at.index(bytes.len());
            bytes[at] = to;
            decode_anything(&bytes);
            decode_anything(&bytes[..at]);
        }
    }
}

fn decode_anything(bytes: &[u8]) {
    let _ = (decode_job(bytes), decode_log(bytes), decode_message(bytes), decode_outcome(bytes));
    let _ = (decode_progress(bytes), decode_cancel(bytes), decode_heartbeat(bytes), decode_task(bytes));
    let _ = (decode_call(bytes), decode_call_reply(bytes), decode_audit_batch(bytes), decode_submit(bytes));
    let _ = decode_task_reply(bytes);
    let _ = (decode_policy_request(bytes), decode_decision(bytes), link::job(bytes, Bytes::new()));
    let _ = v1::Up::decode(bytes).map(UpFrame::try_from);
    let _ = v1::Down::decode(bytes).map(DownFrame::try_from);
}
