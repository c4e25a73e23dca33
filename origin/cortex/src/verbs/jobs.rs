//! `cortex jobs`.

use cortex_api::EventPage;
use cortex_domain::id::JobId;

use super::{place, view};
use crate::cli::JobsVerb;
use crate::exit::{Exit, Failure};
use crate::home::Home;
use crate::show::{self, Timeline};
use cortex_client::{Api, Listing};

/// # Errors
/// If the API can't be reached or refuses.
pub(crate) async fn jobs(home: &Home, verb: JobsVerb, json: bool) -> Result<Exit, Failure> {
    match verb {
        JobsVerb::List { api, state, topic, limit, cursor } => {
            let listing = Listing { state, topic, limit: Some(limit), cursor };
            list(&place::api(home, &api)?, &listing, json).await?;
        }
        JobsVerb::Get { api, id } => {
            let job = place::api(home, &api)?.job(id).await?;
            if json {
                show::json(&job)?
            } else {
                show::out(&view::whole(&job))
            };
        }
        JobsVerb::Cancel { api, id } => {
            let job = place::api(home, &api)?.cancel(id).await?;
            if json {
                show::json(&job)?
            } else {
                show::out(&view::brief(&job))
            };
        }
        JobsVerb::Events { api, id, follow } => {
            let api = place::api(home, &api)?;
            if follow { followed(&api, id, json).await? } else { events(&api, id, json).await? }
        }
    }
    Ok(Exit::Done)
}

async fn list(api: &Api, listing: &Listing, json: bool) -> Result<(), Failure> {
    let page = api.jobs(listing).await?;
    if json {
        show::json(&page)?;
        return Ok(());
    }
    show::out(&view::list(&page.jobs));
    if page.partial {
        show::note("the origin is away: these are the jobs that the edge knows, as it last heard of them");
    }
    if let Some(next) = page.next {
        show::note(&format!("there are more: --cursor {next}"));
    }
    Ok(())
}

async fn events(api: &Api, id: JobId, json: bool) -> Result<(), Failure> {
    let events = api.events(id).await?;
    if json {
        show::json(&EventPage { events })?;
        return Ok(());
    }
    let mut timeline = Timeline::default();
    let rows = events.iter().flat_map(|event| timeline.push(event));
    let lines = std::iter::once(Timeline::HEADER.to_owned()).chain(rows.map(|row| row.to_string()));
    show::out(&lines.collect::<Vec<_>>().join("\n"));
    Ok(())
}

/// As they come; with `--json` a document on a line each, since there is no telling how many there will be.
async fn followed(api: &Api, id: JobId, json: bool) -> Result<(), Failure> {
    let (mut follow, mut timeline) = (api.follow(id), Timeline::default());
    let mut listened = json || show::out(Timeline::HEADER);
    while listened && let Some(event) = follow.next().await? {
        let rows = timeline.push(&event);
        listened = if rows.is_empty() {
            true
        } else if json {
            show::json_line(&event)?
        } else {
            rows.iter().all(|row| show::out(&row.to_string()))
        };
    }
    Ok(())
}
