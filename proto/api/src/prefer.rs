//! The `Prefer` header (RFC 7240): whether a caller waits for a job's result, or resumes a stream
//! later.

use std::time::Duration;

pub use crate::timeouts::MAX_WAIT;

/// The caller's preferences. Unknown and malformed ones are ignored, as the RFC requires.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Prefer {
    /// `wait=N`: how long to wait for the result, at most [`MAX_WAIT`].
    pub wait: Option<Duration>,
    /// `respond-async`: the caller prefers a job id.
    pub respond_async: bool,
    /// `resume=N`: how long a stream continues without its client, at most [`MAX_WAIT`].
    pub resume: Option<Duration>,
}

impl Prefer {
    /// Parses all `Prefer` headers of a request. The first of repeated preferences counts.
    pub fn parse<'a>(headers: impl IntoIterator<Item = &'a str>) -> Self {
        let mut prefer = Self::default();
        for preference in headers.into_iter().flat_map(|header| header.split(',')) {
            let token = preference.split(';').next().unwrap_or_default();
            let (name, value) = token.split_once('=').unwrap_or((token, ""));
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "wait" if prefer.wait.is_none() => prefer.wait = seconds(value),
                "resume" if prefer.resume.is_none() => prefer.resume = seconds(value),
                "respond-async" => prefer.respond_async = true,
                _ => {}
            }
        }
        prefer
    }

    /// Returns how long to wait with the response, or `None` to respond at once.
    #[must_use]
    pub fn waits(&self) -> Option<Duration> {
        self.wait.filter(|wait| !wait.is_zero())
    }
}

fn seconds(value: &str) -> Option<Duration> {
    let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
    // A number that exceeds 64 bits also means a long wait.
    digits.then(|| value.parse().map_or(MAX_WAIT, Duration::from_secs).min(MAX_WAIT))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn preferences_are_read_as_the_rfc_writes_them() {
        let wait = |seconds| Some(Duration::from_secs(seconds));
        let none = Prefer::default();
        for (header, expected) in [
            ("resume=5, resume=6", Prefer { resume: wait(5), ..none }),
            ("resume=3600", Prefer { resume: wait(60), ..none }),
            ("respond-async, wait=10", Prefer { wait: wait(10), respond_async: true, ..none }),
            ("Wait = \"5\"; x=1", Prefer { wait: wait(5), ..none }),
            ("wait=3600", Prefer { wait: wait(60), ..none }),
            ("wait=99999999999999999999999", Prefer { wait: wait(60), ..none }),
            ("wait=1, wait=2", Prefer { wait: wait(1), ..none }),
            ("wait=-1, handling=lenient, wait", none),
            ("", none),
        ] {
            assert_eq!(Prefer::parse([header]), expected, "{header}");
        }
        assert!(Prefer::parse(["wait=2", "respond-async"]).respond_async);
        assert_eq!(Prefer::parse(["wait=0"]).waits(), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            let _ = Prefer::parse([text.as_str()]);
        }
    }
}
