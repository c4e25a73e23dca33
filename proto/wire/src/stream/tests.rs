use bytes::Bytes;
use cortex_domain::id::{DispatchId, JobId};
use cortex_domain::state::{Attempt, Lease};
use cortex_domain::task::{Progress, ProgressKind};
use cortex_domain::time::Timestamp;
use proptest::prelude::*;

use super::*;

fn said(attempt: u32, seq: u64, frame: &[u8]) -> Progress {
    let what =
        if seq == 0 { ProgressKind::Started } else { ProgressKind::Frame(Bytes::copy_from_slice(frame)) };
    let dispatch = DispatchId::new([u8::try_from(attempt).unwrap(); 16]);
    Progress {
        job: JobId::mint(Timestamp::from_millis(1), [1; 10]),
        lease: Lease { attempt: Attempt(attempt), dispatch },
        worker: "w".parse().unwrap(),
        seq,
        what,
    }
}

fn lines(assembler: &mut Assembler, frames: &[(u32, u64, &str)]) -> Result<Vec<String>, Broken> {
    let mut all = Vec::new();
    for (attempt, seq, frame) in frames {
        let lines = assembler.take(said(*attempt, *seq, frame.as_bytes()))?;
        all.extend(lines.into_iter().map(|line| String::from_utf8(line.to_vec()).unwrap()));
    }
    Ok(all)
}

fn strict(frames: &[(u32, u64, &str)]) -> Result<Vec<String>, Broken> {
    lines(&mut Assembler::new(Gaps::Refused), frames)
}

fn lossy(frames: &[(u32, u64, &str)]) -> Vec<String> {
    lines(&mut Assembler::new(Gaps::Skipped), frames).unwrap()
}

#[test]
fn lines_come_in_order_and_once_however_frames_come() {
    let frames = [(1, 0, ""), (1, 1, "{\"a\""), (1, 2, ":1}\n{}"), (1, 3, "\n"), (1, 4, "x\ny\n[DONE]\n")];
    for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [1, 0, 3, 2, 4], [2, 4, 0, 1, 3]] {
        let mut assembler = Assembler::new(Gaps::Refused);
        let twice: Vec<_> = order.iter().flat_map(|at| [frames[*at], frames[*at]]).collect();
        assert_eq!(lines(&mut assembler, &twice).unwrap(), ["{\"a\":1}", "{}", "x", "y"], "{order:?}");
        assert!(assembler.is_done());
    }
}

#[test]
fn a_missing_frame_is_noticed() {
    let mut assembler = Assembler::new(Gaps::Refused);
    let rest: Vec<_> = (2..200).map(|seq| (1, seq, "x\n")).collect();
    assert_eq!(lines(&mut assembler, &[(1, 0, ""), (1, 1, "a\n")]).unwrap(), ["a"]);
    assert_eq!(lines(&mut assembler, &rest[1..]), Err(Broken::Lost));
}

#[test]
fn a_run_that_begins_again_starts_over_unless_a_line_was_delivered() {
    let mut assembler = Assembler::new(Gaps::Refused);
    let begun = [(1, 0, ""), (1, 1, "{\"cut"), (2, 0, ""), (2, 1, "a\n"), (1, 2, "late\n")];
    assert_eq!(lines(&mut assembler, &begun).unwrap(), ["a"]);
    assert_eq!(lines(&mut assembler, &[(3, 0, "")]), Err(Broken::Restarted));
}

#[test]
fn text_without_complete_lines_is_malformed() {
    for frame in ["\n", "a\r\n", "[DONE]\nmore\n"] {
        assert_eq!(strict(&[(1, 0, ""), (1, 1, frame)]), Err(Broken::Malformed), "{frame:?}");
    }
    let endless = "x".repeat(MAX_LINE + 1);
    assert_eq!(strict(&[(1, 0, ""), (1, 1, &endless)]), Err(Broken::Malformed));
}

#[test]
fn a_reader_that_skips_gaps_begins_where_it_joins() {
    assert_eq!(
        lossy(&[(1, 0, ""), (1, 1, "{\"a\""), (1, 2, ":1}\n2\n3"), (1, 3, "\n")]),
        ["{\"a\":1}", "2", "3"]
    );
    assert_eq!(lossy(&[(1, 1, "{}\n"), (1, 2, "4\n")]), ["{}", "4"]);
    // The reader may have joined in the middle of a line.
    assert_eq!(lossy(&[(1, 7, "3\n{}\n"), (1, 8, "4\n")]), ["{}", "4"]);
}

#[test]
fn a_reader_that_skips_gaps_gets_no_line_twice_and_none_of_which_a_part_is_missing() {
    assert_eq!(lossy(&[(1, 1, "1\n"), (1, 1, "1\n"), (1, 2, "2\n"), (1, 1, "1\n")]), ["1", "2"]);
    assert_eq!(lossy(&[(1, 1, "{\"a\":"), (1, 3, "3\n4\n")]), ["4"]);
    // The missing frame may contain the start of the line that ends first.
    assert_eq!(lossy(&[(1, 1, "1\n"), (1, 3, "3}\n7\n")]), ["1", "7"]);
    assert_eq!(lossy(&[(1, 1, "1\n"), (1, 3, "3"), (1, 4, "4\n5\n")]), ["1", "5"]);
    assert_eq!(lossy(&[(2, 1, "1\n"), (1, 1, "no\n"), (3, 1, "2\n"), (2, 2, "no\n")]), ["1", "2"]);
    assert_eq!(lossy(&[(1, 1, "a\n\n\r\n[DONE]\n")]), ["a"]);
    let endless = format!("{}\n1\n", "x".repeat(MAX_LINE));
    assert_eq!(lossy(&[(1, 1, "x"), (1, 2, &endless)]), ["1"]);
}

#[test]
fn the_last_number_that_there_is_ends_a_stream() {
    for last in [u64::MAX - 1, u64::MAX] {
        assert_eq!(lossy(&[(1, 1, "1\n"), (1, last, "x\n"), (1, last, "x\n"), (1, 1, "1\n")]), ["1"]);
    }
    let mut assembler = Assembler::new(Gaps::Refused);
    assert_eq!(lines(&mut assembler, &[(1, 0, ""), (1, u64::MAX, "x\n"), (1, 1, "1\n")]).unwrap(), ["1"]);
}

#[test]
fn a_reader_buffers_no_line_over_its_limit() {
    let mut assembler = Assembler::with_max_line(Gaps::Skipped, 4);
    assert_eq!(lines(&mut assembler, &[(1, 1, "1234\n12345\n6\n")]).unwrap(), ["1234", "6"]);
    let endless: Vec<_> = (2..1000).map(|seq| (1, seq, "12345")).collect();
    lines(&mut assembler, &endless).unwrap();
    assert!(assembler.held() <= 4, "{} bytes", assembler.held());
    assert_eq!(lines(&mut assembler, &[(1, 1000, "\n7\n")]).unwrap(), ["7"]);
    let mut strict = Assembler::with_max_line(Gaps::Refused, 4);
    assert_eq!(lines(&mut strict, &[(1, 0, ""), (1, 1, "12345")]), Err(Broken::Malformed));
}

fn some_lines() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-z{}\":]{1,40}", 0..30)
}

/// Returns small frame numbers, and the largest ones.
fn numbers() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0u64..9, 1 => (0u64..3).prop_map(|below| u64::MAX - below)]
}

/// Returns the frames of some lines, cut at arbitrary positions.
fn frames(lines: &[String], cuts: &[prop::sample::Index]) -> Vec<Progress> {
    let mut all = Encoder::lines(lines).to_vec();
    all.extend_from_slice(&Encoder::end());
    let mut at: Vec<_> = cuts.iter().map(|cut| cut.index(all.len())).filter(|at| *at > 0).collect();
    at.sort_unstable();
    at.dedup();
    at.push(all.len());
    let mut from = 0;
    let mut frames = vec![said(1, 0, b"")];
    for (seq, to) in (1..).zip(at) {
        frames.push(said(1, seq, &all[from..to]));
        from = to;
    }
    frames
}

proptest! {
    #[test]
    fn encoded_lines_are_assembled_from_any_delivery(
        wanted in some_lines(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let mut sent = frames(&wanted, &cuts);
        // Duplicates and reorders fewer frames than the assembler buffers.
        for at in &order {
            let twice = sent[at.index(sent.len())].clone();
            sent.push(twice);
        }
        for (to, at) in order.iter().enumerate() {
            let (to, at) = (to % sent.len(), at.index(sent.len()));
            sent.swap(to, at);
        }
        let mut assembler = Assembler::new(Gaps::Refused);
        let mut got = Vec::new();
        for progress in sent {
            got.extend(assembler.take(progress).unwrap());
        }
        prop_assert_eq!(got, wanted.iter().map(|line| Bytes::copy_from_slice(line.as_bytes())).collect::<Vec<_>>());
        prop_assert!(assembler.is_done());
    }

    #[test]
    fn a_reader_that_skips_gaps_gets_the_whole_lines_that_arrive_in_order(
        wanted in some_lines(),
        lost in prop::collection::vec(any::<bool>(), 30),
    ) {
        let mut assembler = Assembler::new(Gaps::Skipped);
        let mut got = Vec::new();
        let mut expected = Vec::new();
        let mut last = 0;
        for ((line, lost), seq) in wanted.iter().zip(lost).zip(1..) {
            if !lost {
                got.extend(assembler.take(said(1, seq, &Encoder::lines(&[line]))).unwrap());
                if last + 1 == seq {
                    expected.push(Bytes::copy_from_slice(line.as_bytes()));
                }
                last = seq;
            }
        }
        prop_assert_eq!(got, expected);
    }

    #[test]
    fn no_frames_make_it_panic(
        frames in prop::collection::vec((0u32..4, numbers(), prop::collection::vec(prop::sample::select(b"a\n\r[DONE]".to_vec()), 0..20)), 0..60),
        skips in any::<bool>(),
    ) {
        let mut assembler = Assembler::new(if skips { Gaps::Skipped } else { Gaps::Refused });
        for (attempt, seq, frame) in frames {
            let _ = assembler.take(said(attempt, seq, &frame));
        }
    }
}
