//! An edge in front of an origin.

use crate::api::Api;
use crate::edge::{Edge, Secrets, Setup as EdgeSetup};
use crate::home::Home;
use crate::origin::{Origin, Setup};
use crate::ports;

/// An edge and an origin for one test.
#[derive(Debug)]
pub struct Stack {
    pub home: Home,
    pub setup: Setup,
    pub origin: Origin,
    pub edge: Edge,
    /// The API at the edge, for the tenant `acme`.
    pub api: Api,
}

impl Stack {
    /// Starts echo workers only.
    pub async fn echo() -> Self {
        Self::start(Setup::echo()).await
    }

    pub async fn embed() -> Self {
        Self::start(Setup::embed()).await
    }

    /// Starts a chat worker with the small model.
    pub async fn chat() -> Self {
        Self::start(Setup::chat()).await
    }

    /// Starts echo workers that also answer chats and completions.
    pub async fn echoed_texts() -> Self {
        let home = Home::new();
        let setup = Setup::echo().with_echoed_texts(&home);
        Self::start_in(home, setup).await
    }

    pub async fn start(setup: Setup) -> Self {
        Self::start_in(Home::new(), setup).await
    }

    async fn start_in(home: Home, setup: Setup) -> Self {
        let edge_port = ports::free();
        let setup = Setup { edge_url: Some(format!("http://127.0.0.1:{edge_port}")), ..setup };
        let setup = setup.with_short_leases(&home).with_tenant(&home, "acme");
        let origin = Origin::start(&home, &setup).await;
        let edge_setup = EdgeSetup {
            port: edge_port,
            topics: "job.echo,job.embed,job.chat.simple,job.complete,job.k8s.ops,job.report".into(),
            ..EdgeSetup::before(&origin.api.url, Secrets::of(&home))
        };
        let edge = Edge::start(home.path(), &edge_setup).await;
        let api = edge.api("acme", "ci", &[]).await;
        Self { home, setup, origin, edge, api }
    }
}
