use proptest::prelude::*;

use super::*;

const HOST: &str = "host: x\r\n";

/// What is let through of a connection's bytes that come in pieces of a size, and the status of what is refused.
fn through(bytes: &[u8], piece: usize) -> (Vec<u8>, Option<u16>) {
    let (mut requests, mut out) = (Requests::default(), Vec::new());
    for piece in bytes.chunks(piece) {
        if let Err(problem) = requests.take(piece, &mut out) {
            return (out, Some(problem.kind.status()));
        }
    }
    (out, None)
}

#[test]
fn requests_go_through_as_they_came_however_they_are_cut() {
    let whole = format!(
        "GET /a?b HTTP/1.1\r\n{HOST}\r\nPOST /c HTTP/1.1\r\n{HOST}Content-Length: 5\r\n\r\nhelloPUT /d HTTP/1.0\r\n{HOST}\
         transfer-encoding: Chunked\r\n\r\n3;a=b\r\nabc\r\n000A\r\n0123\r\n\r\n89\r\n0\r\n\r\nOPTIONS * HTTP/1.1\r\n{HOST}\r\n"
    );
    for piece in [1, 2, 3, 7, 64, whole.len()] {
        let (out, refused) = through(whole.as_bytes(), piece);
        assert_eq!((String::from_utf8(out).unwrap(), refused), (whole.clone(), None), "{piece}");
    }
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    for (bytes, status) in [
        ("GARBAGE\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}{HOST}\r\n"), 400),
        ("GET / HTTP/1.1\r\nhost: [::bad\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/1.1\r\nhost: a b\r\n\r\n".to_owned(), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}content-length: 5\r\ncontent-length: 5\r\n\r\nabcde"), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}content-length: 5, 5\r\n\r\nabcde"), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}content-length: +5\r\n\r\nabcde"), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}content-length:\r\n\r\n"), 400),
        (
            format!(
                "POST / HTTP/1.1\r\n{HOST}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
            ),
            400,
        ),
        (
            format!(
                "POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n"
            ),
            400,
        ),
        (format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 400),
        (format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\ntransfer-encoding: x\r\n\r\n"), 400),
        (format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding : chunked\r\n\r\n0\r\n\r\n"), 400),
        (format!("POST / HTTP/1.1\r\n{HOST}a: b\n\r\n\r\n"), 400),
        (format!("POST / HTTP/1.1\n{HOST}\r\n"), 400),
        (format!("GET / HTTP/1.1\r\n{HOST}a: b\r\n c\r\n\r\n"), 400),
        (format!("GET http://evil/ HTTP/1.1\r\n{HOST}\r\n"), 400),
        (format!("GET / HTTP/2.0\r\n{HOST}\r\n"), 400),
        (format!("CONNECT x:80 HTTP/1.1\r\n{HOST}\r\n"), 405),
        (format!("FOO / HTTP/1.1\r\n{HOST}\r\n"), 405),
        (format!("get / HTTP/1.1\r\n{HOST}\r\n"), 405),
        (format!("GET / HTTP/1.1\r\n{HOST}a: {}\r\n\r\n", "x".repeat(MAX_HEAD)), 431),
        (format!("GET /{} HTTP/1.1\r\n{HOST}\r\n", "x".repeat(MAX_HEAD)), 431),
        (format!("GET / HTTP/1.1\r\n{HOST}{}\r\n", "a: b\r\n".repeat(MAX_HEADERS)), 431),
    ] {
        for piece in [1, 5, bytes.len()] {
            let (out, refused) = through(bytes.as_bytes(), piece);
            assert_eq!((out.len(), refused), (0, Some(status)), "{bytes:.80?} in pieces of {piece}");
        }
    }
}

#[test]
fn a_body_that_is_not_as_it_was_announced_is_refused() {
    let head = format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n\r\n");
    for body in [
        "x\r\n",
        "\r\n",
        "-1\r\n",
        "0x1\r\n",
        "1 1\r\n",
        "3\r\nabcd\r\n",
        "3\r\nabc\n\r\n",
        "3\nabc\r\n",
        "ffffffffffffffff\r\n",
    ] {
        for piece in [1, 100] {
            assert_eq!(through(format!("{head}{body}").as_bytes(), piece).1, Some(400), "{body:?}");
        }
    }
    let long = format!("{head}1;{}\r\na\r\n", "x".repeat(MAX_CHUNK_LINE));
    assert_eq!(through(long.as_bytes(), 50).1, Some(400));
}

#[test]
fn trailers_are_left_out() {
    let head = format!("POST / HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n\r\n");
    let (out, refused) = through(format!("{head}0\r\nauthorization: x\r\n\r\n").as_bytes(), 9);
    assert_eq!((String::from_utf8(out).unwrap(), refused), (format!("{head}0\r\n\r\n"), None));
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
}
