//! `cortex workers`: the tokens by which workers of other machines join.

use std::collections::BTreeSet;

use cortex_domain::id::Pool;
use cortex_domain::time::Timestamp;
use cortex_node::{Home, KeptToken, TokenId, WorkerTokens, link_identity};
use cortex_platform::clock::Clock;
use serde::Serialize;

use crate::exit::{Exit, Failure};
use crate::output::{self, fields, table};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Tokens of workers on other machines
    #[command(subcommand)]
    Token(TokenVerb),
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum TokenVerb {
    /// Make a token for workers of some pools; it is shown once
    Create {
        /// A pool that workers with this token may join
        #[arg(long = "pool", value_name = "POOL", required = true)]
        pools: Vec<Pool>,
        /// What the token is called [default: random]
        #[arg(long, value_name = "ID")]
        name: Option<TokenId>,
    },
    /// List the tokens, which are not shown themselves
    List,
    /// Revoke a token, for good; links that it opened end within seconds
    Revoke {
        /// The token's name
        id: TokenId,
    },
}

/// `cortex workers token --json`.
#[derive(Debug, Serialize)]
struct TokenView {
    id: String,
    pools: Vec<String>,
    #[serde(with = "cortex_api::rfc3339")]
    created_at: Timestamp,
    revoked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// By what a worker knows the origin.
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
}

/// Makes, lists and revokes tokens.
///
/// # Errors
/// Returns an error if what is kept can't be used or changed.
pub(crate) fn run(home: &Home, verb: Verb, json: bool) -> Result<Exit, Failure> {
    let Verb::Token(verb) = verb;
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
                output::json(&view)?
            } else {
                output::out(&one(&view))
            };
            output::note("keep the token: it is not shown again. A worker takes it from CORTEX_LINK_TOKEN");
        }
        TokenVerb::List => {
            let views: Vec<_> = tokens.read()?.iter().map(TokenView::of).collect();
            if json {
                output::json(&serde_json::json!({ "tokens": views }))?
            } else {
                output::out(&list(&views))
            };
        }
        TokenVerb::Revoke { id } => {
            let view = TokenView::of(&tokens.revoke(&id, now)?);
            if json {
                output::json(&view)?
            } else {
                output::out(&one(&view))
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

fn one(view: &TokenView) -> String {
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
    table(["ID", "POOLS", "CREATED", "STATE"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_shown_where_it_was_made_and_not_where_it_is_listed() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(Some(folder.path().join("home"))).unwrap();
        let pools = BTreeSet::from(["chat".parse().unwrap(), "embed".parse().unwrap()]);
        let kept = WorkerTokens::of(&home).create(None, pools, Timestamp::from_millis(1)).unwrap().0;
        let view = TokenView { token: Some("cwt_secret".into()), ..TokenView::of(&kept) };
        assert!(one(&view).ends_with("token    cwt_secret"), "{}", one(&view));
        let listed = list(&[view]);
        assert!(listed.contains("chat,embed") && !listed.contains("secret"), "{listed}");
    }
}
