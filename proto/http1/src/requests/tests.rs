use proptest::prelude::*;

use super::*;
use crate::MAX_HEADERS;

const HOST: &str = "host: x\r\n";
const METHODS: &[&str] = &["GET", "POST", "PUT", "OPTIONS"];
const RULES: Rules = Rules { head: 16 << 10, chunk_line: 256, trailers: 4 << 10, methods: Some(METHODS) };

/// Returns the accepted bytes of a connection that arrives in pieces of a size, and the error of
/// the rest.
fn through(bytes: &[u8], piece: usize) -> (Vec<u8>, Option<Fault>) {
    let (mut requests, mut out) = (Requests::new(RULES), Vec::new());
    for piece in bytes.chunks(piece) {
        if let Err(fault) = requests.take(piece, &mut out) {
            return (out, Some(fault));
        }
    }
    (out, None)
}

#[test]
fn requests_go_through_as_they_came_however_they_are_cut() {
    let whole = format!(
        "GET /a?b HTTP/1.1\r\n{HOST}\r\nPOST /c HTTP/1.1\r\n{HOST}Content-Length: 5\r\n\r\nhelloPUT /d HTTP/1.1\r\n{HOST}\
         transfer-encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\n000A\r\n0123\r\n\r\n89\r\n0\r\n\r\nOPTIONS * HTTP/1.1\r\n{HOST}\r\n"
    );
    for piece in [1, 2, 3, 7, 64, whole.len()] {
        let (out, refused) = through(whole.as_bytes(), piece);
        assert_eq!((String::from_utf8(out).unwrap(), refused), (whole.clone(), None), "{piece}");
    }
}

#[test]
fn ambiguous_requests_are_refused() {
    let method = Fault::Method { known: METHODS };
    let too_long = Fault::HeadTooLong { limit: RULES.head };
    for (bytes, fault) in [
        ("GARBAGE\r\n\r\n".to_owned(), Fault::Head),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), Fault::Host),
        (format!("GET / HTTP/1.1\r\n{HOST}{HOST}\r\n"), Fault::Host),
        ("GET / HTTP/1.1\r\nhost: [::bad\r\n\r\n".to_owned(), Fault::Host),
        ("GET / HTTP/1.1\r\nhost: a b\r\n\r\n".to_owned(), Fault::Host),
        ("GET / HTTP/1.1\r\nhost: user@x\r\n\r\n".to_owned(), Fault::Host),
        (format!("POST / HTTP/1.0\r\n{HOST}transfer-encoding: chunked\r\n\r\n0\r\n\r\n"), Fault::Encoding),
        (
            format!("GET / HTTP/1.1\r\n{HOST}content-length: 5\r\ncontent-length: 5\r\n\r\nabcde"),
            Fault::RepeatedLength,
        ),
        (format!("GET / HTTP/1.1\r\n{HOST}content-length: 5, 5\r\n\r\nabcde"), Fault::Length),
        (format!("GET / HTTP/1.1\r\n{HOST}content-length: +5\r\n\r\nabcde"), Fault::Length),
        (format!("GET / HTTP/1.1\r\n{HOST}content-length:\r\n\r\n"), Fault::Length),
        (format!("GET / HTTP/1.1\r\n{HOST}content-length: 1000000000000000\r\n\r\n"), Fault::Length),
        (
            format!(
                "POST / HTTP/1.1\r\n{HOST}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            Fault::LengthAndEncoding,
        ),
        (
            format!(
                "POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n"
            ),
            Fault::LengthAndEncoding,
        ),
        (
            format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
            Fault::Encoding,
        ),
        (
            format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\ntransfer-encoding: x\r\n\r\n"),
            Fault::Encoding,
        ),
        (format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding : chunked\r\n\r\n0\r\n\r\n"), Fault::Head),
        (format!("POST / HTTP/1.1\r\n{HOST}a: b\n\r\n\r\n"), Fault::BareLineEnd),
        (format!("POST / HTTP/1.1\n{HOST}\r\n"), Fault::BareLineEnd),
        ("POST / HTTP/1.1\nhost: x\n\n".to_owned(), Fault::BareLineEnd),
        (format!("POST / HTTP/1.1\r\n{HOST}a: b\rc\r\n\r\n"), Fault::BareLineEnd),
        (format!("POST / HTTP/1.1\r\n{HOST}a: b\r\r\n\r\n"), Fault::BareLineEnd),
        (format!("GET / HTTP/1.1\r\n{HOST}a: b\r\n c\r\n\r\n"), Fault::Head),
        (format!("GET http://evil/ HTTP/1.1\r\n{HOST}\r\n"), Fault::Target),
        (format!("GET / HTTP/2.0\r\n{HOST}\r\n"), Fault::Head),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), Fault::Http2),
        (format!("CONNECT x:80 HTTP/1.1\r\n{HOST}\r\n"), method),
        (format!("FOO / HTTP/1.1\r\n{HOST}\r\n"), method),
        (format!("get / HTTP/1.1\r\n{HOST}\r\n"), method),
        (format!("GET / HTTP/1.1\r\n{HOST}a: {}\r\n\r\n", "x".repeat(RULES.head)), too_long),
        (format!("GET /{} HTTP/1.1\r\n{HOST}\r\n", "x".repeat(RULES.head)), too_long),
        (format!("GET / HTTP/1.1\r\n{HOST}{}\r\n", "a: b\r\n".repeat(MAX_HEADERS)), Fault::TooManyHeaders),
    ] {
        for piece in [1, 5, bytes.len()] {
            let (out, refused) = through(bytes.as_bytes(), piece);
            assert_eq!((out.len(), refused), (0, Some(fault)), "{bytes:.80?} in pieces of {piece}");
        }
    }
}

#[test]
fn a_head_may_be_as_long_as_the_limit_and_no_longer() {
    let around = format!("GET / HTTP/1.1\r\n{HOST}a: \r\n\r\n").len();
    for (more, refused) in [(0, None), (1, Some(Fault::HeadTooLong { limit: RULES.head }))] {
        let head = format!("GET / HTTP/1.1\r\n{HOST}a: {}\r\n\r\n", "x".repeat(RULES.head - around + more));
        for piece in [1, RULES.head - 1, RULES.head, head.len()] {
            let (mut requests, mut out) = (Requests::new(RULES), Vec::new());
            let taken: Result<Vec<()>, _> =
                head.as_bytes().chunks(piece).map(|piece| requests.take(piece, &mut out)).collect();
            assert_eq!(taken.err(), refused, "{more} more in pieces of {piece}");
            let held = if refused.is_some() { &head.as_bytes()[..RULES.head] } else { &b""[..] };
            assert_eq!(requests.head(), Some(held), "{more} more in pieces of {piece}");
        }
    }
}

#[test]
fn a_door_may_take_any_method() {
    let mut requests = Requests::new(Rules { methods: None, ..RULES });
    let request = format!("FOO / HTTP/1.1\r\n{HOST}\r\n");
    assert_eq!(requests.take(request.as_bytes(), &mut Vec::new()), Ok(()));
}

#[test]
fn nothing_is_read_after_a_fault() {
    let (mut requests, mut out) = (Requests::new(RULES), Vec::new());
    assert_eq!(requests.take(b"GARBAGE\r\n\r\n", &mut out), Err(Fault::Head));
    assert_eq!(requests.take(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", &mut out), Err(Fault::Head));
    assert_eq!((out.len(), requests.has_passed_any()), (0, false));
    assert_eq!(requests.head(), Some(&b"GARBAGE\r\n\r\n"[..]));
}

#[test]
fn empty_lines_before_a_request_are_left_out() {
    let get = format!("GET / HTTP/1.1\r\n{HOST}\r\n");
    for piece in [1, 3, 100] {
        let (out, refused) = through(format!("\r\n{get}\r\n\r\n{get}").as_bytes(), piece);
        assert_eq!((String::from_utf8(out).unwrap(), refused), (get.repeat(2), None));
    }
}

#[test]
fn a_body_that_is_not_as_it_was_announced_is_refused() {
    let head = format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n\r\n");
    for (body, fault) in [
        ("x\r\n", Fault::ChunkSize),
        ("\r\n", Fault::ChunkSize),
        ("\nabc", Fault::ChunkSize),
        ("-1\r\n", Fault::ChunkSize),
        ("0x1\r\n", Fault::ChunkSize),
        ("1 1\r\n", Fault::ChunkSize),
        ("5\x0c\r\nhello", Fault::ChunkSize),
        ("3\r\nabcd\r\n", Fault::ChunkTooLong),
        ("3\r\nabc\n\r\n", Fault::ChunkTooLong),
        ("3\r\nabc\rd", Fault::ChunkTooLong),
        ("3\nabc\r\n", Fault::ChunkSize),
        ("3;a\nb\r\n", Fault::ChunkSize),
        ("ffffffffffffffff\r\n", Fault::ChunkSize),
        ("0\r\na: b\n\r\n", Fault::BareLineEnd),
    ] {
        for piece in [1, 100] {
            let (out, refused) = through(format!("{head}{body}").as_bytes(), piece);
            assert_eq!(refused, Some(fault), "{body:?}");
            assert!(out.starts_with(head.as_bytes()));
        }
    }
    let long = format!("{head}1;{}\r\na\r\n", "x".repeat(RULES.chunk_line));
    let too_long = Fault::ChunkLineTooLong { limit: RULES.chunk_line };
    assert_eq!(through(long.as_bytes(), 50).1, Some(too_long));
}

#[test]
fn trailers_are_left_out() {
    let head = format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n\r\n");
    let (out, refused) = through(format!("{head}0\r\nauthorization: x\r\n\r\n").as_bytes(), 9);
    assert_eq!((String::from_utf8(out).unwrap(), refused), (format!("{head}0\r\n\r\n"), None));
}

#[test]
fn the_trailers_of_a_body_have_one_limit_together() {
    let head = format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n\r\n0\r\n");
    let trailers = "a: 5678\r\n".repeat(RULES.trailers / 9 - 1);
    let too_long = Fault::TrailersTooLong { limit: RULES.trailers };
    for piece in [1, 100, RULES.head] {
        assert_eq!(through(format!("{head}{trailers}\r\n").as_bytes(), piece).1, None);
        assert_eq!(through(format!("{head}{trailers}a: 5678\r\n\r\n").as_bytes(), piece).1, Some(too_long));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_cuts_change_nothing(
        bytes in proptest::collection::vec(
            prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b'3'), Just(b';'), Just(b':'), any::<u8>()], 0..200),
        chunked in any::<bool>(), piece in 1usize..40,
    ) {
        let head = format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n\r\n");
        let all = if chunked { [head.as_bytes(), &bytes].concat() } else { bytes };
        let whole = through(&all, all.len().max(1));
        let cut = through(&all, piece);
        prop_assert_eq!(whole.1, cut.1);
        if whole.1.is_none() {
            prop_assert_eq!(whole.0, cut.0);
        }
    }

    #[test]
    fn sound_requests_pass_unchanged_however_they_are_cut(
        bodies in proptest::collection::vec((any::<bool>(), "[a\r\n:0-9]{0,20}"), 1..5),
        piece in 1usize..50,
    ) {
        let mut sent = String::new();
        for (chunked, body) in &bodies {
            sent.push_str("POST / HTTP/1.1\r\nhost: x\r\n");
            let length = body.len();
            if *chunked && length > 0 {
                sent.push_str(&format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"));
            } else {
                sent.push_str(&format!("Content-Length: {length}\r\n\r\n{body}"));
            }
        }
        let (out, refused) = through(sent.as_bytes(), piece);
        prop_assert_eq!((String::from_utf8(out).unwrap(), refused), (sent, None));
    }
}
