//! The workspace keeps its shape: who may depend on whom, and what production code may not say.

#[path = "structure/circles.rs"]
mod circles;
#[path = "structure/edge.rs"]
mod edge;
#[path = "structure/graph.rs"]
mod graph;
#[path = "structure/source.rs"]
mod source;

use graph::{Dependency, Graph, Package};
use source::Source;

#[test]
fn dependencies_point_one_way() {
    assert_eq!(Graph::of_workspace().violations(), Vec::<String>::new());
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    let without: Vec<_> = Graph::of_workspace()
        .packages
        .into_iter()
        .filter(|package| !package.manifest.contains("[lints]\nworkspace = true"))
        .map(|package| package.folder)
        .collect();
    assert_eq!(without, Vec::<String>::new());
}

#[test]
fn the_source_keeps_the_house_rules() {
    let sources = Source::of_workspace();
    assert!(sources.iter().any(|source| source.path == "proto/domain/src/policy.rs"), "found the sources");
    let violations: Vec<_> = sources.iter().flat_map(Source::violations).collect();
    assert_eq!(violations, Vec::<String>::new());
}

#[test]
fn modules_have_no_new_import_circles() {
    let crates: Vec<_> = Graph::of_workspace().packages.into_iter().map(|package| package.folder).collect();
    assert_eq!(circles::new_ones(&Source::of_workspace(), &crates), Vec::<String>::new());
}

#[test]
fn a_timeout_with_a_vague_name_is_found() {
    for name in ["PATIENCE", "GRACE", "LAST_WORDS", "LOOK_AGAIN"] {
        let line = format!("const {name}: Duration = Duration::from_secs(1);\n");
        assert_eq!(
            Source::new("origin/gateway/src/serve.rs", &line).violations(),
            [format!("origin/gateway/src/serve.rs:1 names a time `{name}`, not what waits for it")]
        );
    }
    let named = "const HEAD_TIMEOUT: Duration = Duration::from_secs(1);\n";
    assert_eq!(Source::new("origin/gateway/src/serve.rs", named).violations(), Vec::<String>::new());
}

#[test]
fn the_local_edge_is_configured_like_the_deployed_one() {
    assert_eq!(edge::differences(), Vec::<String>::new());
}

#[test]
fn each_forbidden_dependency_is_found() {
    for (from, to) in [
        ("proto/domain", "proto/guard"),
        ("proto/domain", "proto/config"),
        ("proto/config", "proto/domain"),
        ("proto/http1", "proto/guard"),
        ("proto/guard", "proto/wire"),
        ("proto/wire", "proto/guard"),
        ("proto/api", "proto/guard"),
        ("proto/bus", "proto/guard"),
        ("proto/platform", "proto/wire"),
        ("proto/redact", "proto/domain"),
        ("proto/models", "proto/wire"),
        ("edge", "proto/platform"),
        ("edge", "origin/gateway"),
        ("origin/gateway", "origin/store"),
        ("origin/scheduler", "workers/runtime"),
        ("origin/cortex", "workers/worker"),
        ("origin/cortex", "origin/gateway"),
        ("origin/cortex", "origin/store"),
        ("origin/client", "origin/gateway"),
        ("origin/node", "origin/client"),
        ("origin/node", "origin/cortex"),
        ("origin/gateway", "origin/node"),
        ("workers/runtime", "origin/store"),
        ("workers/runtime", "workers/inference"),
        ("workers/inference", "workers/worker"),
        ("workers/inference/tokens", "workers/runtime"),
        ("workers/inference/tokens", "workers/inference"),
        ("workers/runtime", "workers/inference/tokens"),
        ("workers/worker", "origin/cortex"),
        ("tests", "origin/cortex"),
        ("tests", "origin/node"),
        ("tests", "workers/runtime"),
        ("proto/unlisted", "proto/domain"),
        ("somewhere", "proto/domain"),
    ] {
        let graph = Graph {
            packages: vec![Package::new(from, vec![Dependency::new("to", &[])]), Package::named("to", to)],
        };
        assert_eq!(graph.violations(), [format!("{from} depends on {to}")]);
    }
}

#[test]
fn protobuf_outside_wire_is_found() {
    for name in ["prost", "prost-types", "tonic-prost", "tonic-prost-build"] {
        let graph =
            Graph { packages: vec![Package::new("origin/gateway", vec![Dependency::new(name, &[])])] };
        assert_eq!(
            graph.violations(),
            [format!("origin/gateway names {name}, which only proto/wire and proto/otlp may")]
        );
    }
}

#[test]
fn a_native_feature_at_the_edge_is_found() {
    for (name, folder, feature) in
        [("cortex-wire", "proto/wire", "grpc"), ("cortex-api", "proto/api", "schema")]
    {
        let graph = Graph {
            packages: vec![
                Package::new("edge", vec![Dependency::new(name, &[feature])]),
                Package::named(name, folder),
            ],
        };
        assert_eq!(graph.violations(), [format!("edge takes {name} with {feature}")]);
    }
}

#[test]
fn no_shipped_program_contains_the_writer_of_the_openapi_document() {
    for (package, target) in [
        ("cortex-edge", &["--target", "wasm32-unknown-unknown"] as &[_]),
        ("cortex", &[]),
        ("cortex-worker", &[]),
    ] {
        let crates = graph::built_with(package, target);
        assert!(crates.iter().any(|name| name == "cortex-api"), "{package}: {crates:?}");
        assert!(!crates.iter().any(|name| name == "schemars"), "{package} is built with schemars");
    }
}

#[test]
fn a_subject_that_is_made_of_a_text_outside_the_bus_is_found() {
    let line = "let subject = filter.received(&text)?;\n";
    assert_eq!(
        Source::new("workers/runtime/src/run.rs", line).violations(),
        ["workers/runtime/src/run.rs:1 makes a subject of a received text"]
    );
    assert_eq!(Source::new("proto/bus/src/nats.rs", line).violations(), Vec::<String>::new());
}

#[test]
fn an_allowing_decision_outside_the_kernel_is_found() {
    let line = "let decision = Decision::allow(clearance);\n";
    assert_eq!(
        Source::new("origin/scheduler/src/place.rs", line).violations(),
        ["origin/scheduler/src/place.rs:1 makes an allowing decision"]
    );
    for path in
        ["origin/safety/src/rules.rs", "proto/wire/src/decision.rs", "proto/domain/src/policy/tests.rs"]
    {
        assert_eq!(Source::new(path, line).violations(), Vec::<String>::new());
    }
    let tested = format!("fn production() {{}}\n\n#[cfg(test)]\nmod tests {{\n{line}}}\n");
    assert_eq!(Source::new("proto/domain/src/flow.rs", &tested).violations(), Vec::<String>::new());
    assert_eq!(
        Source::new("origin/gateway/src/jobs.rs", &tested).violations(),
        ["origin/gateway/src/jobs.rs:5 makes an allowing decision"]
    );
}

#[test]
fn a_topic_in_a_literal_is_found() {
    let line = "let topic = \"job.embed\".parse();\n";
    assert_eq!(
        Source::new("origin/gateway/src/jobs.rs", line).violations(),
        ["origin/gateway/src/jobs.rs:1 writes the topic `job.embed` out"]
    );
    for path in ["proto/domain/src/topics.rs", "origin/gateway/src/jobs/tests.rs"] {
        assert_eq!(Source::new(path, line).violations(), Vec::<String>::new());
    }
}

#[test]
fn trusting_a_body_outside_the_guard_is_found() {
    let line = "let asked = CreateJob::parse(Checked::trust(&body), &topics);\n";
    assert_eq!(
        Source::new("origin/gateway/src/jobs.rs", line).violations(),
        ["origin/gateway/src/jobs.rs:1 trusts a body that it did not check"]
    );
    assert_eq!(Source::new("proto/guard/src/precheck/mod.rs", line).violations(), Vec::<String>::new());
}

#[test]
fn reading_the_environment_outside_the_configuration_is_found() {
    let line = "let url = std::env::var(\"NATS_URL\");\n";
    assert_eq!(
        Source::new("origin/store/src/lib.rs", line).violations(),
        ["origin/store/src/lib.rs:1 reads the environment"]
    );
    for path in [
        "origin/cortex/src/config.rs",
        "origin/cortex/src/config/env.rs",
        "workers/worker/src/config.rs",
        "proto/wire/build.rs",
        "tests/src/edge.rs",
        "origin/store/tests/contract.rs",
    ] {
        assert_eq!(Source::new(path, line).violations(), Vec::<String>::new());
    }
}

#[test]
fn a_long_file_is_found() {
    let long = "fn f() {}\n".repeat(501);
    assert_eq!(
        Source::new("origin/store/src/sqlite.rs", &long).violations(),
        ["origin/store/src/sqlite.rs has 501 production lines, more than 500"]
    );
    let tested =
        format!("{}#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(500), "// line\n".repeat(500));
    assert_eq!(Source::new("origin/store/src/sqlite.rs", &tested).violations(), Vec::<String>::new());
}
