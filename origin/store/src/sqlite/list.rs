//! Lists the jobs of a tenant. A page costs the same however many jobs the tenant has, because an
//! index holds the jobs of each state in the order of the page.

use cortex_domain::job::Job;
use cortex_domain::ports::Query;
use cortex_domain::state::StateName;
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::jobs::{records, sql_limit};

pub(super) fn list(connection: &Connection, query: &Query) -> Result<Vec<Job>, Fault> {
    let before = query.before.map_or([0xff; 16], |id| *id.as_bytes());
    let topic = query.topic.as_ref().map(|topic| topic.as_str());
    let state = query.state.map(|state| state.code());
    let params = params![query.tenant.as_str(), state, topic, before, sql_limit(query.limit)];
    records(connection, &select(query), params)
}

/// Returns the statement for a query. Without a state, it merges the jobs of every state, each of
/// which the index returns in order. A second pair of indices without the state would make that
/// simpler, but every change of a job pays for each index.
fn select(query: &Query) -> String {
    let of_topic = query.topic.as_ref().map_or("", |_| "AND topic = ?3");
    let of_state = |state: &str| {
        format!("SELECT record, id FROM jobs WHERE tenant = ?1 {of_topic} AND state = {state} AND id < ?4")
    };
    let states: Vec<String> = match query.state {
        Some(_) => vec![of_state("?2")],
        None => StateName::ALL.iter().map(|state| of_state(&state.code().to_string())).collect(),
    };
    format!("{} ORDER BY id DESC LIMIT ?5", states.join(" UNION ALL "))
}

#[cfg(test)]
mod tests {
    use cortex_domain::id::JobId;
    use cortex_domain::retention::Retention;
    use cortex_domain::time::Timestamp;

    use super::super::migrate;
    use super::*;

    fn queries() -> Vec<Query> {
        let cursor = JobId::mint(Timestamp::from_millis(1), [0; 10]);
        let mut queries = Vec::new();
        for state in [None, Some(StateName::Running)] {
            for topic in [None, Some("job.echo".parse().unwrap())] {
                for before in [None, Some(cursor)] {
                    let tenant = "acme".parse().unwrap();
                    queries.push(Query { tenant, state, topic: topic.clone(), before, limit: 51 });
                }
            }
        }
        queries
    }

    /// Returns the steps that SQLite plans for a query.
    fn plan(connection: &Connection, query: &Query) -> Vec<String> {
        let sql = format!("EXPLAIN QUERY PLAN {}", select(query));
        let mut explain = connection.prepare(&sql).unwrap();
        // The statement has the same parameters as the query, and their values don't matter.
        let params = params!["acme", 1, "job.echo", [0xff_u8; 16], 51];
        let rows = explain.query_map(params, |row| row.get(3)).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    }

    #[test]
    fn every_filter_reads_only_the_rows_of_its_page_from_an_index() {
        let connection = Connection::open_in_memory().unwrap();
        migrate::apply(&connection, 0, &Retention::default()).unwrap();
        for query in queries() {
            let plan = plan(&connection, &query);
            let index = match query.topic {
                Some(_) => {
                    "SEARCH jobs USING INDEX jobs_by_topic (tenant=? AND topic=? AND state=? AND id<?)"
                }
                None => "SEARCH jobs USING INDEX jobs_by_state (tenant=? AND state=? AND id<?)",
            };
            let searches = plan.iter().filter(|step| *step == index).count();
            assert_eq!(searches, if query.state.is_some() { 1 } else { StateName::ALL.len() }, "{plan:?}");
            let merges = |step: &str| matches!(step, "MERGE (UNION ALL)" | "LEFT" | "RIGHT");
            assert!(plan.iter().all(|step| step == index || merges(step)), "{query:?}: {plan:?}");
        }
    }
}
