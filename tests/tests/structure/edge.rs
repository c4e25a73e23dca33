//! The edge is configured twice: wrangler.toml for a deployment, edge/local for this machine. Both
//! say the same.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::graph::root;

/// Returns where the two configurations differ.
pub(crate) fn differences() -> Vec<String> {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).expect("the file is there");
    let deployed = read("wrangler.toml");
    let consumers = serde_json::from_str(&read("edge/local/consumers.json")).expect("it is JSON");
    compare(&deployed, &read("edge/local/workerd.capnp"), &consumers)
}

fn compare(deployed: &str, local: &str, consumers: &Value) -> Vec<String> {
    let (deployed, production) = deployed.split_once("[env.production]").unwrap_or((deployed, ""));
    let local = local.split("const edge :Workerd.Worker").nth(1).unwrap_or_default();
    let local = local.split("\n);").next().unwrap_or_default();
    let mut differences = Vec::new();

    let both = [
        (
            "compatibility date",
            quoted(line(deployed, "compatibility_date")),
            quoted(line(local, "compatibilityDate")),
        ),
        (
            "compatibility flags",
            quoted(line(deployed, "compatibility_flags")),
            quoted(line(local, "compatibilityFlags")),
        ),
    ];
    for (what, deployed, local) in both {
        if deployed != local {
            differences.push(format!("{what}: {deployed:?} when deployed, {local:?} on this machine"));
        }
    }

    let secrets = ["KEY_PEPPER", "EDGE_KEYS", "ORIGIN_KEYS"].map(str::to_owned);
    let mut names: Vec<_> = deployed.lines().filter_map(binding).chain(secrets).collect();
    names.sort();
    let mut known: Vec<_> =
        local.lines().filter_map(|line| line.trim().strip_prefix("(name = \"")?.split('"').next()).collect();
    // On this machine the collector of spans is behind a service, and its secret is a variable.
    known.retain(|name| !name.contains('.') && !["OTLP", "OTEL_EXPORTER_OTLP_HEADERS"].contains(name));
    known.sort_unstable();
    if names != known {
        differences.push(format!("bindings: {names:?} when deployed, {known:?} on this machine"));
    }

    differences.extend(objects(deployed, production, local));

    let deployed = queues(deployed);
    let local: BTreeMap<_, _> =
        consumers.as_object().into_iter().flatten().map(|(name, of)| (name.clone(), settings(of))).collect();
    if deployed != local {
        differences.push(format!("queues: {deployed:?} when deployed, {local:?} on this machine"));
    }
    differences
}

/// Returns where the Durable Objects differ: bound when deployed, in production, on this machine,
/// and made by a migration.
fn objects(deployed: &str, production: &str, local: &str) -> Vec<String> {
    let bound = |text: &str, mark: &str| -> BTreeMap<String, String> {
        let pairs = text.lines().filter(|line| line.contains(mark)).map(quoted);
        pairs.filter_map(|pair| Some((pair.first()?.to_string(), pair.get(1)?.to_string()))).collect()
    };
    let sections = deployed.split("[[durable_objects.bindings]]").skip(1);
    let named = sections.map(|section| (line(section, "name"), line(section, "class_name")));
    let here: BTreeMap<_, _> =
        named.map(|(name, class)| (quoted(name).concat(), quoted(class).concat())).collect();
    let mut differences = Vec::new();
    for (place, there) in [
        ("on this machine", bound(local, "durableObjectNamespace = ")),
        ("in production", bound(production, "class_name = ")),
    ] {
        // A text without a section for production is not compared. The tests below use such texts.
        if here != there && !(place == "in production" && production.is_empty()) {
            differences.push(format!("objects: {here:?} when deployed, {there:?} {place}"));
        }
    }

    let migrated = deployed.lines().filter(|line| line.starts_with("new_sqlite_classes")).flat_map(quoted);
    let defined = local
        .lines()
        .filter(|line| line.contains("className = "))
        .filter_map(|line| quoted(line).first().copied());
    let (migrated, defined) = (sorted(migrated), sorted(defined));
    let bound = sorted(here.values().map(String::as_str));
    if differences.is_empty() && (migrated != bound || defined != bound) {
        differences
            .push(format!("classes: {bound:?} bound, {migrated:?} migrated, {defined:?} on this machine"));
    }
    differences
}

fn sorted<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

fn line<'a>(text: &'a str, key: &str) -> &'a str {
    let is_key = |line: &&str| line.trim().strip_prefix(key).is_some_and(|rest| rest.trim().starts_with('='));
    text.lines().find(is_key).unwrap_or_default()
}

/// Returns the texts between quotation marks.
fn quoted(line: &str) -> Vec<&str> {
    line.split('"').skip(1).step_by(2).collect()
}

/// Returns the name of the binding or variable in a line of wrangler.toml.
fn binding(line: &str) -> Option<String> {
    let (key, value) = line.split_once(" = ")?;
    match key {
        "binding" => quoted(value).first().map(|name| (*name).to_owned()),
        // Durable Objects and the Worker itself have names too. Only names of bindings are in
        // capitals.
        "name" => quoted(value).first().filter(|name| in_capitals(name)).map(|name| (*name).to_owned()),
        key => in_capitals(key).then(|| key.to_owned()),
    }
}

fn in_capitals(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

/// Returns the batch size, batch timeout, retries and dead-letter queue of each consumer.
type Settings = [String; 4];

fn queues(deployed: &str) -> BTreeMap<String, Settings> {
    let sections = deployed.split("[[queues.consumers]]").skip(1);
    sections
        .filter_map(|section| {
            let section = section.split("\n[").next()?;
            let value = |key: &str| {
                let value = line(section, key).split_once(" = ").map_or("", |(_, value)| value);
                value.trim_matches('"').to_owned()
            };
            let keys = ["max_batch_size", "max_batch_timeout", "max_retries", "dead_letter_queue"];
            Some((value("queue"), keys.map(value)))
        })
        .collect()
}

fn settings(consumer: &Value) -> Settings {
    ["maxBatchSize", "maxBatchTimeout", "maxRetries", "deadLetterQueue"].map(|key| match &consumer[key] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    })
}

#[test]
fn a_difference_of_each_kind_is_found() {
    let deployed = "name = \"edge\"\ncompatibility_date = \"2026-01-02\"\n[vars]\nA_B = \"\"\n[[kv_namespaces]]\nbinding = \"KEYS\"\n\
        [[durable_objects.bindings]]\nname = \"ROOMS\"\nclass_name = \"Rooms\"\n[[migrations]]\nnew_sqlite_classes = [\"Rooms\"]\n\
        [[queues.consumers]]\nqueue = \"jobs\"\nmax_batch_size = 10\nmax_retries = 5\ndead_letter_queue = \"dead\"\n";
    let local = "const edge :Workerd.Worker = (\n  compatibilityDate = \"2026-01-02\",\n  bindings = [\n    (name = \"KEYS\", kvNamespace = \"KEYS\"),\n    \
        (name = \"A_B\"),\n    (name = \"EDGE_KEYS\"),\n    (name = \"KEY_PEPPER\"),\n    (name = \"ORIGIN_KEYS\"),\n    \
        (name = \"ROOMS\", durableObjectNamespace = \"Rooms\"),\n  ],\n  durableObjectNamespaces = [\n    \
        (className = \"Rooms\", enableSql = true),\n  ],\n);\n";
    let consumers =
        serde_json::json!({"jobs": {"maxBatchSize": 10, "maxRetries": 5, "deadLetterQueue": "dead"}});
    assert_eq!(compare(deployed, local, &consumers), Vec::<String>::new());
    for (from, to) in [
        ("2026-01-02", "2026-01-03"),
        ("A_B", "A_C"),
        ("\"KEYS\"", "\"KEY\""),
        ("= 5", "= 6"),
        ("dead\"", "lost\""),
        ("class_name = \"Rooms\"", "class_name = \"Halls\""),
        ("[\"Rooms\"]", "[]"),
    ] {
        assert_eq!(compare(&deployed.replace(from, to), local, &consumers).len(), 1, "{from}");
    }
    let flagged = deployed.replace("[vars]", "compatibility_flags = [\"a\"]\n[vars]");
    assert_eq!(compare(&flagged, local, &consumers).len(), 1);
    let production =
        format!("{deployed}[env.production]\n    {{ name = \"ROOMS\", class_name = \"Rooms\" }},\n");
    assert_eq!(compare(&production, local, &consumers), Vec::<String>::new());
    let forgotten = format!("{deployed}[env.production]\nname = \"edge\"\n");
    assert_eq!(compare(&forgotten, local, &consumers).len(), 1);
}
