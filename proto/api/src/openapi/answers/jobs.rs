//! Jobs and their log.

use serde_json::{Value, json};

use super::super::bodies::{job_id, state, topic};
use super::super::schema::{
    Components, about, any_object, anything, count, list, map, object, reference, string, time, with,
};

pub(super) fn components() -> Components {
    vec![
        ("JobView", job()),
        ("HoldView", hold()),
        ("JobPage", page()),
        ("EventView", event()),
        ("EventPage", object().required("events", list(reference("EventView"))).build()),
        ("ErrorView", error()),
    ]
}

fn job() -> Value {
    object()
        .required("id", job_id())
        .required("topic", topic())
        .required("state", state())
        .maybe("hold", reference("HoldView"))
        .required("attempt", count())
        .maybe("max_attempts", count())
        .required("version", about(count(), "Rises with each change of the job."))
        .required("created_at", time())
        .required("updated_at", time())
        .maybe("deadline", time())
        .required("labels", map(string()))
        .maybe("result", about(anything(), "What the worker of a succeeded job answered."))
        .maybe("error", reference("ErrorView"))
        .build()
}

fn hold() -> Value {
    let kind = "`approval`, `throttled`, `not_before`, `no_capacity`, or `origin_away` at the edge.";
    let hold = object().required("kind", about(string(), kind)).maybe("until", time()).build();
    about(hold, "Why a pending job waits.")
}

fn page() -> Value {
    let partial = json!({"type": "boolean"});
    object()
        .required("jobs", list(reference("JobView")))
        .nullable("next", about(string(), "The cursor of the next page."))
        .maybe("partial", about(partial, "Whether the origin is away, so that the edge lists what it knows."))
        .build()
}

fn event() -> Value {
    object()
        .required("id", about(string(), "`<attempt>.<version>`, also the id of the server-sent event."))
        .required("version", count())
        .required("attempt", count())
        .required("at", time())
        .required("name", string())
        .required("state", state())
        .required("detail", any_object())
        .build()
}

fn error() -> Value {
    let param = about(string(), "The parameter of the request that is at fault.");
    let error = object()
        .required("type", with(string(), "format", "uri".into()))
        .required("title", string())
        .required("detail", string())
        .maybe("param", param);
    about(error.build(), "Why a job ended without a result.")
}
