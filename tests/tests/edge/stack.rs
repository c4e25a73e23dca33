//! An edge before an origin.

use cortex_tests::api::Api;
use cortex_tests::edge::{Edge, Secrets, Setup as EdgeSetup};
use cortex_tests::home::Home;
use cortex_tests::origin::{Origin, Setup};
use cortex_tests::ports;

/// Both, started for one test.
pub(crate) struct Stack {
    pub(crate) home: Home,
    pub(crate) setup: Setup,
    pub(crate) origin: Origin,
    pub(crate) edge: Edge,
    /// At the edge, for the tenant `acme`.
    pub(crate) api: Api,
}

impl Stack {
    /// Echo workers alone.
    pub(crate) async fn echo() -> Self {
        Self::start(Setup::echo()).await
    }

    pub(crate) async fn embed() -> Self {
        Self::start(Setup::embed()).await
    }

    async fn start(setup: Setup) -> Self {
        let home = Home::new();
        let edge_port = ports::free();
        let setup = Setup { edge_url: Some(format!("http://127.0.0.1:{edge_port}")), ..setup };
        let setup = setup.with_short_leases(&home);
        let origin = Origin::start(&home, &setup).await;
        let edge_setup = EdgeSetup {
            port: edge_port,
            topics: "job.echo,job.embed,job.k8s.ops".into(),
            ..EdgeSetup::before(&origin.api.url, Secrets::of(&home))
        };
        let edge = Edge::start(home.path(), &edge_setup).await;
        let api = edge.api("acme", "ci", &[]).await;
        Self { home, setup, origin, edge, api }
    }
}
