//! The roles of one process, and which of them can run together.

use std::fmt;
use std::str::FromStr;

use crate::config::{BusName, Config, SafetyConfig, StoreName};

/// A role of the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Serves the HTTP and gRPC APIs.
    Gateway,
    /// Places jobs on workers and serves the workers' link.
    Scheduler,
    /// Runs the safety kernel.
    Safety,
}

impl Role {
    pub const ALL: [Self; 3] = [Self::Gateway, Self::Scheduler, Self::Safety];

    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Scheduler => "scheduler",
            Self::Safety => "safety",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The roles of one process, such as `gateway,scheduler`. `all` names every role. There is at least
/// one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles(Vec<Role>);

/// What the roles of a process form together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Gateway, scheduler or both, with the safety kernel in this process or a remote one.
    Node,
    /// The safety kernel alone, for nodes that use it remotely.
    Kernel,
}

/// Why roles can't run together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RolesError {
    #[error("`{0}` is not a role (expected gateway, scheduler, safety or all)")]
    Unknown(String),
    #[error(
        "`{role}` without `{missing}` needs a bus and a store that both processes reach, but this one uses {engines}: set \
         NATS_URL, and REDIS_URL or DATABASE_URL, or run both roles in one process with `cortex serve gateway,scheduler`"
    )]
    Split { role: Role, missing: Role, engines: String },
    #[error(
        "the role `safety` runs in this process, but --safety-kernel names another kernel at \
            {0}: remove the role or the address"
    )]
    TwoKernels(String),
    #[error("the role `safety` does nothing beside `gateway` alone: the scheduler asks the safety kernel")]
    UnusedKernel,
    #[error("the role `safety` alone is not a node: run it with `cortex safety`, or add `gateway,scheduler`")]
    NoNode,
    #[error("the role `gateway` needs the sockets of its APIs")]
    NoSockets,
}

impl Roles {
    /// Returns every role, as `cortex up` runs them.
    #[must_use]
    pub fn all() -> Self {
        Self(Role::ALL.into())
    }

    /// Returns the roles of a node with a remote safety kernel, or with its own.
    #[must_use]
    pub fn of_node(safety: &SafetyConfig) -> Self {
        match safety {
            SafetyConfig::Local(_) => Self::all(),
            SafetyConfig::Remote(_) => Self(vec![Role::Gateway, Role::Scheduler]),
        }
    }

    #[must_use]
    pub fn has(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// Returns what these roles form in one process.
    #[must_use]
    pub fn plan(&self) -> Plan {
        if self.has(Role::Gateway) || self.has(Role::Scheduler) { Plan::Node } else { Plan::Kernel }
    }

    /// Checks that these roles form a node that fits its configuration.
    pub(crate) fn check(&self, config: &Config) -> Result<(), RolesError> {
        let split = match (self.has(Role::Gateway), self.has(Role::Scheduler)) {
            (true, true) => None,
            (true, false) => Some((Role::Gateway, Role::Scheduler)),
            (false, true) => Some((Role::Scheduler, Role::Gateway)),
            (false, false) => return Err(RolesError::NoNode),
        };
        let (store, bus) = (config.store.engine.name(), config.bus.name());
        match (split, &config.safety) {
            (Some((role, missing)), _) if store == StoreName::Sqlite || bus == BusName::Embedded => {
                let engines = format!("the bus {bus} and the store {store}");
                Err(RolesError::Split { role, missing, engines })
            }
            (_, SafetyConfig::Remote(address)) if self.has(Role::Safety) => {
                Err(RolesError::TwoKernels(address.clone()))
            }
            (Some((Role::Gateway, _)), _) if self.has(Role::Safety) => Err(RolesError::UnusedKernel),
            _ => Ok(()),
        }
    }
}

impl FromStr for Roles {
    type Err = RolesError;

    fn from_str(text: &str) -> Result<Self, RolesError> {
        if text.trim() == "all" {
            return Ok(Self::all());
        }
        let role = |name: &str| {
            let name = name.trim();
            let known = Role::ALL.into_iter().find(|role| role.name() == name);
            known.ok_or_else(|| RolesError::Unknown(name.to_owned()))
        };
        let mut roles = text.split(',').map(role).collect::<Result<Vec<_>, _>>()?;
        roles.sort_unstable();
        roles.dedup();
        Ok(Self(roles))
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, role) in self.0.iter().enumerate() {
            if n > 0 {
                f.write_str(",")?;
            }
            role.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{BusEngine, Files, NatsServer, Operator, StoreEngine};

    fn config() -> Config {
        Config::load(&Files::default(), None, Operator::of_tests()).unwrap()
    }

    fn on_servers() -> Config {
        let mut config = config();
        config.bus = BusEngine::Nats(NatsServer::default());
        config.store.engine = StoreEngine::Redis("redis://h".into());
        config
    }

    fn check(text: &str, config: &Config) -> Result<(), RolesError> {
        text.parse::<Roles>()?.check(config)
    }

    #[test]
    fn gateway_and_scheduler_run_together_anywhere_and_apart_on_servers() {
        for together in ["all", "gateway,scheduler", "scheduler, gateway", "safety,gateway,scheduler"] {
            assert_eq!(check(together, &config()), Ok(()), "{together}");
            assert_eq!(together.parse::<Roles>().unwrap().plan(), Plan::Node);
        }
        for apart in ["gateway", "scheduler", "scheduler,safety"] {
            assert_eq!(check(apart, &on_servers()), Ok(()), "{apart}");
        }
        assert_eq!("safety".parse::<Roles>().unwrap().plan(), Plan::Kernel);
    }

    #[test]
    fn a_role_alone_is_rejected_unless_bus_and_store_reach_the_other_one() {
        for (alone, role, missing) in [
            ("gateway", Role::Gateway, Role::Scheduler),
            ("scheduler", Role::Scheduler, Role::Gateway),
            ("gateway,safety", Role::Gateway, Role::Scheduler),
        ] {
            let engines = "the bus embedded and the store sqlite".to_owned();
            let error = check(alone, &config()).unwrap_err();
            assert_eq!(error, RolesError::Split { role, missing, engines }, "{alone}");
            for half in [
                Config { bus: BusEngine::Embedded, ..on_servers() },
                Config { store: config().store, ..on_servers() },
            ] {
                assert!(matches!(check(alone, &half), Err(RolesError::Split { .. })), "{alone}");
            }
        }
    }

    #[test]
    fn a_node_has_one_safety_kernel() {
        let safety = SafetyConfig::Remote("127.0.0.1:1".into());
        let remote = Config { safety, ..config() };
        assert_eq!(check("all", &remote), Err(RolesError::TwoKernels("127.0.0.1:1".into())));
        assert_eq!(Roles::of_node(&remote.safety).check(&remote), Ok(()));
        assert_eq!(check("safety", &remote), Err(RolesError::NoNode));
        assert_eq!(check("gateway,safety", &on_servers()), Err(RolesError::UnusedKernel));
    }

    #[test]
    fn an_unknown_role_is_named() {
        for (text, unknown) in [("", ""), ("gateway,agent", "agent"), ("all,gateway", "all")] {
            assert_eq!(text.parse::<Roles>(), Err(RolesError::Unknown(unknown.into())), "{text:?}");
        }
    }

    #[test]
    fn roles_are_sorted_and_unique() {
        let roles: Roles = "scheduler,gateway,scheduler".parse().unwrap();
        assert_eq!(roles.to_string(), "gateway,scheduler");
        assert_eq!(Roles::all().to_string(), "gateway,scheduler,safety");
    }
}
