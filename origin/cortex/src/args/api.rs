//! The API or edge to call, and the key to call it with.

use super::secret;

/// The API to call, and the key of the caller.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ApiArgs {
    /// The address of the API [default: the CortexOS that runs on this machine]
    #[arg(long, env = "CORTEX_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// A file with the API key [default: the development key]
    #[arg(long, env = "CORTEX_API_KEY", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    pub(crate) key: Option<String>,
}

/// The edge to administer, and the signing keys of its origin.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct EdgeArgs {
    /// The address of the edge [default: the edge that runs on this machine]
    #[arg(long, env = "CORTEX_EDGE_URL", value_name = "URL")]
    pub(crate) edge_url: Option<String>,
    /// A file with the origin's signing keys, as `<id>:<hex>` [default: the keys in the home
    /// folder]
    #[arg(long, env = "ORIGIN_KEYS", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    pub(crate) origin_keys: Option<String>,
}
