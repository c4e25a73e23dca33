//! `docs/configuration/environment.md`: every environment variable that the programs read.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::commands;
use crate::generated::{check, files, read};
use crate::page::Page;

/// Variables that no flag's help names: name, default, meaning. [`Variable`]s of flags come from
/// the help texts.
const OF_CORTEX: &[[&str; 3]] = &[
    ["CORTEX_LOG", "`warn`", "The log levels of `cortex`, such as `info` or `cortex_scheduler=debug,warn`."],
    ["CORTEX_LOG_FORMAT", "`text`", "The format of the log: `text` or `json`."],
    ["HOME", "", "The folder that holds `.cortex`, if `CORTEX_HOME` is not set."],
    ["NO_COLOR", "", "Turns colours off if it is set and not empty."],
    [
        "CLICOLOR_FORCE",
        "",
        "Turns colours on, also without a terminal, if it is set and neither empty nor 0.",
    ],
    ["TERM", "", "`dumb` turns colours off."],
    ["COLUMNS", "`80`", "The width of tables if the output is not a terminal."],
];
const OF_TELEMETRY: &[[&str; 3]] = &[
    [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "The base address of a collector. Spans are sent to `v1/traces` below it. Without an endpoint, no spans are exported.",
    ],
    [
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "",
        "The full address for spans. It has precedence over `OTEL_EXPORTER_OTLP_ENDPOINT`.",
    ],
    [
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "`http/protobuf`",
        "The protocol of the export. Other values are not supported.",
    ],
    ["OTEL_EXPORTER_OTLP_HEADERS", "", "Headers of every export request: `name=value`, separated by commas."],
    [
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "`10000`",
        "The timeout of an export request in milliseconds, from 1 to 600000.",
    ],
    [
        "OTEL_TRACES_SAMPLER",
        "`parentbased_always_on`",
        "Which traces are recorded: `always_on`, `always_off`, `traceidratio` or one of these with `parentbased_` before it.",
    ],
    ["OTEL_TRACES_SAMPLER_ARG", "`1`", "The share of traces that a ratio sampler records, from 0 to 1."],
    ["OTEL_SERVICE_NAME", "the process's own name", "The `service.name` of the spans."],
    [
        "OTEL_RESOURCE_ATTRIBUTES",
        "",
        "Further attributes of the spans' resource: `name=value`, separated by commas.",
    ],
    ["OTEL_SDK_DISABLED", "`false`", "`true` disables the export."],
];
const OF_WORKER: &[[&str; 3]] = &[
    [
        "CORTEX_LINK_TOKEN",
        "required",
        "The token with which the worker joins. `cortex workers token create` prints it.",
    ],
    [
        "CORTEX_HOST_KEY",
        "",
        "The key that callers of the worker's model host must send. `--allowed-host` requires it.",
    ],
    ["CORTEX_HOME", "`~/.cortex`", "The folder that holds models and the worker's id."],
    [
        "CORTEX_LOG",
        "`info`",
        "The log levels of the worker, as for `cortex`. If it is not set, the worker reads `RUST_LOG`.",
    ],
    ["RUST_LOG", "`info`", "The log levels of the worker, if `CORTEX_LOG` is not set."],
    ["HOME", "", "The folder that holds `.cortex`, if `CORTEX_HOME` is not set."],
];
const OF_EDGE: &[[&str; 3]] = &[
    [
        "KEY_PEPPER",
        "required secret",
        "Hashes API keys: 64 hexadecimal digits or more. The origin has the same value.",
    ],
    [
        "EDGE_KEYS",
        "required secret",
        "Signs requests to the origin: `<id>:<hex>`, or two of them separated by a comma.",
    ],
    [
        "ORIGIN_KEYS",
        "required secret",
        "Verifies requests from the origin and `cortex keys`, in the same form.",
    ],
    ["ORIGIN_URL", "required", "The http or https address of the origin, usually the tunnel's."],
    [
        "CORTEX_TOPICS",
        "empty",
        "Topics that the origin serves, separated by commas. If empty, the edge checks only their syntax.",
    ],
    [
        "CORTEX_CORS_ORIGINS",
        "empty",
        "Origins of web pages that may call the edge, separated by commas. If empty, no page may.",
    ],
    [
        "CORTEX_LEDGER_LIMITS",
        "`jobs=10000,bytes=268435456,idempotency=50000,keys=10000`",
        "Limits of each tenant's ledger: jobs that wait for the origin, bytes of their bodies, remembered idempotency keys, \
         API keys. A limit that is not named keeps its default.",
    ],
];

/// Names in the sources that look like variables, and what they are.
const NOT_OURS: &[[&str; 2]] = &[
    ["LC_ALL", "passed on to programs that `cortex` starts"],
    ["LC_CTYPE", "passed on to programs that `cortex` starts"],
    ["LD_LIBRARY_PATH", "passed on to programs that `cortex` starts"],
    ["CARGO_PKG_VERSION", "read by the compiler"],
    ["OUT_DIR", "read by the compiler"],
];

/// Where variables may be read.
const READERS: [&str; 4] =
    ["origin/cortex/src/", "workers/worker/src/", "edge/src/", "proto/platform/src/telemetry/"];

/// A variable that can replace a flag.
#[derive(Debug, Default, PartialEq, Eq)]
struct Variable {
    /// The flag and the commands that have it.
    flags: BTreeMap<String, BTreeSet<String>>,
    default: Option<String>,
    meaning: String,
}

#[test]
fn the_reference_of_the_environment_is_up_to_date() {
    check(&BTreeMap::from([("docs/configuration/environment.md".to_owned(), reference())]));
}

fn reference() -> String {
    let mut page = Page::generated("Environment variables");
    page.paragraph("A flag has precedence over its variable. Both have precedence over the default.");
    page.heading(2, "Variables of flags");
    let rows: Vec<_> = variables()
        .into_iter()
        .map(|(name, variable)| {
            let flags = variable.flags.iter().map(|(flag, commands)| {
                let commands: Vec<_> = commands.iter().map(|command| format!("`{command}`")).collect();
                format!("`{flag}` of {}", commands.join(", "))
            });
            let flags = flags.collect::<Vec<_>>().join("; ");
            vec![format!("`{name}`"), flags, code(variable.default.as_deref()), variable.meaning]
        })
        .collect();
    page.table(&["variable", "flag", "default", "meaning"], &rows);
    for (title, table) in [
        ("Other variables of `cortex`", OF_CORTEX),
        ("Other variables of `cortex-worker`", OF_WORKER),
        ("Export of spans, by `cortex` and `cortex-worker`", OF_TELEMETRY),
        ("Variables and secrets of the edge", OF_EDGE),
    ] {
        page.heading(2, title);
        if title.ends_with("edge") {
            page.paragraph(
                "`wrangler.toml` sets the variables, and `wrangler secret put NAME` sets a secret. `cortex up` creates \
                 the secrets, and sets both for the edge that it starts.",
            );
        }
        let rows: Vec<_> = table
            .iter()
            .map(|[name, default, meaning]| {
                vec![format!("`{name}`"), (*default).to_owned(), (*meaning).to_owned()]
            })
            .collect();
        page.table(&["variable", "default", "meaning"], &rows);
    }
    page.text()
}

#[test]
fn no_variable_that_a_program_reads_is_left_out() {
    let page = reference();
    let known = |name: &str| {
        page.contains(&format!("| `{name}` |")) || NOT_OURS.iter().any(|[other, _]| *other == name)
    };
    let mut unknown = BTreeSet::new();
    for file in files() {
        if READERS.iter().any(|folder| file.starts_with(folder))
            && file.ends_with(".rs")
            && !file.contains("/tests")
        {
            let text = read(&file);
            let production = text.split("#[cfg(test)]\nmod ").next().unwrap();
            unknown
                .extend(names(production).filter(|name| !known(name)).map(|name| format!("{name} ({file})")));
        }
    }
    assert!(unknown.is_empty(), "environment.rs doesn't say what these variables mean: {unknown:?}");
    for [name, _] in NOT_OURS.iter().filter(|[name, _]| !["CARGO_PKG_VERSION", "OUT_DIR"].contains(name)) {
        let read_somewhere = files().iter().any(|file| {
            READERS.iter().any(|folder| file.starts_with(folder))
                && read(file).contains(&format!("\"{name}\""))
        });
        assert!(read_somewhere, "no program names {name} any more");
    }
}

/// Returns the texts of a source that look like names of variables.
fn names(source: &str) -> impl Iterator<Item = &str> {
    source.split('"').skip(1).step_by(2).filter(|text| {
        text.contains('_')
            && text.starts_with(|c: char| c.is_ascii_uppercase())
            && text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    })
}

/// Returns the variables that the help of the commands names.
fn variables() -> BTreeMap<String, Variable> {
    let mut variables = BTreeMap::<String, Variable>::new();
    for command in commands() {
        for option in options(&command.help) {
            let Some(name) = tag(&option, "env") else { continue };
            let name = name.split('=').next().unwrap().to_owned();
            let variable = variables.entry(name).or_default();
            let flag = option.split(' ').find(|word| word.starts_with("--")).unwrap().to_owned();
            let flag = flag.trim_end_matches(',').to_owned();
            variable.flags.entry(flag).or_default().insert(command.name.clone());
            variable.default = variable.default.take().or_else(|| tag(&option, "default"));
            if variable.meaning.is_empty() {
                variable.meaning = meaning(&option);
            }
        }
    }
    // A flag of every command is a flag of the program.
    for variable in variables.values_mut() {
        for commands in variable.flags.values_mut() {
            for program in ["cortex", "cortex-worker"] {
                if commands.contains(program) {
                    commands
                        .retain(|command| command == program || !command.starts_with(&format!("{program} ")));
                }
            }
        }
    }
    variables
}

/// Returns each option of a help text on one line.
fn options(help: &str) -> Vec<String> {
    let mut options: Vec<String> = Vec::new();
    let mut inside = false;
    for line in help.lines() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if text.starts_with('-') && (2..=6).contains(&indent) {
            options.push(text.to_owned());
            inside = true;
        } else if !text.is_empty() && indent < 8 {
            inside = false;
        } else if inside && !text.is_empty() {
            let option = options.last_mut().unwrap();
            // Two spaces separate the name from the help, and a wrapped line of help goes on with
            // one.
            option.push_str(if option.contains("  ") { " " } else { "  " });
            option.push_str(text);
        }
    }
    options
}

/// Returns what follows a name in square brackets: `80` of `[default: 80]`.
fn tag(option: &str, name: &str) -> Option<String> {
    let (_, rest) = option.split_once(&format!("[{name}: "))?;
    Some(rest.split(']').next()?.to_owned())
}

/// Returns the words of an option's help between its name and its tags.
fn meaning(option: &str) -> String {
    let text = option.split_once("  ").map_or("", |(_, text)| text.trim());
    let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for name in ["default", "env", "possible values"] {
        while let Some((before, after)) = text.clone().split_once(&format!("[{name}: ")) {
            let after = after.split_once(']').map_or("", |(_, after)| after);
            text = format!("{}{}", before.trim_end(), after);
        }
    }
    let text = text.trim().trim_end_matches('.').to_owned();
    if text.is_empty() { text } else { format!("{text}.") }
}

/// Marks a value as code. A default that is a description stays as it is.
fn code(value: Option<&str>) -> String {
    match value {
        None => String::new(),
        Some(value) if value.contains(' ') => value.to_owned(),
        Some(value) => format!("`{value}`"),
    }
}

#[test]
fn an_option_is_read_in_either_layout() {
    let short = "Options:\n      --url <URL>  The API [default: here] [env: CORTEX_URL=]\n  -h, --help       Print help\n";
    let long = "Options:\n      --url <URL>\n          The API\n\n          [env: CORTEX_URL=]\n          [default: here]\n\n  -h, --help\n";
    let wrapped = "Options:\n      --url <URL>  The API [default: here] [env:\n                   CORTEX_URL=]\n  -h, --help       Print help\n";
    for help in [short, long, wrapped] {
        let options = options(help);
        assert_eq!(options.len(), 2, "{options:?}");
        assert_eq!(tag(&options[0], "env").as_deref(), Some("CORTEX_URL="));
        assert_eq!(tag(&options[0], "default").as_deref(), Some("here"));
        assert_eq!(meaning(&options[0]), "The API.");
    }
    assert_eq!(names("f(\"NATS_URL\", \"plain\", \"A\")").collect::<Vec<_>>(), ["NATS_URL"]);
}
