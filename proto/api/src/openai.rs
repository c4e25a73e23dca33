//! The parts of OpenAI's API that are not served, with errors that say so.

use crate::problem::Problem;
use cortex_domain::ErrorCode;

/// Families of OpenAI's API without a counterpart here.
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

/// Returns the problem of an unknown path below `/v1`. It repeats no text of the caller.
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
            "chat completions are not stored and can't be read, listed, changed or deleted".to_owned()
        }
        _ => "no resource at this path".to_owned(),
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
            ("/v1/chat", "no resource"),
            ("/v1/<x>", "no resource"),
            ("/v1", "no resource"),
            ("/x", "no resource"),
        ] {
            let problem = not_served(path);
            assert_eq!(problem.kind, ErrorCode::NotFound);
            assert!(problem.detail.contains(word), "{path}: {}", problem.detail);
        }
    }
}
