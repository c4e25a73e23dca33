//! The arguments of `cortex up`.

use std::net::IpAddr;

use cortex_domain::id::{ModelName, Tenant};
use cortex_guard::cors::Origins;
use cortex_guard::loopback::AllowedHost;

use super::{ChatModel, ChatWorkerArgs};
use crate::args::{ConfigArgs, secret};
use crate::config;

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Component {
    Edge,
    Workers,
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,

    /// Leave a part out
    #[arg(long, value_enum, value_name = "COMPONENT")]
    pub(crate) without: Vec<Component>,

    /// The address the origin listens on: loopback, since a tunnel carries what comes from outside
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) listen: IpAddr,

    /// The port of the origin's API
    #[arg(long, env = config::API_PORT.env, default_value_t = config::API_PORT.default, value_name = "PORT")]
    pub(crate) api_port: u16,

    /// The port of the gRPC door for callers on this machine; 0 leaves it out
    #[arg(long, env = config::GRPC_PORT.env, default_value_t = config::GRPC_PORT.default, value_name = "PORT")]
    pub(crate) grpc_port: u16,

    /// The port of the edge
    #[arg(long, env = config::EDGE_PORT.env, default_value_t = config::EDGE_PORT.default, value_name = "PORT")]
    pub(crate) edge_port: u16,

    /// The origins whose web pages may call the edge, separated by commas, as in `https://app.example.com`; empty for none
    #[arg(long, env = "CORTEX_CORS_ORIGINS", default_value = "", value_name = "ORIGINS")]
    pub(crate) cors_origins: Origins,

    /// A name by which others may reach the doors on loopback, such as host.docker.internal; model hosts then ask every
    /// caller for the local key (API_KEY)
    #[arg(long = "allowed-host", value_name = "HOST")]
    pub(crate) allowed_hosts: Vec<AllowedHost>,

    /// The port of the model host (/health, /embed), on loopback and ungoverned; 0 leaves it out
    #[arg(long, env = config::HOST_PORT.env, default_value_t = config::HOST_PORT.default, value_name = "PORT")]
    pub(crate) host_port: u16,

    /// The port of the chat models' host (/chat, OpenAI's routes), on loopback and ungoverned; 0 leaves it out
    #[arg(long, env = config::CHAT_PORT.env, default_value_t = config::CHAT_PORT.default, value_name = "PORT")]
    pub(crate) chat_port: u16,

    /// An edge elsewhere that is told where jobs stand, instead of the one started here
    #[arg(long, env = "CORTEX_EDGE_URL", value_name = "URL")]
    pub(crate) edge_url: Option<String>,

    /// How many workers of each kind, as in echo=1,embed=1,chat=1
    #[arg(long, value_delimiter = ',', default_value = "echo=1,embed=1,chat=1", value_name = "KIND=N")]
    pub(crate) workers: Vec<String>,

    /// The model that embeds
    #[arg(long, env = config::EMBEDDINGS_MODEL.env, default_value = config::EMBEDDINGS_MODEL.default, value_name = "NAME")]
    pub(crate) embeddings_model: ModelName,

    /// The model that chats, loaded at the start; others are loaded when they are asked for. auto takes the largest that
    /// fits and can be had
    #[arg(long, env = "CHAT_MODEL", default_value = "auto", value_name = "NAME")]
    pub(crate) chat_model: ChatModel,

    /// A file with the key of local callers of the origin [default: one that is made and kept]
    #[arg(long, env = "API_KEY", hide_env_values = true, value_name = "@FILE", value_parser = secret::read)]
    pub(crate) api_key: Option<String>,

    /// Whose the local callers' jobs are, and the development key's
    #[arg(long, env = "TENANT_ID", default_value = "dev", value_name = "TENANT")]
    pub(crate) tenant: Tenant,

    #[command(flatten, next_help_heading = "Chat workers")]
    pub(crate) chat_workers: ChatWorkerArgs,
}

impl UpArgs {
    /// Returns whether a part is to run here.
    #[must_use]
    pub(crate) fn with(&self, component: Component) -> bool {
        !self.without.contains(&component)
    }
}
