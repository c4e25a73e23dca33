//! The roles of one process, and which of them can run together.

use std::fmt;
use std::str::FromStr;

use crate::config::SafetyConfig;

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
    /// Gateway and scheduler, with the safety kernel in this process or a remote one.
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
        "`{role}` can't run without `{missing}`: this version runs both in one process, with every store and bus. Run them \
         together with `cortex serve all`, `cortex serve gateway,scheduler` or `cortex up`"
    )]
    Split { role: Role, missing: Role },
    #[error(
        "the role `safety` runs in this process, but --safety-kernel names another kernel at \
            {0}: remove the role or the address"
    )]
    TwoKernels(String),
    #[error("the role `safety` alone is not a node: run it with `cortex safety`, or add `gateway,scheduler`")]
    NoNode,
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
    ///
    /// # Errors
    /// Returns an error if a role is missing that another one needs.
    pub fn plan(&self) -> Result<Plan, RolesError> {
        match (self.has(Role::Gateway), self.has(Role::Scheduler)) {
            (true, true) => Ok(Plan::Node),
            (true, false) => Err(RolesError::Split { role: Role::Gateway, missing: Role::Scheduler }),
            (false, true) => Err(RolesError::Split { role: Role::Scheduler, missing: Role::Gateway }),
            (false, false) => Ok(Plan::Kernel),
        }
    }
}

impl Roles {
    /// Checks that these roles form a node that matches the place of its safety kernel.
    pub(crate) fn check(&self, safety: &SafetyConfig) -> Result<(), RolesError> {
        match (self.plan()?, safety) {
            (Plan::Kernel, _) => Err(RolesError::NoNode),
            (Plan::Node, SafetyConfig::Remote(address)) if self.has(Role::Safety) => {
                Err(RolesError::TwoKernels(address.clone()))
            }
            (Plan::Node, _) => Ok(()),
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

    fn plan(text: &str) -> Result<Plan, RolesError> {
        text.parse::<Roles>()?.plan()
    }

    #[test]
    fn gateway_and_scheduler_run_together_and_safety_with_them_or_alone() {
        for together in ["all", "gateway,scheduler", "scheduler, gateway", "safety,gateway,scheduler"] {
            assert_eq!(plan(together), Ok(Plan::Node), "{together}");
        }
        assert_eq!(plan("safety"), Ok(Plan::Kernel));
    }

    #[test]
    fn a_role_without_a_required_one_is_rejected_with_advice() {
        for (alone, role, missing) in [
            ("gateway", Role::Gateway, Role::Scheduler),
            ("scheduler", Role::Scheduler, Role::Gateway),
            ("gateway,safety", Role::Gateway, Role::Scheduler),
        ] {
            let error = plan(alone).unwrap_err();
            assert_eq!(error, RolesError::Split { role, missing }, "{alone}");
            let text = error.to_string();
            assert!(text.contains("cortex serve all"), "{text}");
        }
    }

    #[test]
    fn a_node_has_one_safety_kernel() {
        let remote = SafetyConfig::Remote("127.0.0.1:1".into());
        assert_eq!(Roles::all().check(&remote), Err(RolesError::TwoKernels("127.0.0.1:1".into())));
        assert_eq!(Roles::of_node(&remote).check(&remote), Ok(()));
        assert_eq!("safety".parse::<Roles>().unwrap().check(&remote), Err(RolesError::NoNode));
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
