//! What the server says about itself: whether it can be used, and what it may lose.

use std::collections::HashMap;

use crate::server::{Durability, Risk, ServerError};

/// The oldest version that checks scripts before they start.
const LEAST_VERSION: &str = "7.0";
const LEAST_MAJOR: u32 = 7;

/// The settings that decide whether the server keeps what it has confirmed.
pub(super) const SETTINGS: [&str; 4] =
    ["appendonly", "appendfsync", "no-appendfsync-on-rewrite", "maxmemory-policy"];

/// Checks the text of `INFO`.
///
/// # Errors
/// Returns an error if the server is too old, a replica or a node of a cluster.
pub(super) fn check(info: &str, server: &str) -> Result<(), ServerError> {
    let server = server.to_owned();
    let field = |name: &str| {
        info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':')).map(str::to_owned)
    };
    if field("cluster_enabled").as_deref() == Some("1") || field("redis_mode").as_deref() == Some("cluster") {
        return Err(ServerError::Cluster { server });
    }
    if field("role").is_some_and(|role| role != "master") {
        return Err(ServerError::ReadOnly { server });
    }
    // Valkey also reports the version of Redis that it is compatible with.
    let found = field("redis_version").unwrap_or_else(|| "unknown".into());
    let major = found.split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < LEAST_MAJOR) {
        return Err(ServerError::Version { server, found, least: LEAST_VERSION });
    }
    Ok(())
}

/// Returns what the server may lose with these settings.
pub(super) fn durability(settings: &HashMap<String, String>) -> Durability {
    let checks: [(&str, &str, &str, &'static str, &'static str); 4] = [
        ("appendonly", "yes", "no", "every write since its last snapshot", "appendonly yes"),
        ("appendfsync", "always", "everysec", "the writes of the last second", "appendfsync always"),
        (
            "no-appendfsync-on-rewrite",
            "no",
            "no",
            "writes that it confirms while it rewrites its file",
            "no-appendfsync-on-rewrite no",
        ),
        (
            "maxmemory-policy",
            "noeviction",
            "noeviction",
            "any key when its memory is full",
            "maxmemory-policy noeviction",
        ),
    ];
    let mut risks = Vec::new();
    for (name, safe, default, loses, instead) in checks {
        let value = settings.get(name).map_or(default, String::as_str);
        // Without the file, how it is flushed says nothing.
        let matters = name != "appendfsync" || settings.get("appendonly").is_none_or(|file| file == "yes");
        if value != safe && matters {
            risks.push(Risk { setting: format!("{name} {value}"), loses, instead });
        }
    }
    if risks.is_empty() { Durability::Flushed } else { Durability::AtRisk(risks) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_of(info: &str) -> Result<(), ServerError> {
        check(info, "here:1")
    }

    #[test]
    fn only_a_single_primary_of_a_known_version_is_used() {
        check_of("redis_version:7.0.15\r\nrole:master\r\ncluster_enabled:0\r\n").unwrap();
        let old = check_of("redis_version:6.2.1\r\nrole:master\r\n");
        assert!(matches!(old, Err(ServerError::Version { .. })), "{old:?}");
        let replica = check_of("redis_version:7.2.1\r\nrole:slave\r\n");
        assert!(matches!(replica, Err(ServerError::ReadOnly { .. })), "{replica:?}");
        let cluster = check_of("redis_version:7.2.1\r\nrole:master\r\ncluster_enabled:1\r\n");
        assert!(matches!(cluster, Err(ServerError::Cluster { .. })), "{cluster:?}");
    }

    #[test]
    fn each_unsafe_setting_is_a_risk() {
        let of = |changed: &str, value: &str| {
            let safe = [
                ("appendonly", "yes"),
                ("appendfsync", "always"),
                ("no-appendfsync-on-rewrite", "no"),
                ("maxmemory-policy", "noeviction"),
            ];
            let mut settings: HashMap<String, String> =
                safe.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            settings.insert(changed.into(), value.into());
            match durability(&settings) {
                Durability::AtRisk(risks) => risks.into_iter().map(|risk| risk.setting).collect(),
                other => {
                    assert_eq!(other, Durability::Flushed);
                    Vec::new()
                }
            }
        };
        assert_eq!(of("appendonly", "yes"), [""; 0]);
        for (name, value) in [
            ("appendonly", "no"),
            ("appendfsync", "everysec"),
            ("no-appendfsync-on-rewrite", "yes"),
            ("maxmemory-policy", "allkeys-lru"),
        ] {
            assert_eq!(of(name, value), [format!("{name} {value}")]);
        }
    }
}
