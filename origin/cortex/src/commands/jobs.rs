//! `cortex jobs`.

use crate::args::ApiArgs;
use cortex_api::EventPage;
use cortex_domain::id::JobId;
use cortex_domain::state::StateName;
use cortex_domain::topic::Topic;

use crate::exit::{Exit, Failure};
use crate::output::job as view;
use crate::output::{self, Timeline};
use crate::target;
use cortex_client::{Api, JobQuery};
use cortex_node::Home;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List jobs, newest first
    List {
        #[command(flatten)]
        api: ApiArgs,
        #[arg(long)]
        state: Option<StateName>,
        #[arg(long)]
        topic: Option<Topic>,
        /// At most so many
        #[arg(long, default_value_t = 20)]
        limit: usize,
        /// Go on after a page, with the cursor it ended with
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show a job and its result
    Get {
        #[command(flatten)]
        api: ApiArgs,
        id: JobId,
    },
    /// Cancel a job
    Cancel {
        #[command(flatten)]
        api: ApiArgs,
        id: JobId,
    },
    /// Show a job's log
    Events {
        #[command(flatten)]
        api: ApiArgs,
        id: JobId,
        /// Stay until the job has ended
        #[arg(long)]
        follow: bool,
    },
}

/// Lists, shows, follows and cancels jobs.
///
/// # Errors
/// Returns an error if the API can't be reached or refuses.
pub(crate) async fn run(home: &Home, verb: Verb, json: bool) -> Result<Exit, Failure> {
    match verb {
        Verb::List { api, state, topic, limit, cursor } => {
            let query = JobQuery { state, topic, limit: Some(limit), cursor };
            list(&target::api(home, &api)?, &query, json).await?;
        }
        Verb::Get { api, id } => {
            let job = target::api(home, &api)?.job(id).await?;
            if json {
                output::json(&job)?
            } else {
                output::out(&view::details(&job))
            };
        }
        Verb::Cancel { api, id } => {
            let job = target::api(home, &api)?.cancel(id).await?;
            if json {
                output::json(&job)?
            } else {
                output::out(&view::summary(&job))
            };
        }
        Verb::Events { api, id, follow } => {
            let api = target::api(home, &api)?;
            if follow { followed(&api, id, json).await? } else { events(&api, id, json).await? }
        }
    }
    Ok(Exit::Done)
}

async fn list(api: &Api, query: &JobQuery, json: bool) -> Result<(), Failure> {
    let page = api.jobs(query).await?;
    if json {
        output::json(&page)?;
        return Ok(());
    }
    output::out(&view::list(&page.jobs));
    if page.partial {
        output::note("the origin is away: these are the jobs that the edge knows, as it last heard of them");
    }
    if let Some(next) = page.next {
        output::note(&format!("there are more: --cursor {next}"));
    }
    Ok(())
}

async fn events(api: &Api, id: JobId, json: bool) -> Result<(), Failure> {
    let events = api.events(id).await?;
    if json {
        output::json(&EventPage { events })?;
        return Ok(());
    }
    let mut timeline = Timeline::default();
    let rows = events.iter().flat_map(|event| timeline.push(event));
    let lines = std::iter::once(Timeline::HEADER.to_owned()).chain(rows.map(|row| row.to_string()));
    output::out(&lines.collect::<Vec<_>>().join("\n"));
    Ok(())
}

/// As they come; with `--json` a document on a line each, since there is no telling how many there will be.
async fn followed(api: &Api, id: JobId, json: bool) -> Result<(), Failure> {
    let (mut follow, mut timeline) = (api.follow(id), Timeline::default());
    let mut listened = json || output::out(Timeline::HEADER);
    while listened && let Some(event) = follow.next().await? {
        let rows = timeline.push(&event);
        listened = if rows.is_empty() {
            true
        } else if json {
            output::json_line(&event)?
        } else {
            rows.iter().all(|row| output::out(&row.to_string()))
        };
    }
    Ok(())
}
