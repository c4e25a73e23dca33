//! Secrets, which are rejected, and personal data, which is flagged.

use cortex_api::Problem;
use cortex_api::body::unreadable;
use cortex_domain::ErrorCode;
use cortex_redact::Finding;

/// Rejects a JSON text that contains a secret. Check its depth first.
///
/// # Errors
/// Returns a problem that names the secret's kind and place, or an error if the text is not JSON.
pub(super) fn refuse_secrets(body: &[u8]) -> Result<(), Problem> {
    let found = cortex_redact::secret(body).map_err(|error| unreadable(body, &error))?;
    let Some(Finding { kind, place }) = found else { return Ok(()) };
    let detail = format!(
        "the value at `{place}` looks like a secret ({kind}): remove it, and revoke it if it \
            is real"
    );
    Err(Problem::new(ErrorCode::SecretInInput, detail)
        .at(place.clone())
        .with("kind", kind)
        .with("place", place))
}

/// Finds personal data in a JSON text: the first of each kind at each place, at most 16. Check its
/// depth first.
///
/// # Errors
/// Returns an error if the text is not JSON.
pub fn personal_data(body: &[u8]) -> Result<Vec<Finding>, Problem> {
    cortex_redact::personal_data(body).map_err(|error| unreadable(body, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_refused_by_kind_and_place_without_repeating_it() {
        let body = br#"{"topic":"job.echo","input":{"text":"use \u0041KIAIOSFODNN7EXAMPLE please"}}"#;
        let problem = refuse_secrets(body).unwrap_err();
        assert_eq!(problem.kind, ErrorCode::SecretInInput);
        assert_eq!(
            (&problem.extensions["kind"], &problem.extensions["place"]),
            (&"aws-access-key".into(), &"/input/text".into())
        );
        assert!(!problem.to_string().contains("AKIA"));
    }

    #[test]
    fn a_secret_in_a_members_name_is_not_repeated() {
        for body in [
            r#"{"input":{"AKIAIOSFODNN7EXAMPLE":1}}"#,
            r#"{"input":{"\u0041KIAIOSFODNN7EXAMPLE":{"b":[1]}}}"#,
            r#"{"input":{"the key xAKIAIOSFODNN7EXAMPLE is mine":"AKIAIOSFODNN7EXAMPLE"}}"#,
        ] {
            let problem = refuse_secrets(body.as_bytes()).unwrap_err();
            assert_eq!(problem.extensions["place"], "/input/***", "{body}");
            assert!(!problem.render(cortex_api::Shape::Problem).body.contains("KIA"), "{problem:?}");
        }
    }
}
