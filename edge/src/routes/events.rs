//! A job's events. While the ledger holds the job, its hops are the only events. A caller who
//! streams gets them, and a hint to reconnect soon.

use cortex_api::{EventPage, EventView, accept, hops};
use cortex_domain::id::JobId;
use cortex_domain::job::Hop;
use serde_json::Map;
use worker::{Env, Response};

use super::proxy;
use crate::admit::Presented;
use crate::answer;
use crate::error::ApiError;
use crate::incoming::Head;
use crate::ledger::client::LedgerClient;
use crate::ledger::jobs::entry::Entry;

pub(crate) async fn answer(
    id: JobId,
    head: &Head,
    presented: &Presented,
    env: &Env,
) -> Result<Response, ApiError> {
    let ledger = LedgerClient::of(env, &presented.tenant)?;
    let (caller, entry) = ledger.look(presented, id).await?;
    let path = match entry {
        None => head.path.clone(),
        Some(Entry { origin_id: Some(id), .. }) => format!("/api/v1/jobs/{id}/events"),
        Some(entry) => return Ok(local(&entry, head)?),
    };
    let answered = proxy::request_at(&path, head, &[], &caller, env).await??;
    proxy::respond(answered, &[], head, presented, env).await
}

fn local(entry: &Entry, head: &Head) -> worker::Result<Response> {
    let page = EventPage { events: events(entry) };
    if !accept::wants_events(head.get("accept")) {
        return answer::json(200, &page, &[]);
    }
    // The events have no ids, because the origin must not get one as the last seen event.
    let mut text = "retry: 1000\n\n".to_owned();
    for event in &page.events {
        text.push_str(&format!("event: {}\ndata: {}\n\n", event.name, serde_json::to_string(event)?));
    }
    answer::bytes(200, "text/event-stream", text.into_bytes(), &[])
}

/// Returns the hops, and the end if the job ended before it reached the origin.
fn events(entry: &Entry) -> Vec<EventView> {
    let view = &entry.view;
    let event = |at, name: String, state| EventView {
        id: "0.0".to_owned(),
        version: 0,
        attempt: 0,
        at,
        name,
        state,
        detail: Map::new(),
    };
    let pending = cortex_domain::state::StateName::Pending;
    let hops = hops::parse(&entry.hops).unwrap_or_default();
    let mut events: Vec<_> = hops.into_iter().map(|Hop { name, at }| event(at, name, pending)).collect();
    if view.state.is_terminal() {
        let mut end = event(view.updated_at, view.state.as_str().to_ascii_lowercase(), view.state);
        end.version = view.version;
        end.id = format!("0.{}", view.version);
        if let Some(error) = &view.error {
            end.detail.insert("detail".to_owned(), error.detail.as_str().into());
        }
        events.push(end);
    }
    events
}
