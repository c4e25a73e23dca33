//! The rule itself.

use cortex_domain::policy::{Clearance, Decision, Question};
use cortex_domain::state::Denial;

use crate::policies::Policies;

/// Decides whether what is asked may pass.
pub(crate) fn decide(policies: &Policies, question: &Question) -> Decision {
    let topic = &question.topic;
    let Some((name, rules)) = policies.rules(&question.owner.tenant) else {
        return deny("none".into(), "no policy names this tenant");
    };
    if let Some(pattern) = rules.deny.iter().find(|pattern| pattern.0.matches(topic)) {
        return deny(format!("{name}.deny[{}]", pattern.0), &format!("`{topic}` is denied to this tenant"));
    }
    for (pattern, roles) in rules.roles.iter().filter(|(pattern, _)| pattern.0.matches(topic)) {
        if !roles.iter().any(|role| question.owner.roles.contains(&role.0)) {
            let rule = format!("{name}.roles[{}]", pattern.0);
            return deny(rule, &format!("`{topic}` needs a role that this principal does not have"));
        }
    }
    match rules.allow.iter().find(|pattern| pattern.0.matches(topic)) {
        Some(pattern) => Decision::allow(Clearance {
            policy: policies.version().clone(),
            rule: format!("{name}.allow[{}]", pattern.0),
        }),
        None => deny(format!("{name}.allow"), &format!("`{topic}` is not allowed to this tenant")),
    }
}

fn deny(rule: String, reason: &str) -> Decision {
    Decision::deny(Denial { rule, reason: reason.to_owned() })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cortex_domain::id::JobId;
    use cortex_domain::job::Owner;
    use cortex_domain::pointer::{Memory, Pointer};
    use cortex_domain::policy::DecisionView;
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

    fn ask(tenant: &str, roles: &[&str], topic: &str) -> String {
        let policies = Policies::parse(POLICIES, Path::new("safety.yaml")).unwrap();
        let question = Question {
            owner: Owner {
                tenant: tenant.parse().unwrap(),
                principal: "ci".parse().unwrap(),
                roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
            },
            topic: topic.parse().unwrap(),
            context: Pointer::context(Memory::Local, JobId::mint(Timestamp::from_millis(1), [0; 10])),
            labels: vec![],
        };
        match decide(&policies, &question).view() {
            DecisionView::Allow(clearance) => format!("ALLOW {}", clearance.rule),
            DecisionView::Deny(denial) => format!("DENY {}", denial.rule),
            other => format!("{other:?}"),
        }
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
    fn a_topic_bound_to_a_role_is_denied_without_it_and_without_any() {
        assert_eq!(ask("acme", &["SRE_LEAD"], "job.k8s.ops"), "ALLOW tenants.acme.allow[job.>]");
        assert_eq!(ask("acme", &["DEV"], "job.k8s.ops"), "DENY tenants.acme.roles[job.k8s.>]");
        assert_eq!(ask("acme", &[], "job.k8s.ops"), "DENY tenants.acme.roles[job.k8s.>]");
    }
}
