//! `cortex jobs`.

use cortex_api::EventPage;
use cortex_client::{Api, JobQuery};
use cortex_domain::id::JobId;
use cortex_domain::state::StateName;
use cortex_domain::topic::Topic;
use cortex_node::Home;

use crate::args::ApiArgs;
use crate::exit::{Exit, Failure};
use crate::output::{self, Timeline, job as view};
use crate::target;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List jobs, newest first
    List {
        #[command(flatten)]
        api: ApiArgs,
        /// Only jobs in this state, such as FAILED
        #[arg(long)]
        state: Option<StateName>,
        /// Only jobs of this topic
        #[arg(long)]
        topic: Option<Topic>,
        /// The maximum number of jobs
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
        /// The cursor from the end of the previous page
        #[arg(long)]
        cursor: Option<String>,
    },
    /// Show a job and its result
    Get {
        #[command(flatten)]
        api: ApiArgs,
        /// The id of the job
        id: JobId,
    },
    /// Cancel a job
    Cancel {
        #[command(flatten)]
        api: ApiArgs,
        /// The id of the job
        id: JobId,
    },
    /// Show the events of a job
    Events {
        #[command(flatten)]
        api: ApiArgs,
        /// The id of the job
        id: JobId,
        /// Print new events until the job has ended
        #[arg(long)]
        follow: bool,
    },
}

/// Lists, shows, follows and cancels jobs.
///
/// # Errors
/// Returns an error if the API can't be reached or refuses the request.
pub(crate) async fn run(home: &Home, verb: Verb, json: bool) -> Result<Exit, Failure> {
    match verb {
        Verb::List { api, state, topic, limit, cursor } => {
            let query = JobQuery { state, topic, limit: Some(limit), cursor };
            list(&target::api(home, &api)?, &query, json).await?;
        }
        Verb::Get { api, id } => {
            let job = target::api(home, &api)?.job(id).await?;
            if json {
                output::print_json(&job)?
            } else {
                output::print(&view::details(&job))?
            };
        }
        Verb::Cancel { api, id } => {
            let job = target::api(home, &api)?.cancel(id).await?;
            if json {
                output::print_json(&job)?
            } else {
                output::print(&view::summary(&job))?
            };
        }
        Verb::Events { api, id, follow } => {
            let api = target::api(home, &api)?;
            if follow { follow_events(&api, id, json).await? } else { events(&api, id, json).await? }
        }
    }
    Ok(Exit::Done)
}

async fn list(api: &Api, query: &JobQuery, json: bool) -> Result<(), Failure> {
    let page = api.jobs(query).await?;
    if json {
        output::print_json(&page)?;
        return Ok(());
    }
    output::print(&view::list(&page.jobs))?;
    if page.partial {
        output::note(
            "the origin can't be reached: the list contains only the jobs that the edge knows, in their last known state",
        );
    }
    if let Some(next) = page.next {
        output::note(&format!("there are more jobs: add --cursor {next}"));
    }
    Ok(())
}

async fn events(api: &Api, id: JobId, json: bool) -> Result<(), Failure> {
    let events = api.events(id).await?;
    if json {
        output::print_json(&EventPage { events })?;
        return Ok(());
    }
    let mut timeline = Timeline::default();
    let rows = events.iter().flat_map(|event| timeline.push(event));
    let width = output::width();
    let lines = std::iter::once(Timeline::header(width).to_owned()).chain(rows.map(|row| row.render(width)));
    output::print(&lines.collect::<Vec<_>>().join("\n"))?;
    Ok(())
}

/// Prints events as they arrive, with `--json` one document on each line.
async fn follow_events(api: &Api, id: JobId, json: bool) -> Result<(), Failure> {
    let (mut follow, mut timeline) = (api.follow(id), Timeline::default());
    let width = output::width();
    let mut has_reader = json || output::print(Timeline::header(width))?;
    while has_reader && let Some(event) = follow.next().await? {
        let rows = timeline.push(&event);
        if rows.is_empty() {
            continue;
        }
        has_reader = if json {
            output::print_json_line(&event)?
        } else {
            let rows: Vec<_> = rows.iter().map(|row| row.render(width)).collect();
            output::print(&rows.join("\n"))?
        };
    }
    Ok(())
}
