//! Secrets, which must be rejected, and personal data, which is flagged.

use serde_json::Error;

use crate::{personal, secrets, strings};

/// A finding in an input. It never contains the found text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The kind, e.g. `aws-access-key` or `email`.
    pub kind: &'static str,
    /// The place: a JSON pointer (RFC 6901) such as `/input/text`. Names that contain a secret or
    /// personal data are replaced by `***`.
    pub place: String,
}

/// Maximum number of findings of personal data.
const MAX_FINDINGS: usize = 16;

/// Returns the first secret in a JSON text. Check its depth first.
///
/// # Errors
/// Returns an error if the text is not JSON.
pub fn secret(body: &[u8]) -> Result<Option<Finding>, Error> {
    let mut found = None;
    strings::each(body, &mut |place, text| {
        if found.is_none() {
            found = secrets::kind(text).map(|kind| Finding { kind, place: place.pointer() });
        }
    })?;
    Ok(found)
}

/// Returns the personal data in a JSON text: the first of each kind at each place, at most 16.
/// Check its depth first.
///
/// # Errors
/// Returns an error if the text is not JSON.
pub fn personal_data(body: &[u8]) -> Result<Vec<Finding>, Error> {
    let mut found = Vec::new();
    strings::each(body, &mut |place, text| {
        let room = MAX_FINDINGS - found.len();
        if room > 0 {
            found.extend(
                personal::kinds(text).take(room).map(|kind| Finding { kind, place: place.pointer() }),
            );
        }
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::steps;

    #[test]
    fn a_name_that_is_private_is_not_repeated_in_a_place() {
        let body = br#"{"ada@example.org":{"to":"bob@example.org"}}"#;
        let places: Vec<_> = personal_data(body).unwrap().into_iter().map(|found| found.place).collect();
        assert_eq!(places, ["/***", "/***/to"]);
    }

    #[test]
    fn personal_data_is_reported_and_nothing_is_refused() {
        let body = br#"{"input":["mail me: a.b@example.org", "4111 1111 1111 1111"]}"#;
        let found = personal_data(body).unwrap();
        assert_eq!(
            found,
            [
                Finding { kind: "email", place: "/input/0".into() },
                Finding { kind: "credit-card", place: "/input/1".into() },
            ]
        );
        assert_eq!(secret(body).unwrap(), None);
    }

    #[test]
    fn findings_are_capped() {
        let body = serde_json::to_vec(&vec!["a@example.org"; 100]).unwrap();
        assert_eq!(personal_data(&body).unwrap().len(), MAX_FINDINGS);
    }

    #[test]
    fn no_document_is_scanned_again_and_again() {
        const STEPS_A_BYTE: usize = 24;
        let long = "k".repeat(4000);
        for body in [
            format!("[{}1]", "\"sk-\",".repeat(1000)),
            format!("{{\"{long}\":[{}1]}}", "\"a\",".repeat(1000)),
            format!("{{{}\"a\":1}}", "\"sk-\":\"eyJ.\",".repeat(1000)),
            format!("{}1{}", format!("{{\"{long}\":").repeat(60), "}".repeat(60)),
            format!("{{\"{long}\":[{}1]}}", "\"a@example.org\",".repeat(1000)),
        ] {
            let steps = steps::of(|| {
                secret(body.as_bytes()).unwrap();
                personal_data(body.as_bytes()).unwrap();
            });
            assert!(steps < STEPS_A_BYTE * body.len(), "{steps} steps for {} bytes", body.len());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (secret(&bytes), personal_data(&bytes));
        }

        #[test]
        fn no_text_makes_the_scanners_panic(text in "(AKIA|sk-|eyJ|-----BEGIN|@|\\+1|DE|4|[ -]|.){0,60}") {
            let _ = (secrets::kind(&text), personal::kinds(&text).count());
        }
    }
}
