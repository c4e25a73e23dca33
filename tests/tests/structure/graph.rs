//! The crates of the workspace and which of them may depend on which.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Crates that the Worker must not contain: the gRPC stack, and the writer of the OpenAPI document.
const NATIVE_FEATURES: [&str; 2] = ["grpc", "schema"];

#[derive(Debug)]
pub(crate) struct Graph {
    pub(crate) packages: Vec<Package>,
}

#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Relative to the workspace: `proto/domain`.
    pub(crate) folder: String,
    pub(crate) manifest: String,
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) features: Vec<String>,
}

impl Graph {
    pub(crate) fn of_workspace() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--no-deps", "--locked", "--offline"])
            .current_dir(root())
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
        Self { packages: array(&metadata["packages"]).iter().map(Package::from_metadata).collect() }
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.packages.iter().flat_map(|package| self.violations_of(package)).collect()
    }

    fn violations_of(&self, package: &Package) -> Vec<String> {
        let from = package.folder.as_str();
        let mut found = Vec::new();
        for Dependency { name, features } in &package.dependencies {
            // proto/otlp has OpenTelemetry's messages and no type of the domain. Tests read them.
            if names_protobuf(name) && !["proto/wire", "proto/otlp", "tests"].contains(&from) {
                found.push(format!("{from} names {name}, which only proto/wire and proto/otlp may"));
            }
            for feature in NATIVE_FEATURES {
                if from == "edge" && features.iter().any(|taken| taken == feature) {
                    found.push(format!("edge takes {name} with {feature}"));
                }
            }
            let ours = self.packages.iter().find(|other| other.name == *name);
            if let Some(to) = ours.map(|other| other.folder.as_str())
                && !may_depend(from, to)
            {
                found.push(format!("{from} depends on {to}"));
            }
        }
        found
    }
}

/// The dependency rules, for normal, build and development dependencies alike.
fn may_depend(from: &str, to: &str) -> bool {
    let proto = to.starts_with("proto/");
    // Only tests start servers.
    if to == "tests/servers" {
        return ["origin/store", "proto/bus", "tests"].contains(&from);
    }
    match from {
        "proto/domain" | "proto/config" | "proto/http1" | "proto/otlp" | "proto/redact" => false,
        // Its tests enable the writer of the OpenAPI document.
        "proto/api" => ["proto/api", "proto/domain", "proto/redact"].contains(&to),
        "proto/guard" => ["proto/api", "proto/domain", "proto/redact"].contains(&to),
        "proto/wire" => to == "proto/domain",
        "proto/platform" => ["proto/domain", "proto/otlp"].contains(&to),
        // Its tests enable the contract.
        "proto/bus" => ["proto/bus", "proto/domain", "proto/platform", "proto/wire"].contains(&to),
        "proto/link" => ["proto/bus", "proto/domain", "proto/platform", "proto/wire"].contains(&to),
        "proto/models" => ["proto/domain", "proto/config"].contains(&to),
        "edge" => ["proto/api", "proto/domain", "proto/guard", "proto/otlp", "proto/redact", "proto/wire"]
            .contains(&to),
        "edge/local" => ["proto/api", "proto/domain", "proto/guard", "proto/http1"].contains(&to),
        // It wires the crates of the origin, which know each other by the traits of the domain
        // alone.
        "origin/node" => {
            // Its tests enable the writer of the schemas.
            proto || (to.starts_with("origin/") && !["origin/client", "origin/cortex"].contains(&to))
        }
        "origin/cortex" => proto || ["edge/local", "origin/client", "origin/node"].contains(&to),
        "tests" => proto || ["edge/local", "origin/client"].contains(&to),
        "workers/runtime" => proto,
        "workers/worker" => proto || to.starts_with("workers/"),
        // The crates of inference may depend on each other, but not on the run loop.
        _ if from.starts_with("workers/inference/") => proto || to.starts_with("workers/inference/"),
        "workers/inference" => proto || to == "workers/runtime" || to.starts_with("workers/inference/"),
        _ if from.starts_with("origin/") => proto,
        _ if from.starts_with("workers/") => proto || to == "workers/runtime",
        _ => false,
    }
}

fn names_protobuf(name: &str) -> bool {
    ["prost", "tonic-prost"].iter().any(|family| name == *family || name.starts_with(&format!("{family}-")))
}

impl Package {
    pub(crate) fn new(folder: &str, dependencies: Vec<Dependency>) -> Self {
        Self { dependencies, ..Self::named("from", folder) }
    }

    pub(crate) fn named(name: &str, folder: &str) -> Self {
        Self { name: name.into(), folder: folder.into(), manifest: String::new(), dependencies: Vec::new() }
    }

    fn from_metadata(package: &Value) -> Self {
        let manifest = Path::new(text(&package["manifest_path"]));
        let folder = manifest.parent().expect("a manifest lies in a folder");
        Self {
            name: text(&package["name"]).into(),
            folder: folder.strip_prefix(root()).expect("inside the workspace").display().to_string(),
            manifest: std::fs::read_to_string(manifest).expect("cargo just read it"),
            dependencies: array(&package["dependencies"]).iter().map(Dependency::from_metadata).collect(),
        }
    }
}

impl Dependency {
    pub(crate) fn new(name: &str, features: &[&str]) -> Self {
        Self { name: name.into(), features: features.iter().map(|&feature| feature.into()).collect() }
    }

    fn from_metadata(dependency: &Value) -> Self {
        let features: Vec<_> = array(&dependency["features"]).iter().map(text).collect();
        Self::new(text(&dependency["name"]), &features)
    }
}

/// Returns the crates that a workspace crate is built with for a target, without its tests.
pub(crate) fn built_with(package: &str, target: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", package, "-e", "normal,build", "--prefix", "none", "--format", "{p}"])
        .args(target)
        .args(["--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).expect("cargo tree prints UTF-8");
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace")
}

fn array(value: &Value) -> &[Value] {
    value.as_array().expect("an array in cargo metadata")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string in cargo metadata")
}
