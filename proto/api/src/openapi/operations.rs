//! What each route is for, what it takes and what it answers.

use cortex_domain::topics;
use serde_json::{Map, Value, json};

use super::schema::{about, any_object, reference, string, with};
use crate::routes::{Caller, EdgeService, Local, OriginService, Public, Route};

/// The part of an operation that the table does not tell.
pub(super) struct Operation {
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    /// The schema of its body, and an example of it.
    pub(super) body: Option<(&'static str, Value)>,
    pub(super) answers: Map<String, Value>,
}

/// The operation of a route. A route without one does not compile.
pub(super) fn of(route: Route) -> Operation {
    match route {
        Route::Public(route) => public(route),
        Route::Caller(route) => caller(route),
        Route::Local(Local::ListWorkers) => Operation::new(
            "listWorkers",
            "workers",
            "Lists the workers, for callers on the origin's machine.",
        )
        .answers(200, json("WorkerPage")),
        Route::Edge(route) => edge(route),
        Route::Origin(OriginService::KeyRevoked) => {
            Operation::new("keyRevoked", "internal", "Ends what is open under a key that was revoked.")
                .takes("RevokedKey", json!({"key": "abcdefghij23"}))
                .answers(200, json("Closed"))
        }
    }
}

fn public(route: Public) -> Operation {
    match route {
        Public::Health => Operation::new("health", "service", "Says how the door does, and what it needs.")
            .answers(200, json("HealthView"))
            .answers(503, json("HealthView")),
        Public::OpenApi => Operation::new("openapi", "service", "This document.")
            .answers(200, content([("application/json", any_object())], "The document.")),
    }
}

fn caller(route: Caller) -> Operation {
    match route {
        Caller::CreateJob => Operation::new("createJob", "jobs", "Takes a job in.")
            .takes(
                "CreateJob",
                json!({"topic": topics::ECHO.as_str(), "input": {"text": "hello"}, "labels": {"team": "a"}}),
            )
            .answers(200, made_a_job("The job has ended while the caller waited."))
            .answers(202, made_a_job("The job is kept: it goes on until it ends.")),
        Caller::ListJobs => {
            Operation::new("listJobs", "jobs", "Lists the caller's jobs, newest first, without results.")
                .answers(200, json("JobPage"))
        }
        Caller::GetJob(()) => Operation::new("getJob", "jobs", "Shows a job as it stands, with its result.")
            .answers(200, json("JobView")),
        Caller::CancelJob(()) => Operation::new("cancelJob", "jobs", "Ends a job that has not ended.")
            .answers(200, json("JobView")),
        Caller::JobEvents(()) => {
            Operation::new("jobEvents", "jobs", "Shows a job's log, as a list or as it grows.")
                .answers(
                    200,
                    events(
                        "EventView",
                        "EventPage",
                        "Each event's data is an `EventView`, and of `progress` what the worker says.",
                    ),
                )
                .answers(
                    204,
                    json!({"description": "The log is over, and all of it was seen: don't come again."}),
                )
        }
        Caller::Embeddings => Operation::new("createEmbeddings", "models", "Embeds texts.")
            .takes("EmbeddingsRequest", json!({"model": "all-MiniLM-L6-v2", "input": ["hello"]}))
            .answers(200, json("EmbeddingsResponse")),
        Caller::ChatCompletions => {
            Operation::new("createChatCompletion", "models", "Goes on with a conversation.")
                .takes(
                    "ChatRequest",
                    json!({"model": "cortex-small", "messages": [{"role": "user", "content": "hello"}]}),
                )
                .answers(200, events("ChatChunk", "ChatCompletion", STREAM))
        }
        Caller::Completions => Operation::new("createCompletion", "models", "Goes on with texts.")
            .takes("CompletionRequest", json!({"model": "cortex-small", "prompt": "once", "max_tokens": 8}))
            .answers(200, events("Completion", "Completion", STREAM)),
        Caller::SimpleChat => Operation::new("chat", "models", "Answers one message.")
            .takes("SimpleChatRequest", json!({"model": "cortex-small", "message": "hello"}))
            .answers(200, json("ShortAnswer")),
        Caller::ListModels => {
            Operation::new("listModels", "models", "Lists the models.").answers(200, json("ModelPage"))
        }
        Caller::GetModel => {
            Operation::new("getModel", "models", "Shows a model.").answers(200, json("ModelView"))
        }
    }
}

const STREAM: &str = "Where the request says `stream`. After the last one comes `data: [DONE]`; a failure is an event of an \
                      `OpenAiError`.";

fn edge(route: EdgeService) -> Operation {
    let key = json!({"tenant": "acme", "principal": "ci", "roles": ["SRE"]});
    let line = json!({
        "tenant": "acme",
        "job": "01a1fb51-9430-7707-8707-070707070707",
        "version": 3,
        "state": "RUNNING",
        "at": "2026-11-20T23:36:30.000Z",
    });
    match route {
        EdgeService::JobStates => {
            Operation::new("jobStates", "internal", "Takes in where jobs stand at the origin.")
                .takes("StateReport", json!({"states": [line]}))
                .answers(200, json("Applied"))
        }
        EdgeService::CreateKey => Operation::new("createKey", "internal", "Makes an API key.")
            .takes("CreateKey", key)
            .answers(201, json("KeyView")),
        EdgeService::ListKeys => {
            Operation::new("listKeys", "internal", "Lists a tenant's keys.").answers(200, json("KeyPage"))
        }
        EdgeService::RevokeKey(()) => {
            Operation::new("revokeKey", "internal", "Revokes a key.").answers(200, json("KeyView"))
        }
    }
}

impl Operation {
    fn new(id: &'static str, tag: &'static str, summary: &'static str) -> Self {
        Self { id, tag, summary, body: None, answers: Map::new() }
    }

    fn takes(self, schema: &'static str, example: Value) -> Self {
        Self { body: Some((schema, example)), ..self }
    }

    fn answers(mut self, status: u16, response: Value) -> Self {
        self.answers.insert(status.to_string(), response);
        self
    }
}

fn json(schema: &str) -> Value {
    content([("application/json", reference(schema))], "As asked.")
}

fn content<const N: usize>(content: [(&str, Value); N], text: &str) -> Value {
    let content: Map<_, _> =
        content.into_iter().map(|(kind, schema)| (kind.to_owned(), json!({"schema": schema}))).collect();
    json!({"description": text, "content": content})
}

fn made_a_job(text: &str) -> Value {
    let headers = json!({
        "Location": {"schema": string()},
        "Cortex-Job-Id": {"schema": super::bodies::job_id()},
        "Preference-Applied": {"schema": string()},
    });
    with(content([("application/json", reference("JobView"))], text), "headers", headers)
}

/// An answer in one piece, or as server-sent events.
fn events(event: &str, whole: &str, text: &str) -> Value {
    // OpenAPI 3.1 has no word for the data of events.
    let stream = with(about(string(), text), "x-event-data", reference(event));
    content([("application/json", reference(whole)), ("text/event-stream", stream)], "Whole, or as it grows.")
}
