//! Problems as gRPC statuses.

use cortex_api::{Problem, Shape};
use cortex_domain::ErrorCode;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// The metadata key of the problem's type, without its prefix.
const TYPE_METADATA: &str = "cortex-problem";
/// The metadata key of the problem document.
const DOCUMENT_METADATA: &str = "cortex-problem-bin";
/// Maximum size of the document. Clients limit the metadata, and an error must not be lost because
/// of its details.
const MAX_DOCUMENT_BYTES: usize = 4 * 1024;

/// Returns the status of a problem. The detail becomes the message, and the rest becomes metadata.
pub(super) fn status(problem: &Problem) -> Status {
    let rendered = problem.render(Shape::Problem);
    let mut metadata = MetadataMap::new();
    metadata.insert(TYPE_METADATA, MetadataValue::from_static(problem.kind.slug()));
    if rendered.body.len() <= MAX_DOCUMENT_BYTES {
        metadata.insert_bin(DOCUMENT_METADATA, MetadataValue::from_bytes(rendered.body.as_bytes()));
    }
    if let Some(seconds) = rendered.retry_after {
        metadata.insert("retry-after", seconds.into());
    }
    Status::with_metadata(code(problem.kind), problem.detail.as_str(), metadata)
}

fn code(kind: ErrorCode) -> Code {
    match kind {
        ErrorCode::MalformedJson
        | ErrorCode::TooDeep
        | ErrorCode::InvalidRequest
        | ErrorCode::UnsupportedMediaType
        | ErrorCode::UnknownTopic
        | ErrorCode::SecretInInput => Code::InvalidArgument,
        ErrorCode::Unauthenticated => Code::Unauthenticated,
        ErrorCode::Denied => Code::PermissionDenied,
        ErrorCode::NotFound | ErrorCode::UnknownModel => Code::NotFound,
        ErrorCode::MethodNotAllowed => Code::Unimplemented,
        ErrorCode::Conflict => Code::FailedPrecondition,
        ErrorCode::IdempotencyMismatch => Code::AlreadyExists,
        // The transport uses the same code for even larger messages.
        ErrorCode::TooLarge | ErrorCode::HeadersTooLarge | ErrorCode::StreamGone => Code::OutOfRange,
        ErrorCode::Overloaded | ErrorCode::StorageFull | ErrorCode::SlowReader => Code::ResourceExhausted,
        ErrorCode::Internal | ErrorCode::WorkerFailed => Code::Internal,
        ErrorCode::OriginAway | ErrorCode::Unavailable => Code::Unavailable,
        ErrorCode::Timeout => Code::DeadlineExceeded,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_status_carries_the_type_the_detail_and_the_document() {
        let problem = Problem::new(ErrorCode::Overloaded, "try again").retry_after(Duration::from_secs(2));
        let status = status(&problem);
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "try again"));
        let text = |name| status.metadata().get(name).unwrap().to_str().unwrap();
        assert_eq!((text(TYPE_METADATA), text("retry-after")), ("overloaded", "2"));
        let document = status.metadata().get_bin(DOCUMENT_METADATA).unwrap().to_bytes().unwrap();
        assert_eq!(document, problem.render(Shape::Problem).body);
    }

    #[test]
    fn no_problem_becomes_success_and_a_large_one_keeps_its_type() {
        for kind in ErrorCode::ALL {
            assert_ne!(status(&Problem::new(*kind, "no")).code(), Code::Ok);
        }
        let large = status(
            &Problem::new(ErrorCode::UnknownTopic, "no").with("known_topics", "x".repeat(MAX_DOCUMENT_BYTES)),
        );
        assert!(
            large.metadata().get(TYPE_METADATA).is_some()
                && large.metadata().get_bin(DOCUMENT_METADATA).is_none()
        );
    }
}
