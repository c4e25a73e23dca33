//! Lists the jobs of a tenant. A page costs the same however many jobs have ended, because indices
//! hold the jobs of each state in the order of the page.

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

/// Returns the statement for a query. Without a state, it merges several searches, each of which
/// returns its jobs in order.
fn select(query: &Query) -> String {
    let searches = match (&query.topic, query.state) {
        (None, Some(_)) => vec![search("state = ?2")],
        (None, None) => StateName::ALL.iter().map(|state| search(&of_state(*state))).collect(),
        (Some(_), Some(state)) if state.is_terminal() => {
            vec![search("topic = ?3 AND open = 0 AND state = ?2")]
        }
        // This reads the open jobs of that state until the page is full. They are few beside those
        // that have ended.
        (Some(_), Some(_)) => vec![search("state = ?2 AND topic = ?3")],
        (Some(_), None) => {
            let terminal = StateName::ALL.iter().filter(|state| state.is_terminal());
            let ended = |state| search(&format!("topic = ?3 AND open = 0 AND {}", of_state(state)));
            terminal.map(|state| ended(*state)).chain([search("topic = ?3 AND open = 1")]).collect()
        }
    };
    format!("{} ORDER BY id DESC LIMIT ?5", searches.join(" UNION ALL "))
}

fn search(filter: &str) -> String {
    format!("SELECT record, id FROM jobs WHERE tenant = ?1 AND {filter} AND id < ?4")
}

fn of_state(state: StateName) -> String {
    format!("state = {}", state.code())
}

#[cfg(test)]
mod tests {
    use cortex_domain::retention::Retention;

    use super::super::migrate;
    use super::*;

    const BY_STATE: &str = "SEARCH jobs USING INDEX jobs_by_state (tenant=? AND state=? AND id<?)";
    const ENDED: &str = "SEARCH jobs USING INDEX ended_by_topic (tenant=? AND topic=? AND state=? AND id<?)";
    const OPEN: &str = "SEARCH jobs USING INDEX open_by_topic (tenant=? AND topic=? AND id<?)";

    fn query(state: Option<StateName>, topic: Option<&str>) -> Query {
        let topic = topic.map(|topic| topic.parse().unwrap());
        Query { tenant: "acme".parse().unwrap(), state, topic, before: None, limit: 51 }
    }

    /// Returns the searches that SQLite plans for a query. They may be merged, but not sorted.
    fn searches(connection: &Connection, query: &Query) -> Vec<String> {
        let sql = format!("EXPLAIN QUERY PLAN {}", select(query));
        let mut explain = connection.prepare(&sql).unwrap();
        // The statement has the same parameters as the query, and their values don't matter.
        let params = params!["acme", 1, "job.echo", [0xff_u8; 16], 51];
        let rows = explain.query_map(params, |row| row.get(3)).unwrap();
        let mut steps: Vec<String> = rows.collect::<rusqlite::Result<_>>().unwrap();
        steps.retain(|step| !matches!(step.as_str(), "MERGE (UNION ALL)" | "LEFT" | "RIGHT"));
        steps
    }

    #[test]
    fn every_filter_searches_an_index_in_the_order_of_the_page() {
        let connection = Connection::open_in_memory().unwrap();
        migrate::apply(&connection, 0, &Retention::default()).unwrap();
        let all = StateName::ALL.len();
        let terminal = StateName::ALL.iter().filter(|state| state.is_terminal()).count();
        let topic = Some("job.echo");
        assert_eq!(searches(&connection, &query(None, None)), vec![BY_STATE; all]);
        let any = searches(&connection, &query(None, topic));
        assert_eq!(any, [vec![ENDED; terminal], vec![OPEN]].concat());
        for state in StateName::ALL {
            assert_eq!(searches(&connection, &query(Some(*state), None)), [BY_STATE]);
            let expected = if state.is_terminal() { ENDED } else { BY_STATE };
            assert_eq!(searches(&connection, &query(Some(*state), topic)), [expected]);
        }
    }
}
