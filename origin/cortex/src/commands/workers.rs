//! `cortex workers`: the connected workers, the tokens with which workers on other machines connect,
//! and the users of workers on the servers.

mod permissions;

use std::collections::BTreeSet;

use cortex_api::WorkerPage;
use cortex_client::Api;
use cortex_domain::id::Pool;
use cortex_domain::time::Timestamp;
use cortex_node::{Home, KeptToken, Secrets, TokenId, WorkerTokens, link_identity};
use cortex_platform::clock::Clock;
use serde::Serialize;

use crate::args::secret;
use crate::commands::status;
use crate::exit::{Exit, Failure};
use crate::output::{self, Column, fields, table};
use crate::running::Running;
use crate::target;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// List the workers that are connected to the origin on this machine
    List {
        /// A file with the origin's local key, if `cortex up` was started with one [default: the
        /// key in the home folder]
        #[arg(long, env = "API_KEY", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
        api_key: Option<String>,
    },
    /// Create, list and revoke the tokens of workers on other machines
    #[command(subcommand)]
    Token(TokenVerb),
    /// Print the users with the least rights for a worker that uses NATS and Redis itself
    Permissions(permissions::Args),
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum TokenVerb {
    /// Create a token, which is shown only once
    Create {
        /// A pool that workers with the token may join; repeat the option for several
        #[arg(long = "pool", value_name = "POOL", required = true)]
        pools: Vec<Pool>,
        /// The name of the token [default: random]
        #[arg(long, value_name = "ID")]
        name: Option<TokenId>,
    },
    /// List the tokens by name, without their secrets
    List,
    /// Revoke a token permanently; its workers are disconnected within seconds
    Revoke {
        /// The name of the token
        id: TokenId,
    },
}

/// A token, as `--json` prints it.
#[derive(Debug, Serialize)]
struct TokenView {
    id: String,
    pools: Vec<String>,
    #[serde(with = "cortex_api::rfc3339")]
    created_at: Timestamp,
    revoked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// The fingerprint of the origin's certificate, which a worker checks.
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
}

/// Lists workers, and creates, lists and revokes tokens.
///
/// # Errors
/// Returns an error if the origin can't be reached, or if the tokens file can't be used or changed.
pub(crate) async fn run(home: &Home, verb: Verb, json: bool) -> Result<Exit, Failure> {
    match verb {
        Verb::List { api_key } => list_workers(home, api_key, json).await,
        Verb::Token(verb) => run_token(home, verb, json),
        Verb::Permissions(args) => permissions::run(&args, json),
    }
}

async fn list_workers(home: &Home, key: Option<String>, json: bool) -> Result<Exit, Failure> {
    // Only the origin knows the workers.
    let running = Running::read(home).ok_or_else(target::not_running)?;
    let key = key.map_or_else(|| Secrets::open(home).map(|secrets| secrets.api_key), Ok)?;
    let workers = Api::new(&running.origin, &key)?.workers().await?;
    if json {
        output::print_json(&WorkerPage { workers })?;
    } else {
        output::print(&status::workers(&workers))?;
    }
    Ok(Exit::Done)
}

fn run_token(home: &Home, verb: TokenVerb, json: bool) -> Result<Exit, Failure> {
    let (tokens, now) = (WorkerTokens::of(home), Clock::system().now());
    match verb {
        TokenVerb::Create { pools, name } => {
            let fingerprint = link_identity(home)?.fingerprint();
            let (kept, text) = tokens.create(name, BTreeSet::from_iter(pools), now)?;
            let view = TokenView {
                token: Some(text),
                fingerprint: Some(fingerprint.to_string()),
                ..TokenView::of(&kept)
            };
            if json {
                output::print_json(&view)?
            } else {
                output::print(&details(&view))?
            };
            output::note(
                "store the token now: it is not shown again. A worker reads it from CORTEX_LINK_TOKEN",
            );
        }
        TokenVerb::List => {
            let views: Vec<_> = tokens.read()?.iter().map(TokenView::of).collect();
            if json {
                output::print_json(&serde_json::json!({ "tokens": views }))?
            } else {
                output::print(&list(&views))?
            };
        }
        TokenVerb::Revoke { id } => {
            let view = TokenView::of(&tokens.revoke(&id, now)?);
            if json {
                output::print_json(&view)?
            } else {
                output::print(&details(&view))?
            };
        }
    }
    Ok(Exit::Done)
}

impl TokenView {
    fn of(token: &KeptToken) -> Self {
        Self {
            id: token.id.to_string(),
            pools: token.pools.iter().map(ToString::to_string).collect(),
            created_at: token.created_at,
            revoked: token.revoked_at.is_some(),
            token: None,
            fingerprint: None,
        }
    }

    fn state(&self) -> String {
        if self.revoked { "revoked" } else { "live" }.into()
    }
}

fn details(view: &TokenView) -> String {
    let mut lines = vec![
        ("id", view.id.clone()),
        ("pools", view.pools.join(",")),
        ("created", view.created_at.to_string()),
        ("state", view.state()),
    ];
    if let Some(fingerprint) = &view.fingerprint {
        lines.push(("certificate", fingerprint.clone()));
    }
    if let Some(token) = &view.token {
        lines.push(("token", token.clone()));
    }
    fields(lines)
}

fn list(views: &[TokenView]) -> String {
    let rows = views
        .iter()
        .map(|view| [view.id.clone(), view.pools.join(","), view.created_at.to_string(), view.state()]);
    let columns =
        [Column::fixed("ID"), Column::text("POOLS"), Column::optional("CREATED", 1), Column::fixed("STATE")];
    table(columns, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_when_it_is_created_and_not_in_the_list() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(Some(folder.path().join("home"))).unwrap();
        let pools = BTreeSet::from(["chat".parse().unwrap(), "embed".parse().unwrap()]);
        let kept = WorkerTokens::of(&home).create(None, pools, Timestamp::from_millis(1)).unwrap().0;
        let view = TokenView { token: Some("cwt_secret".into()), ..TokenView::of(&kept) };
        assert!(details(&view).ends_with("token    cwt_secret"), "{}", details(&view));
        let listed = list(&[view]);
        assert!(listed.contains("chat,embed") && !listed.contains("secret"), "{listed}");
    }
}
