//! Which requests pass to workerd, and how others are rejected. workerd would reject a malformed
//! request with its own message, and has its own reading of a message with two lengths.

use cortex_api::Problem;
use cortex_domain::ErrorCode;
use cortex_http1::{Fault, Rules};

/// The methods that workerd passes to a Worker.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

pub(crate) const RULES: Rules =
    Rules { head: 16 << 10, chunk_line: 256, trailers: 4 << 10, methods: Some(METHODS) };

/// Returns the problem for a malformed request.
pub(crate) fn refusal(fault: Fault) -> Problem {
    let problem = |kind| Problem::new(kind, fault.to_string());
    match fault {
        Fault::Method { known } => problem(ErrorCode::MethodNotAllowed).with("allow", known),
        Fault::HeadTooLong { .. } | Fault::TooManyHeaders => problem(ErrorCode::HeadersTooLarge),
        _ => problem(ErrorCode::InvalidRequest),
    }
}

#[cfg(test)]
mod tests {
    use cortex_http1::Requests;

    use super::*;

    #[test]
    fn each_fault_has_its_status() {
        let long = "x".repeat(RULES.head);
        for (bytes, status) in [
            ("GARBAGE\r\n\r\n".to_owned(), 400),
            ("GET / HTTP/1.1\r\n\r\n".to_owned(), 400),
            ("GET / HTTP/1.1\nhost: x\n\n".to_owned(), 400),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400),
            ("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nx\r\n".to_owned(), 400),
            ("FOO / HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), 405),
            (format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"), 431),
            (format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(101)), 431),
        ] {
            let fault = Requests::new(RULES).take(bytes.as_bytes(), &mut Vec::new()).unwrap_err();
            assert_eq!(refusal(fault).status(), status, "{bytes:.80?}");
        }
    }
}
