//! All the ways in which an answer ends, and that each frees its resources.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use cortex_grammar::Rule;

use super::{SETTINGS, engine_of, only, read, request, settled, tiny, write};
use crate::language::{AnswerError, Engine, Event, Grammar, Settings, StopReason, SubmitError};

const A: u32 = b'a' as u32;
const END: u32 = 257;

/// Returns an engine that writes one token, and more only when the flag is set. It counts its
/// steps.
fn gated() -> (Engine, Arc<AtomicBool>, Arc<AtomicUsize>) {
    let (open, steps) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (gate, count) = (Arc::clone(&open), Arc::clone(&steps));
    let engine = engine_of(SETTINGS, move |segment| {
        count.fetch_add(1, Ordering::SeqCst);
        while segment.start > 0 && !gate.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        Ok(only(A))
    });
    (engine, open, steps)
}

#[tokio::test]
async fn the_model_ends_a_text_itself() {
    let engine = engine_of(SETTINGS, |segment| Ok(only(if segment.start < 10 { A } else { END })));
    let written = write(&engine, request("hello")).await;
    assert_eq!(written.text, "aaaaaa");
    assert_eq!(written.whole().reason, StopReason::Stop { string: None });
    assert_eq!(written.whole().usage.completion_tokens, 7);
}

#[tokio::test]
async fn a_stop_string_across_tokens_ends_it_and_is_not_sent() {
    let text = b"one two three";
    let engine = engine_of(SETTINGS, |segment| {
        let position = segment.start + segment.tokens.len() - 1;
        Ok(only(u32::from(text[position % text.len()])))
    });
    let mut request = request(" ");
    request.stops = vec!["never".into(), "wo t".into()];
    let written = write(&engine, request).await;
    assert_eq!(written.text, "one t");
    assert_eq!(written.whole().reason, StopReason::Stop { string: Some("wo t".into()) });
}

#[tokio::test]
async fn a_length_ends_it() {
    let engine = engine_of(SETTINGS, |_| Ok(only(A)));
    let mut asked = request("hello");
    asked.max_tokens = Some(7);
    let written = write(&engine, asked).await;
    assert_eq!((written.text.as_str(), &written.whole().reason), ("aaaaaaa", &StopReason::Length));
    let all = write(&engine, request("hello")).await;
    assert_eq!(all.text.len() + "hello".len(), engine.longest());
}

#[tokio::test]
async fn logits_that_are_not_finite_fail_that_request_alone() {
    let engine = engine_of(SETTINGS, |segment| {
        let spoilt = segment.tokens.contains(&u32::from(b'!'));
        Ok(if spoilt { vec![f32::NAN; tiny::VOCABULARY] } else { only(A) })
    });
    let mut good = request("good");
    good.max_tokens = Some(200);
    let (good, bad) = tokio::join!(write(&engine, good), write(&engine, request("bad!")));
    assert_eq!(*bad.failure(), AnswerError::NotFinite);
    assert_eq!(good.text.len(), 200);
    settled(&engine).await;
}

#[tokio::test]
async fn what_the_device_can_not_compute_fails_alone() {
    let engine = engine_of(SETTINGS, |segment| {
        if segment.tokens.contains(&u32::from(b'!')) { Err("no room".into()) } else { Ok(only(A)) }
    });
    let mut good = request("good");
    good.max_tokens = Some(200);
    let (good, bad) = tokio::join!(write(&engine, good), write(&engine, request("bad!")));
    assert_eq!(*bad.failure(), AnswerError::Device("no room".into()));
    assert_eq!(good.text.len(), 200);
}

#[tokio::test]
async fn a_slow_reader_gets_an_error_with_a_reason() {
    let engine = engine_of(Settings { events: 8, ..SETTINGS }, |_| Ok(only(A)));
    let events = engine.submit(request("hello")).await.unwrap();
    settled(&engine).await;
    let written = read(events, 1).await.remove(0);
    assert_eq!(written.text.len(), 8);
    assert!(matches!(written.failure(), AnswerError::SlowReader { .. }));
}

#[tokio::test]
async fn a_reader_of_the_whole_answer_is_never_too_slow() {
    let engine = engine_of(Settings { events: 8, ..SETTINGS }, |_| Ok(only(A)));
    let mut asked = request("hello");
    (asked.whole, asked.choices, asked.max_tokens) = (true, 3, Some(200));
    let events = engine.submit(asked).await.unwrap();
    settled(&engine).await;
    for written in read(events, 3).await {
        assert_eq!((written.text.len(), &written.whole().reason), (200, &StopReason::Length));
    }
}

#[tokio::test]
async fn each_answer_to_a_prompt_has_room_of_its_own() {
    let engine = engine_of(Settings { events: 8, ..SETTINGS }, |_| Ok(only(A)));
    let mut asked = request("hello");
    (asked.choices, asked.max_tokens) = (4, Some(8));
    let events = engine.submit(asked).await.unwrap();
    settled(&engine).await;
    for written in read(events, 4).await {
        assert_eq!(written.whole().reason, StopReason::Length);
    }
}

#[tokio::test]
async fn a_reader_that_leaves_frees_its_place_within_a_step() {
    let (engine, open, steps) = gated();
    let mut events = engine.submit(request("hello")).await.unwrap();
    events.recv().await;
    drop(events);
    open.store(true, Ordering::SeqCst);
    settled(&engine).await;
    // The prompt, and the step that was running when the reader left.
    let steps = steps.load(Ordering::SeqCst);
    assert!(steps <= 2, "{steps} steps without a reader");
    let page = crate::language::render(&[("tiny", engine.metrics())]);
    assert!(page.contains("outcome=\"cancelled\"} 1"), "{page}");
}

#[tokio::test]
async fn a_cancelled_request_gets_that_error() {
    let (engine, open, steps) = gated();
    let asked = request("hello");
    let cancel = asked.cancel.clone();
    let mut events = engine.submit(asked).await.unwrap();
    events.recv().await;
    cancel.cancel();
    open.store(true, Ordering::SeqCst);
    assert_eq!(*read(events, 1).await[0].failure(), AnswerError::Cancelled);
    assert!(steps.load(Ordering::SeqCst) <= 2);
    settled(&engine).await;
}

#[tokio::test]
async fn a_deadline_ends_what_runs_and_what_waits() {
    let engine = engine_of(Settings { running: 1, events: 2000, ..SETTINGS }, |_| {
        std::thread::yield_now();
        Ok(only(A))
    });
    let mut late = request("hello");
    late.deadline = Some(Instant::now() + Duration::from_millis(1));
    late.choices = 3;
    let events = engine.submit(late).await.unwrap();
    let written = read(events, 3).await;
    assert!(written.iter().filter(|written| written.failure() == &AnswerError::Deadline).count() >= 2);
    settled(&engine).await;
}

#[tokio::test]
async fn a_stopped_engine_fails_what_runs_and_refuses_what_comes() {
    let (engine, open, _) = gated();
    let mut events = engine.submit(request("hello")).await.unwrap();
    events.recv().await;
    let stopping = engine.clone();
    let stopped = tokio::spawn(async move { stopping.stop().await });
    tokio::task::yield_now().await;
    open.store(true, Ordering::SeqCst);
    stopped.await.unwrap();
    assert_eq!(*read(events, 1).await[0].failure(), AnswerError::Stopped);
    assert!(!engine.is_alive());
    assert_eq!(engine.submit(request("hello")).await.unwrap_err(), SubmitError::Stopped);
}

#[tokio::test]
async fn a_full_queue_rejects_and_says_when_to_retry() {
    let held = Arc::new(AtomicBool::new(true));
    let release = Arc::clone(&held);
    let settings = Settings { running: 1, waiting: 4, ..SETTINGS };
    let engine = engine_of(settings, move |_| {
        while held.load(Ordering::SeqCst) {
            std::thread::yield_now();
        }
        Ok(only(END))
    });
    let mut asked = Vec::new();
    for _ in 0..6 {
        let engine = engine.clone();
        asked.push(tokio::spawn(async move { engine.submit(request("hello")).await }));
        tokio::task::yield_now().await;
    }
    release.store(false, Ordering::SeqCst);
    let mut refused = 0;
    for asked in asked {
        match asked.await.unwrap() {
            Ok(events) => drop(read(events, 1).await),
            Err(SubmitError::Overloaded { retry_after }) => {
                assert!(retry_after >= Duration::from_secs(1));
                refused += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn a_grammar_that_is_complete_ends_the_text() {
    let engine = engine_of(SETTINGS, |_| Ok(only(A)));
    let mut asked = request("hello");
    let rule = Rule::Regex("a{3}".into());
    asked.grammar = Some(Grammar { rule, after: None, on: None });
    let written = write(&engine, asked).await;
    assert_eq!(written.text, "aaa");
    assert!(written.whole().receipt.constrained);
}

#[tokio::test]
async fn a_model_thinks_freely_before_its_grammar_begins() {
    let text = b"<so>. What?</think>42 is what I say";
    let engine = engine_of(SETTINGS, |segment| {
        let position = segment.start + segment.tokens.len() - 1;
        Ok(only(text.get(position).map_or(END, |byte| u32::from(*byte))))
    });
    let mut asked = request(" ");
    let rule = Rule::Regex("[0-9]{2,9}".into());
    (asked.grammar, asked.max_tokens) =
        (Some(Grammar { rule, after: Some("</think>".into()), on: None }), Some(24));
    let written = write(&engine, asked).await;
    let answer = written.text.strip_prefix("<so>. What?</think>42").expect("it thinks and answers");
    assert!(answer.bytes().all(|byte| byte.is_ascii_digit()), "{}", written.text);
}

#[tokio::test]
async fn a_character_of_several_tokens_comes_whole() {
    let text = "é🦙ü".as_bytes();
    let engine = engine_of(SETTINGS, |segment| {
        let position = segment.start + segment.tokens.len() - 1;
        Ok(only(text.get(position).map_or(END, |byte| u32::from(*byte))))
    });
    let mut events = engine.submit(request(" ")).await.unwrap();
    for whole in ["é", "🦙", "ü"] {
        assert!(matches!(events.recv().await, Some(Event::Text { text, .. }) if text == whole));
    }
    assert!(matches!(events.recv().await, Some(Event::Ended(_))));
}

#[tokio::test]
async fn events_of_several_answers_come_by_choice() {
    let engine = engine_of(SETTINGS, |_| Ok(vec![0.0; tiny::VOCABULARY]));
    let mut asked = request("hello");
    (asked.choices, asked.max_tokens, asked.ignore_ends) = (3, Some(30), true);
    asked.sampling.logprobs = Some(0);
    let events = engine.submit(asked).await.unwrap();
    let written = read(events, 3).await;
    assert_ne!(written[0].ids(), written[1].ids());
    assert_ne!(written[1].ids(), written[2].ids());
    let seen = written.iter().map(|written| written.whole().choice).collect::<Vec<_>>();
    assert_eq!(seen, [0, 1, 2]);
}

#[tokio::test]
async fn what_can_not_be_done_is_refused_by_name() {
    let engine = engine_of(SETTINGS, |_| Ok(only(A)));
    let refused = async |change: fn(&mut crate::language::Request)| {
        let mut asked = request("hello");
        change(&mut asked);
        engine.submit(asked).await.unwrap_err().to_string()
    };
    let most = engine.longest();
    assert_eq!(
        refused(|asked| asked.prompt = vec![1; 5000]).await,
        format!("the prompt has 5000 tokens and the answer may have 1, but at most {most} fit together"),
    );
    assert!(refused(|asked| asked.max_tokens = Some(5000)).await.contains("may have 5000"));
    assert!(refused(|asked| asked.prompt = vec![]).await.contains("at least one token"));
    assert!(refused(|asked| asked.prompt = vec![258]).await.contains("token 258"));
    assert!(refused(|asked| asked.choices = 0).await.contains("`n`"));
    assert!(refused(|asked| asked.choices = 1000).await.contains("1000 answers"));
    assert!(refused(|asked| asked.max_tokens = Some(0)).await.contains("max_tokens"));
    assert!(refused(|asked| asked.sampling.top_p = 7.0).await.contains("top_p"));
    let bad = |asked: &mut crate::language::Request| {
        let rule = Rule::Regex("(".into());
        asked.grammar = Some(Grammar { rule, after: None, on: None });
    };
    assert!(refused(bad).await.contains("regular expression"));
}
