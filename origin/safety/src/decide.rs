//! The decision rule.

use cortex_config::Parsed;
use cortex_domain::id::Role;
use cortex_domain::policy::{Clearance, Decision, PolicyRequest};
use cortex_domain::state::Denial;
use cortex_domain::topic::Topic;

use crate::policies::Policies;

/// Topics that change state which all tenants share. A policy that allows such a topic only by a
/// wildcard does not mean it, so the topic needs a role that the policy binds to it by name.
const SHARED_STATE_TOPICS: [&str; 4] = ["job.model.", "job.k8s.", "job.policy.", "job.keys."];

/// Decides whether a request may run.
pub(crate) fn decide(policies: &Policies, request: &PolicyRequest) -> Decision {
    let (topic, tenant) = (&request.topic, &request.owner.tenant);
    let Some((name, rules)) = policies.rules(tenant) else {
        return deny(
            "tenants".into(),
            &format!(
                "no policy applies to the tenant `{tenant}` (expected an entry under `tenants`, or `default`)"
            ),
        );
    };
    if let Some(pattern) = rules.deny.iter().find(|pattern| pattern.0.matches(topic)) {
        return deny(format!("{name}.deny[{}]", pattern.0), &format!("`{topic}` is denied for this tenant"));
    }
    for (pattern, roles) in rules.roles.iter().filter(|(pattern, _)| pattern.0.matches(topic)) {
        if !roles.iter().any(|role| request.owner.roles.contains(&role.0)) {
            let rule = format!("{name}.roles[{}]", pattern.0);
            return deny(rule, &missing_role(topic, roles));
        }
    }
    if let Some(shared) = SHARED_STATE_TOPICS.iter().find(|shared| topic.as_str().starts_with(**shared))
        && !rules
            .roles
            .keys()
            .any(|pattern| pattern.0.as_str().starts_with(shared) && pattern.0.matches(topic))
    {
        let reason = format!(
            "`{topic}` changes state that all tenants share, but the policies bind no role to it (expected an entry for \
             `{shared}*` under `roles`)"
        );
        return deny(format!("{name}.roles"), &reason);
    }
    match rules.allow.iter().find(|pattern| pattern.0.matches(topic)) {
        Some(pattern) => Decision::allow(Clearance {
            policy: policies.version().clone(),
            rule: format!("{name}.allow[{}]", pattern.0),
        }),
        None => deny(format!("{name}.allow"), &format!("`{topic}` is not allowed for this tenant")),
    }
}

fn missing_role(topic: &Topic, roles: &[Parsed<Role>]) -> String {
    if roles.is_empty() {
        return format!("`{topic}` requires a role, but the policies list no role for it");
    }
    let names: Vec<String> = roles.iter().map(|role| format!("`{}`", role.0)).collect();
    format!("`{topic}` requires the role {}, which this principal does not have", names.join(" or "))
}

fn deny(rule: String, reason: &str) -> Decision {
    Decision::deny(Denial { rule, reason: reason.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cortex_domain::id::JobId;
    use cortex_domain::job::Owner;
    use std::collections::BTreeMap;

    use cortex_domain::pointer::{Memory, Pointer};
    use cortex_domain::policy::DecisionView;
    use cortex_domain::state::Attempt;
    use cortex_domain::time::Timestamp;

    use super::*;

    const POLICIES: &str = r#"
default:
  allow: ["job.echo"]
tenants:
  acme:
    allow: ["job.>"]
    deny: ["job.repo.*"]
    roles:
      job.k8s.>: [SRE_LEAD]
"#;

    fn request(tenant: &str, roles: &[&str], topic: &str) -> PolicyRequest {
        PolicyRequest {
            owner: Owner {
                tenant: tenant.parse().unwrap(),
                principal: "ci".parse().unwrap(),
                roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
            },
            topic: topic.parse().unwrap(),
            job: JobId::mint(Timestamp::from_millis(1), [0; 10]),
            attempt: Attempt(1),
            model: None,
            context: Pointer::context(Memory::Local, JobId::mint(Timestamp::from_millis(1), [0; 10])),
            labels: BTreeMap::new(),
            traceparent: None,
            content: None,
            estimate: Default::default(),
            approvals: Vec::new(),
        }
    }

    fn ask(tenant: &str, roles: &[&str], topic: &str) -> String {
        let policies = Policies::parse(POLICIES, Path::new("safety.yaml")).unwrap();
        described(decide(&policies, &request(tenant, roles, topic))).0
    }

    /// Returns the decision with its rule, and the reason of a denial.
    fn described(decision: Decision) -> (String, String) {
        match decision.view() {
            DecisionView::Allow(clearance) => (format!("ALLOW {}", clearance.rule), String::new()),
            DecisionView::Deny(denial) => (format!("DENY {}", denial.rule), denial.reason.clone()),
            other => (format!("{other:?}"), String::new()),
        }
    }

    fn decided(policies: &str, tenant: &str, roles: &[&str], topic: &str) -> (String, String) {
        let policies = Policies::parse(policies, Path::new("safety.yaml")).unwrap();
        described(decide(&policies, &request(tenant, roles, topic)))
    }

    #[test]
    fn a_tenants_own_rules_go_before_the_default() {
        assert_eq!(ask("acme", &[], "job.embed"), "ALLOW tenants.acme.allow[job.>]");
        assert_eq!(ask("other", &[], "job.echo"), "ALLOW default.allow[job.echo]");
        assert_eq!(ask("other", &[], "job.embed"), "DENY default.allow");
    }

    #[test]
    fn deny_goes_before_allow() {
        assert_eq!(ask("acme", &[], "job.repo.scan"), "DENY tenants.acme.deny[job.repo.*]");
    }

    #[test]
    fn a_topic_bound_to_a_role_is_denied_without_that_role() {
        assert_eq!(ask("acme", &["SRE_LEAD"], "job.k8s.ops"), "ALLOW tenants.acme.allow[job.>]");
        assert_eq!(ask("acme", &["DEV"], "job.k8s.ops"), "DENY tenants.acme.roles[job.k8s.>]");
        assert_eq!(ask("acme", &[], "job.k8s.ops"), "DENY tenants.acme.roles[job.k8s.>]");
    }

    #[test]
    fn a_refusal_names_the_role_that_is_missing() {
        let (rule, reason) = decided(POLICIES, "acme", &["DEV"], "job.k8s.ops");
        assert_eq!(rule, "DENY tenants.acme.roles[job.k8s.>]");
        assert_eq!(reason, "`job.k8s.ops` requires the role `SRE_LEAD`, which this principal does not have");
    }

    #[test]
    fn a_topic_that_changes_shared_state_is_denied_unless_a_role_is_bound_to_it_by_name() {
        for policies in [
            "default: { allow: [\"job.>\"] }",
            "default: { allow: [\"job.model.unload\", \"job.k8s.ops\"] }",
            // A role that may submit any job is not meant to change models.
            "default: { allow: [\"job.>\"], roles: { \"job.>\": [member] } }",
            "default: { allow: [\"job.>\"], roles: { \"job.*.*\": [member] } }",
            "default: { allow: [\"job.>\"], roles: { job.model.list: [member] } }",
        ] {
            for topic in ["job.model.unload", "job.model.load", "job.k8s.ops"] {
                let (rule, reason) = decided(policies, "x", &["member"], topic);
                assert_eq!(rule, "DENY default.roles", "{policies}: {topic}");
                assert!(reason.contains("bind no role to it"), "{reason}");
            }
        }
        let bound = "default: { allow: [\"job.>\"], roles: { job.model.*: [model-admin] } }";
        assert_eq!(decided(bound, "x", &["model-admin"], "job.model.load").0, "ALLOW default.allow[job.>]");
        assert_eq!(decided(bound, "x", &[], "job.model.load").0, "DENY default.roles[job.model.*]");
    }

    #[test]
    fn the_policies_that_are_shipped_name_their_tenant_and_deny_all_others() {
        let shipped = include_str!("../../../deploy/config/safety.yaml");
        let (rule, reason) = decided(shipped, "stranger", &["model-admin"], "job.echo");
        assert_eq!(rule, "DENY tenants");
        assert!(reason.contains("`stranger`"), "{reason}");
        for (roles, topic, rule) in [
            (&[][..], "job.echo", "ALLOW tenants.dev.allow[job.>]"),
            (&[], "job.chat.simple", "ALLOW tenants.dev.allow[job.>]"),
            (&[], "job.model.unload", "DENY tenants.dev.roles[job.model.*]"),
            (&["model-admin"], "job.model.load", "ALLOW tenants.dev.allow[job.>]"),
            (&["model-admin"], "job.k8s.ops", "DENY tenants.dev.deny[job.k8s.*]"),
        ] {
            assert_eq!(decided(shipped, "dev", roles, topic).0, rule, "{topic}");
        }
    }
}
