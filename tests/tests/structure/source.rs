//! Patterns that production code must not contain.

use std::fs;
use std::path::Path;

use cortex_domain::topic::Topic;

use crate::graph::{Graph, root};

const MAX_LINES: usize = 500;
/// Names of timeouts that don't say what waits.
const VAGUE_NAMES: [&str; 12] = [
    "PATIENCE",
    "GREETING",
    "FAREWELL",
    "LAST_WORDS",
    "LOOK_AGAIN",
    "LOOK",
    "SOON",
    "LATER",
    "GRACE",
    "UNSURE",
    "STEADY",
    "ABANDONED",
];

#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the workspace: `proto/domain/src/job.rs`.
    pub(crate) path: String,
    text: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    pub(crate) fn of_workspace() -> Vec<Self> {
        let mut found = Vec::new();
        for package in Graph::of_workspace().packages {
            gather(&root().join(package.folder), &mut found);
        }
        found
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        let path = &self.path;
        let production = self.production_lines();
        let mut found = Vec::new();
        if production > MAX_LINES {
            found.push(format!("{path} has {production} production lines, more than {MAX_LINES}"));
        }
        for (at, line) in
            self.text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            let tested = at >= production;
            let number = at + 1;
            if line.contains("Decision::allow(") && !self.may_allow(tested) {
                found.push(format!("{path}:{number} makes an allowing decision"));
            }
            if let Some(topic) = self.topic_by_its_text(line).filter(|_| !tested) {
                found.push(format!("{path}:{number} writes the topic `{topic}` out"));
            }
            if let Some(name) =
                VAGUE_NAMES.iter().find(|name| line.contains(&format!("const {name}: "))).filter(|_| !tested)
            {
                found.push(format!("{path}:{number} names a time `{name}`, not what waits for it"));
            }
            if line.contains("Checked::trust(") && !tested && !self.may_trust_a_body() {
                found.push(format!("{path}:{number} trusts a body that it did not check"));
            }
            // Only the origin sends to a worker, by an assignment that was cleared.
            if line.contains(".received(&") && !tested && !path.starts_with("proto/bus/src/nats") {
                found.push(format!("{path}:{number} makes a subject of a received text"));
            }
            if line.contains("env::var") && !tested && !self.may_read_the_environment() {
                found.push(format!("{path}:{number} reads the environment"));
            }
        }
        found
    }

    /// Returns the text before the tests, without comments.
    pub(crate) fn production(&self) -> String {
        let lines = self.text.lines().take(self.production_lines());
        lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
    }

    /// Returns the number of lines before the tests. A test file has no such lines.
    fn production_lines(&self) -> usize {
        if self.is_test() {
            return 0;
        }
        let lines: Vec<_> = self.text.lines().collect();
        let tests = lines.windows(2).position(|pair| {
            pair[0] == "#[cfg(test)]" && pair[1].trim_start_matches("pub(super) ").starts_with("mod ")
        });
        tests.unwrap_or(lines.len())
    }

    fn is_test(&self) -> bool {
        self.path.split('/').any(|part| ["tests", "tests.rs", "benches", "examples"].contains(&part))
    }

    /// Returns whether this is the kernel, the decoder of its answers, or a test of the domain.
    fn may_allow(&self, tested: bool) -> bool {
        ["origin/safety/", "proto/wire/", "tests/"].iter().any(|folder| self.path.starts_with(folder))
            || (tested && self.path.starts_with("proto/domain/"))
    }

    /// Returns a known topic in a line of Rust outside the list of topics.
    fn topic_by_its_text(&self, line: &str) -> Option<String> {
        let names_them = self.path == "proto/domain/src/topics.rs";
        let written = |topic: &Topic| line.contains(&format!("\"{topic}\""));
        cortex_domain::topics::ALL.iter().find(|topic| !names_them && written(topic)).map(Topic::to_string)
    }

    /// Returns whether this is the guard, or code that reads an admitted body.
    fn may_trust_a_body(&self) -> bool {
        ["proto/api/", "proto/guard/", "workers/inference/"]
            .iter()
            .any(|folder| self.path.starts_with(folder))
    }

    fn may_read_the_environment(&self) -> bool {
        // `program.rs` chooses what children inherit.
        ["origin/cortex/src/config", "origin/cortex/src/program.rs", "workers/worker/src/config"]
            .iter()
            .any(|of| self.path.starts_with(of))
            || self.path.ends_with("/build.rs")
    }
}

fn gather(folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            gather(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let relative = path.strip_prefix(root()).expect("inside the workspace").display().to_string();
            let text = fs::read_to_string(&path).expect("source is UTF-8");
            found.push(Source { path: relative, text });
        }
    }
}
