//! The command that runs workerd.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The address of the Worker's origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin(SocketAddr);

impl Origin {
    /// Returns the address of an origin that listens on `address`. An unspecified address becomes
    /// loopback.
    #[must_use]
    pub fn listening_on(address: SocketAddr) -> Self {
        let ip = match address.ip() {
            ip if !ip.is_unspecified() => ip,
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        Self(SocketAddr::new(ip, address.port()))
    }
}

/// The Worker's variables. wrangler.toml describes each.
#[derive(Clone, PartialEq, Eq)]
pub struct Variables {
    pub key_pepper: String,
    pub edge_keys: String,
    pub origin_keys: String,
    pub topics: String,
    pub cors_origins: String,
    pub ledger_limits: String,
    pub tracing: Tracing,
}

/// Where the Worker sends its spans. Without an endpoint it sends none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Tracing {
    /// `host:port` of a collector that speaks OTLP over plain HTTP, and the path before
    /// `/v1/traces`.
    pub collector: Option<(String, String)>,
    /// `OTEL_EXPORTER_OTLP_HEADERS`, which may hold a token.
    pub headers: String,
    /// `OTEL_TRACES_SAMPLER_ARG`.
    pub ratio: String,
}

impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Variables(topics: {})", self.topics)
    }
}

impl std::fmt::Debug for Tracing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tracing(ratio: {})", self.ratio)
    }
}

/// The settings for running the Worker.
#[derive(Clone, Debug)]
pub struct Worker {
    /// The project's folder.
    pub root: PathBuf,
    /// The Unix socket for [`crate::relay`].
    pub socket: PathBuf,
    pub origin: Origin,
    /// The folder of the Worker's data.
    pub state: PathBuf,
    pub variables: Variables,
}

impl Worker {
    /// Returns the first missing part of the Worker in a project's folder, if any.
    #[must_use]
    pub fn missing(root: &Path) -> Option<&'static str> {
        let parts = ["node_modules/workerd", "node_modules/miniflare", "edge/build/index_bg.wasm"];
        parts.into_iter().find(|part| !root.join(part).exists())
    }

    /// Returns the command that runs the Worker until its standard input ends.
    #[must_use]
    pub fn command(&self) -> Command {
        self.command_with(&self.root.join("edge/local/workerd.capnp"), &[])
    }

    /// Returns a command like [`Worker::command`], with the caller's configuration and options for
    /// workerd.
    #[must_use]
    pub fn command_with(&self, config: &Path, options: &[String]) -> Command {
        // workerd gets none of this process's variables, so the path of the shell is absolute and
        // the shell finds its tools by its default path.
        let mut command = Command::new("/bin/sh");
        command.arg(self.root.join("edge/local/serve.sh")).arg(config).arg(&self.socket);
        command.arg(self.origin.0.to_string()).arg(&self.state).args(options);
        let Variables { key_pepper, edge_keys, origin_keys, topics, cors_origins, ledger_limits, tracing } =
            &self.variables;
        command.current_dir(&self.root).env_clear();
        command.env("KEY_PEPPER", key_pepper).env("EDGE_KEYS", edge_keys).env("ORIGIN_KEYS", origin_keys);
        command.env("CORTEX_TOPICS", topics).env("CORTEX_CORS_ORIGINS", cors_origins);
        command.env("CORTEX_LEDGER_LIMITS", ledger_limits);
        let collector = tracing.collector.as_ref();
        if let Some((address, _)) = collector {
            command.arg(format!("--external-addr=otlp={address}"));
        }
        let endpoint = collector.map(|(address, path)| format!("http://{address}{path}")).unwrap_or_default();
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
        command.env("OTEL_EXPORTER_OTLP_HEADERS", &tracing.headers);
        command.env("OTEL_TRACES_SAMPLER_ARG", &tracing.ratio);
        // workerd.capnp sends every request of the Worker to the origin, so the host does not
        // matter.
        command.env("ORIGIN_URL", "http://origin");
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_that_listens_everywhere_is_reached_on_loopback() {
        for (listens, reached) in
            [("0.0.0.0:8080", "127.0.0.1:8080"), ("[::]:1", "[::1]:1"), ("10.1.2.3:9", "10.1.2.3:9")]
        {
            assert_eq!(Origin::listening_on(listens.parse().unwrap()).0.to_string(), reached);
        }
    }

    #[test]
    fn arguments_contain_no_secret_and_the_environment_is_not_inherited() {
        let secret = || "secret".to_owned();
        let worker = Worker {
            root: "/project".into(),
            socket: "/run/edge.sock".into(),
            origin: Origin::listening_on("127.0.0.1:8080".parse().unwrap()),
            state: "/home/state".into(),
            variables: Variables {
                key_pepper: secret(),
                edge_keys: secret(),
                origin_keys: secret(),
                topics: String::new(),
                cors_origins: String::new(),
                ledger_limits: String::new(),
                tracing: Tracing { headers: secret(), ..Tracing::default() },
            },
        };
        let command = worker.command();
        assert!(!command.get_args().any(|argument| argument.to_string_lossy().contains("secret")));
        let names: Vec<_> = command.get_envs().map(|(name, _)| name.to_string_lossy()).collect();
        let ours = [
            "CORTEX_CORS_ORIGINS",
            "CORTEX_LEDGER_LIMITS",
            "CORTEX_TOPICS",
            "EDGE_KEYS",
            "KEY_PEPPER",
            "ORIGIN_KEYS",
            "ORIGIN_URL",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "OTEL_EXPORTER_OTLP_HEADERS",
            "OTEL_TRACES_SAMPLER_ARG",
        ];
        assert_eq!(names, ours);
        assert!(!format!("{worker:?}").contains("secret"));
    }
}
