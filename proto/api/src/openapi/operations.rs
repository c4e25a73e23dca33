//! The summary, the body and the responses of each route.

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

/// The parts of an operation that are not in the route table.
pub(super) struct Operation {
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    /// The schema of its body, and an example.
    pub(super) body: Option<(Value, Value)>,
    pub(super) answers: Map<String, Value>,
}

/// Returns the operation of a route. A route without an operation does not compile.
pub(super) fn of(route: Route, schemas: &mut Schemas) -> Operation {
    match route {
        Route::Public(route) => public(route, schemas),
        Route::Caller(route) => caller(route, schemas),
        Route::Local(Local::ListWorkers) => Operation::new(
            "listWorkers",
            "workers",
            "Lists the connected workers, only for callers on the origin's machine.",
        )
        .answers(200, json(schemas.answer::<WorkerPage>())),
        Route::Edge(route) => edge(route, schemas),
        Route::Origin(OriginService::KeyRevoked) => {
            Operation::new("keyRevoked", "internal", "Ends the open calls and streams of a revoked key.")
                .takes(schemas.body::<RevokedKey>(), json!({"key": "abcdefghij23"}))
                .answers(200, json(schemas.answer::<Closed>()))
        }
    }
}

fn public(route: Public, schemas: &mut Schemas) -> Operation {
    match route {
        Public::Health => Operation::new(
            "health",
            "service",
            "Reports the health of the service and \
            of its dependencies.",
        )
        .answers(200, json(schemas.answer::<HealthView>()))
        .answers(503, json(schemas.answer::<HealthView>())),
        Public::OpenApi => Operation::new("openapi", "service", "Returns this document.")
            .answers(200, content([("application/json", json!({"type": "object"}))], "The document.")),
    }
}

fn caller(route: Caller, schemas: &mut Schemas) -> Operation {
    match route {
        Caller::CreateJob => Operation::new("createJob", "jobs", "Submits a job.")
            .takes(
                schemas.body::<CreateJob>(),
                json!({"topic": topics::ECHO.as_str(), "input": {"text": "hello"}, "labels": {"team": "a"}}),
            )
            .answers(200, made_a_job(schemas, "The job ended while the caller waited."))
            .answers(202, made_a_job(schemas, "The job was accepted and continues without the caller.")),
        Caller::ListJobs => {
            Operation::new("listJobs", "jobs", "Lists the tenant's jobs, newest first, without results.")
                .answers(200, json(schemas.answer::<JobPage>()))
        }
        Caller::GetJob(()) => Operation::new(
            "getJob",
            "jobs",
            "Returns a job with its current state \
            and its result.",
        )
        .answers(200, json(schemas.answer::<JobView>())),
        Caller::CancelJob(()) => Operation::new("cancelJob", "jobs", "Cancels a job that has not ended.")
            .answers(200, json(schemas.answer::<JobView>())),
        Caller::JobEvents(()) => {
            Operation::new("jobEvents", "jobs", "Returns the events of a job as a list or as a stream.")
                .answers(
                    200,
                    events(
                        schemas.answer::<EventView>(),
                        schemas.answer::<EventPage>(),
                        "The data of each event is an `EventView`. The data of `progress` is a line \
                            of the worker's output.",
                    ),
                )
                .answers(
                    204,
                    json!({"description": "The job has ended and the client has seen all events: do \
                        not reconnect."}),
                )
        }
        Caller::Embeddings => Operation::new("createEmbeddings", "models", "Embeds texts.")
            .takes(
                schemas.body::<EmbeddingsRequest>(),
                json!({"model": "all-MiniLM-L6-v2", "input": ["hello"]}),
            )
            .answers(200, json(schemas.answer::<EmbeddingsResponse>())),
        Caller::ChatCompletions => {
            Operation::new("createChatCompletion", "models", "Creates a chat completion.")
                .takes(
                    schemas.body::<ChatRequest>(),
                    json!({"model": "cortex-small", "messages": [{"role": "user", "content": "hello"}]}),
                )
                .answers(200, text(schemas.answer::<ChatChunk>(), schemas.answer::<ChatCompletion>()))
        }
        Caller::Completions => Operation::new(
            "createCompletion",
            "models",
            "Continues \
            texts.",
        )
        .takes(
            schemas.body::<CompletionRequest>(),
            json!({"model": "cortex-small", "prompt": "once", "max_tokens": 8}),
        )
        .answers(200, text(schemas.answer::<Completion>(), schemas.answer::<Completion>())),
        Caller::SimpleChat => Operation::new(
            "chat",
            "models",
            "Sends one message to a model and returns \
            its answer.",
        )
        .takes(schemas.body::<SimpleChat>(), json!({"model": "cortex-small", "message": "hello"}))
        .answers(200, json(schemas.answer::<SimpleChatAnswer>())),
        Caller::ListModels => Operation::new("listModels", "models", "Lists the models.")
            .answers(200, json(schemas.answer::<ModelPage>())),
        Caller::GetModel => Operation::new("getModel", "models", "Returns a model.")
            .answers(200, json(schemas.answer::<ModelView>())),
    }
}

const STREAM: &str = "The response to a request with `stream`. `data: [DONE]` follows the last \
    event, and an error is an event with an `OpenAiError`.";

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
            Operation::new("jobStates", "internal", "Reports the states of jobs at the origin.")
                .takes(schemas.body::<StateReport>(), json!({"states": [line]}))
                .answers(200, json(schemas.answer::<Applied>()))
        }
        EdgeService::CreateKey => Operation::new("createKey", "internal", "Creates an API key.")
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
    content([("application/json", schema)], "The request succeeded.")
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

/// Returns the responses of a text generation route.
fn text(event: Value, whole: Value) -> Value {
    let mut answer = events(event, whole, STREAM);
    answer["headers"] = json!({"Preference-Applied": {"schema": {"type": "string"}}});
    answer
}

/// Returns a response that is either whole or a stream of server-sent events.
fn events(event: Value, whole: Value, text: &str) -> Value {
    // OpenAPI 3.1 can't describe the data of events.
    let stream = json!({"type": "string", "description": text, "x-event-data": event});
    content(
        [("application/json", whole), ("text/event-stream", stream)],
        "The whole response, or a \
        stream of events.",
    )
}
