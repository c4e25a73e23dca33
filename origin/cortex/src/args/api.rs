//! Which API or edge to call, and with which key.

use super::secret;

/// Where the API is and who asks.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ApiArgs {
    /// The API [default: what `cortex up` runs here]
    #[arg(long, env = "CORTEX_URL", value_name = "URL")]
    pub(crate) url: Option<String>,
    /// A file with the key to call it with [default: the development key]
    #[arg(long, env = "CORTEX_API_KEY", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    pub(crate) key: Option<String>,
}

/// The edge's admin route, which the origin's signing key opens.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct EdgeArgs {
    /// The edge [default: the one `cortex up` runs here]
    #[arg(long, env = "CORTEX_EDGE_URL", value_name = "URL")]
    pub(crate) edge_url: Option<String>,
    /// A file with the keys to sign with, `<id>:<hex>` [default: those kept in the home folder]
    #[arg(long, env = "ORIGIN_KEYS", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    pub(crate) origin_keys: Option<String>,
}
