//! What of OpenAI's API is not served here, told so that its clients' users know.

use crate::problem::Problem;
use cortex_domain::ErrorCode;

/// Families of OpenAI's API that have no counterpart here.
const FAMILIES: [&str; 19] = [
    "assistants",
    "audio",
    "batches",
    "containers",
    "conversations",
    "edits",
    "evals",
    "files",
    "fine_tuning",
    "images",
    "moderations",
    "organization",
    "realtime",
    "responses",
    "skills",
    "threads",
    "uploads",
    "vector_stores",
    "videos",
];

/// Why there is nothing under a path below `/v1`. Repeats no text of the caller's.
#[must_use]
pub fn not_served(path: &str) -> Problem {
    let rest = path.strip_prefix("/v1/").unwrap_or_default();
    let (family, below) = rest.split_once('/').unwrap_or((rest, ""));
    let known = FAMILIES.iter().find(|known| **known == family);
    let detail = match (known, family, below.split('/').next()) {
        (Some(family), ..) => format!(
            "OpenAI's `/v1/{family}` is not served here (expected /v1/chat/completions, /v1/completions, \
             /v1/embeddings or /v1/models)"
        ),
        (None, "chat", Some("completions")) => {
            "chat completions are not stored, so that none can be read, listed, changed or deleted".to_owned()
        }
        _ => "there is nothing here under that name".to_owned(),
    };
    Problem::new(ErrorCode::NotFound, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_of_openais_clients_are_refused_by_name() {
        for (path, word) in [
            ("/v1/responses", "`/v1/responses`"),
            ("/v1/responses/resp_1/cancel", "`/v1/responses`"),
            ("/v1/images/generations", "`/v1/images`"),
            ("/v1/files", "`/v1/files`"),
            ("/v1/chat/completions/chatcmpl-1", "not stored"),
            ("/v1/chat/completions/chatcmpl-1/messages", "not stored"),
            ("/v1/chat", "nothing here"),
            ("/v1/<x>", "nothing here"),
            ("/v1", "nothing here"),
            ("/x", "nothing here"),
        ] {
            let problem = not_served(path);
            assert_eq!(problem.kind, ErrorCode::NotFound);
            assert!(problem.detail.contains(word), "{path}: {}", problem.detail);
        }
    }
}
