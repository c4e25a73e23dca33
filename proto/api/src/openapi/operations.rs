//! What each route is for, what it takes and what it answers.

use cortex_domain::topics;
use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use crate::chat::{ChatChunk, ChatCompletion, ChatRequest, SimpleChat, SimpleChatAnswer};
use crate::completions::{Completion, CompletionRequest};
use crate::routes::{Caller, EdgeService, Local, OriginService, Public, Route};
use crate::{
    Applied, Closed, CreateJob, CreateKey, EmbeddingsRequest, EmbeddingsResponse, EventPage, EventView,
    HealthView, JobPage, JobView, KeyPage, KeyView, ModelPage, ModelView, RevokedKey, StateReport,
    WorkerPage,
};

/// The part of an operation that the table does not tell.
pub(super) struct Operation {
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    /// The schema of its body, and an example of it.
    pub(super) body: Option<(Value, Value)>,
    pub(super) answers: Map<String, Value>,
}

/// The operation of a route. A route without one does not compile.
pub(super) fn of(route: Route, schemas: &mut Schemas) -> Operation {
    match route {
        Route::Public(route) => public(route, schemas),
        Route::Caller(route) => caller(route, schemas),
        Route::Local(Local::ListWorkers) => Operation::new(
            "listWorkers",
            "workers",
            "Lists the workers, for callers on the origin's machine.",
        )
        .answers(200, json(schemas.answer::<WorkerPage>())),
        Route::Edge(route) => edge(route, schemas),
        Route::Origin(OriginService::KeyRevoked) => {
            Operation::new("keyRevoked", "internal", "Ends what is open under a key that was revoked.")
                .takes(schemas.body::<RevokedKey>(), json!({"key": "abcdefghij23"}))
                .answers(200, json(schemas.answer::<Closed>()))
        }
    }
}

fn public(route: Public, schemas: &mut Schemas) -> Operation {
    match route {
        Public::Health => Operation::new("health", "service", "Says how the door does, and what it needs.")
            .answers(200, json(schemas.answer::<HealthView>()))
            .answers(503, json(schemas.answer::<HealthView>())),
        Public::OpenApi => Operation::new("openapi", "service", "This document.")
            .answers(200, content([("application/json", json!({"type": "object"}))], "The document.")),
    }
}

fn caller(route: Caller, schemas: &mut Schemas) -> Operation {
    match route {
        Caller::CreateJob => Operation::new("createJob", "jobs", "Takes a job in.")
            .takes(
                schemas.body::<CreateJob>(),
                json!({"topic": topics::ECHO.as_str(), "input": {"text": "hello"}, "labels": {"team": "a"}}),
            )
            .answers(200, made_a_job(schemas, "The job has ended while the caller waited."))
            .answers(202, made_a_job(schemas, "The job is kept: it goes on until it ends.")),
        Caller::ListJobs => {
            Operation::new("listJobs", "jobs", "Lists the caller's jobs, newest first, without results.")
                .answers(200, json(schemas.answer::<JobPage>()))
        }
        Caller::GetJob(()) => Operation::new("getJob", "jobs", "Shows a job as it stands, with its result.")
            .answers(200, json(schemas.answer::<JobView>())),
        Caller::CancelJob(()) => Operation::new("cancelJob", "jobs", "Ends a job that has not ended.")
            .answers(200, json(schemas.answer::<JobView>())),
        Caller::JobEvents(()) => {
            Operation::new("jobEvents", "jobs", "Shows a job's log, as a list or as it grows.")
                .answers(
                    200,
                    events(
                        schemas.answer::<EventView>(),
                        schemas.answer::<EventPage>(),
                        "Each event's data is an `EventView`, and of `progress` what the worker says.",
                    ),
                )
                .answers(
                    204,
                    json!({"description": "The log is over, and all of it was seen: don't come again."}),
                )
        }
        Caller::Embeddings => Operation::new("createEmbeddings", "models", "Embeds texts.")
            .takes(
                schemas.body::<EmbeddingsRequest>(),
                json!({"model": "all-MiniLM-L6-v2", "input": ["hello"]}),
            )
            .answers(200, json(schemas.answer::<EmbeddingsResponse>())),
        Caller::ChatCompletions => {
            Operation::new("createChatCompletion", "models", "Goes on with a conversation.")
                .takes(
                    schemas.body::<ChatRequest>(),
                    json!({"model": "cortex-small", "messages": [{"role": "user", "content": "hello"}]}),
                )
                .answers(200, text(schemas.answer::<ChatChunk>(), schemas.answer::<ChatCompletion>()))
        }
        Caller::Completions => Operation::new("createCompletion", "models", "Goes on with texts.")
            .takes(
                schemas.body::<CompletionRequest>(),
                json!({"model": "cortex-small", "prompt": "once", "max_tokens": 8}),
            )
            .answers(200, text(schemas.answer::<Completion>(), schemas.answer::<Completion>())),
        Caller::SimpleChat => Operation::new("chat", "models", "Answers one message.")
            .takes(schemas.body::<SimpleChat>(), json!({"model": "cortex-small", "message": "hello"}))
            .answers(200, json(schemas.answer::<SimpleChatAnswer>())),
        Caller::ListModels => Operation::new("listModels", "models", "Lists the models.")
            .answers(200, json(schemas.answer::<ModelPage>())),
        Caller::GetModel => Operation::new("getModel", "models", "Shows a model.")
            .answers(200, json(schemas.answer::<ModelView>())),
    }
}

const STREAM: &str = "Where the request says `stream`. After the last one comes `data: [DONE]`; a failure is an event of an \
                      `OpenAiError`.";

fn edge(route: EdgeService, schemas: &mut Schemas) -> Operation {
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
                .takes(schemas.body::<StateReport>(), json!({"states": [line]}))
                .answers(200, json(schemas.answer::<Applied>()))
        }
        EdgeService::CreateKey => Operation::new("createKey", "internal", "Makes an API key.")
            .takes(schemas.body::<CreateKey>(), key)
            .answers(201, json(schemas.answer::<KeyView>())),
        EdgeService::ListKeys => Operation::new("listKeys", "internal", "Lists a tenant's keys.")
            .answers(200, json(schemas.answer::<KeyPage>())),
        EdgeService::RevokeKey(()) => Operation::new("revokeKey", "internal", "Revokes a key.")
            .answers(200, json(schemas.answer::<KeyView>())),
    }
}

impl Operation {
    fn new(id: &'static str, tag: &'static str, summary: &'static str) -> Self {
        Self { id, tag, summary, body: None, answers: Map::new() }
    }

    fn takes(self, schema: Value, example: Value) -> Self {
        Self { body: Some((schema, example)), ..self }
    }

    fn answers(mut self, status: u16, response: Value) -> Self {
        self.answers.insert(status.to_string(), response);
        self
    }
}

fn json(schema: Value) -> Value {
    content([("application/json", schema)], "As asked.")
}

fn content<const N: usize>(content: [(&str, Value); N], text: &str) -> Value {
    let content: Map<_, _> =
        content.into_iter().map(|(kind, schema)| (kind.to_owned(), json!({"schema": schema}))).collect();
    json!({"description": text, "content": content})
}

fn made_a_job(schemas: &mut Schemas, text: &str) -> Value {
    let mut answer = content([("application/json", schemas.answer::<JobView>())], text);
    answer["headers"] = json!({
        "Location": {"schema": {"type": "string"}},
        "Preference-Applied": {"schema": {"type": "string"}},
    });
    answer
}

/// A text of a model.
fn text(event: Value, whole: Value) -> Value {
    let mut answer = events(event, whole, STREAM);
    answer["headers"] = json!({"Preference-Applied": {"schema": {"type": "string"}}});
    answer
}

/// An answer in one piece, or as server-sent events.
fn events(event: Value, whole: Value, text: &str) -> Value {
    // OpenAPI 3.1 has no word for the data of events.
    let stream = json!({"type": "string", "description": text, "x-event-data": event});
    content([("application/json", whole), ("text/event-stream", stream)], "Whole, or as it grows.")
}
