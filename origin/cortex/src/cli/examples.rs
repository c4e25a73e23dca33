//! Two examples for the help of every command. A test parses each of them with the real parser.

use std::fmt::Write;

use clap::Command;

/// What an example does, and its command line.
type Example = (&'static str, &'static str);

/// The examples of each command, named by its path below `cortex`.
pub(super) const EXAMPLES: [(&str, [Example; 2]); 41] = [
    (
        "",
        [
            ("Start everything on this machine", "cortex up"),
            (
                "Submit a job and wait for its result",
                "cortex submit job.echo '{\"hello\": \"world\"}' --wait 10",
            ),
        ],
    ),
    (
        "up",
        [
            ("Start the edge, the origin and one worker of each kind", "cortex up"),
            (
                "Start the origin with two embedding workers, without an edge",
                "cortex up --without edge --workers embed=2",
            ),
        ],
    ),
    (
        "demo",
        [
            ("Run the demo on free ports", "cortex demo"),
            ("Use another chat model", "cortex demo --chat-model SmolLM2-135M-Instruct-Q4_1"),
        ],
    ),
    (
        "serve",
        [
            ("Run every role in one process", "cortex serve all"),
            (
                "Accept workers of other machines, with the safety kernel in a separate process",
                "cortex serve gateway,scheduler --safety-kernel 127.0.0.1:50051 --link-listen 0.0.0.0:50053",
            ),
        ],
    ),
    (
        "safety",
        [
            ("Run the safety kernel with the built-in policy", "cortex safety"),
            ("Use a policy file and another port", "cortex safety --safety policy.yaml --port 50061"),
        ],
    ),
    (
        "submit",
        [
            (
                "Submit a job and wait for its result",
                "cortex submit job.echo '{\"hello\": \"world\"}' --wait 10",
            ),
            (
                "Read the input from a file, and label the job",
                "cortex submit job.embed @texts.json --label team=search",
            ),
        ],
    ),
    (
        "chat",
        [
            ("Hold a conversation", "cortex chat"),
            ("Ask one question about a text", "cat notes.txt | cortex chat - --system 'Summarise the text.'"),
        ],
    ),
    (
        "jobs",
        [
            ("List the newest jobs", "cortex jobs list"),
            ("Follow a job to its end", "cortex jobs events 019a9ff0-0000-7000-8000-000000000001 --follow"),
        ],
    ),
    (
        "jobs list",
        [
            ("List jobs that failed", "cortex jobs list --state FAILED"),
            (
                "Print the ids of a topic's jobs",
                "cortex jobs list --topic job.embed --json | jq -r '.jobs[].id'",
            ),
        ],
    ),
    (
        "jobs get",
        [
            ("Show a job", "cortex jobs get 019a9ff0-0000-7000-8000-000000000001"),
            ("Print its result", "cortex jobs get 019a9ff0-0000-7000-8000-000000000001 --json | jq .result"),
        ],
    ),
    (
        "jobs cancel",
        [
            ("Cancel a job", "cortex jobs cancel 019a9ff0-0000-7000-8000-000000000001"),
            (
                "Print the cancelled job as JSON",
                "cortex jobs cancel 019a9ff0-0000-7000-8000-000000000001 --json",
            ),
        ],
    ),
    (
        "jobs events",
        [
            ("Show the events so far", "cortex jobs events 019a9ff0-0000-7000-8000-000000000001"),
            ("Follow the job to its end", "cortex jobs events 019a9ff0-0000-7000-8000-000000000001 --follow"),
        ],
    ),
    (
        "status",
        [
            ("Show what runs", "cortex status"),
            ("Print the address of the edge's port", "cortex status --json | jq .ports.edge"),
        ],
    ),
    (
        "health",
        [
            ("Check every component", "cortex health"),
            ("Check in a script, by the exit code", "cortex health --json"),
        ],
    ),
    (
        "doctor",
        [
            ("Check this machine", "cortex doctor"),
            (
                "Print the checks that failed",
                "cortex doctor --json | jq '.checks[] | select(.outcome == \"fail\")'",
            ),
        ],
    ),
    (
        "keys",
        [
            ("Create a key for a person", "cortex keys create --principal alice"),
            ("List the keys of the tenant `dev`", "cortex keys list"),
        ],
    ),
    (
        "keys create",
        [
            ("Create a key for a person", "cortex keys create --principal alice"),
            (
                "Create a key of another tenant, with roles",
                "cortex keys create --tenant acme --principal ci --roles model-admin",
            ),
        ],
    ),
    (
        "keys list",
        [
            ("List the keys of the tenant `dev`", "cortex keys list"),
            ("List the keys of another tenant", "cortex keys list --tenant acme"),
        ],
    ),
    (
        "keys revoke",
        [
            ("Revoke a key", "cortex keys revoke abcdefghijkl"),
            ("Revoke a key of another tenant", "cortex keys revoke abcdefghijkl --tenant acme"),
        ],
    ),
    (
        "models",
        [
            ("List the models", "cortex models list"),
            ("Download a model", "cortex models pull all-MiniLM-L6-v2"),
        ],
    ),
    (
        "models pull",
        [
            ("Download the embedding model of `cortex up`", "cortex models pull"),
            ("Download a chat model", "cortex models pull SmolLM2-135M-Instruct-Q4_1"),
        ],
    ),
    (
        "models list",
        [
            ("List the models", "cortex models list"),
            (
                "Print the names of the installed ones",
                "cortex models list --json | jq -r '.models[] | select(.installed).name'",
            ),
        ],
    ),
    (
        "models load",
        [
            ("Load a model before its first request", "cortex models load cortex-small"),
            ("Print the finished job as JSON", "cortex models load cortex-small --json"),
        ],
    ),
    (
        "models unload",
        [
            ("Free the memory of a model", "cortex models unload cortex-small"),
            ("Print the finished job as JSON", "cortex models unload cortex-small --json"),
        ],
    ),
    (
        "models verify",
        [
            ("Verify every installed model", "cortex models verify"),
            ("Verify one model", "cortex models verify all-MiniLM-L6-v2"),
        ],
    ),
    (
        "workers",
        [
            ("List the connected workers", "cortex workers list"),
            ("Create a token for a worker on another machine", "cortex workers token create --pool embed"),
        ],
    ),
    (
        "workers list",
        [
            ("List the connected workers", "cortex workers list"),
            ("Print the ids of the workers", "cortex workers list --json | jq -r '.workers[].id'"),
        ],
    ),
    (
        "workers permissions",
        [
            (
                "Print the NATS user of a worker, and create its nkey",
                "cortex workers permissions --worker gpu-1 --pool chat --bus nats --nats-nkey gpu-1.nk",
            ),
            (
                "Print the command that creates the worker's user in Redis",
                "cortex workers permissions --worker gpu-1 --pool chat --store redis --redis-password gpu-1.password",
            ),
        ],
    ),
    (
        "workers token",
        [
            ("Create a token for a worker on another machine", "cortex workers token create --pool embed"),
            ("List the tokens", "cortex workers token list"),
        ],
    ),
    (
        "workers token create",
        [
            ("Create a token for one pool", "cortex workers token create --pool embed"),
            (
                "Create a named token for two pools",
                "cortex workers token create --pool embed --pool chat --name gpu-box",
            ),
        ],
    ),
    (
        "workers token list",
        [
            ("List the tokens", "cortex workers token list"),
            ("Print the names of the tokens", "cortex workers token list --json | jq -r '.tokens[].id'"),
        ],
    ),
    (
        "workers token revoke",
        [
            ("Revoke a token", "cortex workers token revoke gpu-box"),
            ("Print the revoked token as JSON", "cortex workers token revoke gpu-box --json"),
        ],
    ),
    (
        "store",
        [
            ("Check the store, also while it is in use", "cortex store verify"),
            ("Copy the store to a file", "cortex store backup ~/cortex-backup.db"),
        ],
    ),
    (
        "store verify",
        [
            ("Check the store in the home folder", "cortex store verify"),
            ("Print the findings as JSON", "cortex store verify --json | jq -r '.findings[]'"),
        ],
    ),
    (
        "store backup",
        [
            ("Copy the store to a file", "cortex store backup ~/cortex-backup.db"),
            ("Copy the store of another home folder", "cortex store backup copy.db --home /srv/cortex"),
        ],
    ),
    (
        "store copy",
        [
            (
                "Move from SQLite to a Redis server",
                "cortex store copy --from ~/.cortex/store.db --to redis://localhost:6379",
            ),
            (
                "Copy a store on Postgres to a file",
                "cortex store copy --from postgres://user@localhost/cortex --to copy.db",
            ),
        ],
    ),
    (
        "store restore",
        [
            ("Put a copy in the place of a lost store", "cortex store restore ~/cortex-backup.db"),
            ("Restore into another home folder", "cortex store restore copy.db --home /srv/cortex"),
        ],
    ),
    (
        "store migrate",
        [
            ("Raise the schema after an update", "cortex store migrate"),
            ("Print the former schema as JSON", "cortex store migrate --json | jq .from"),
        ],
    ),
    (
        "bench",
        [
            ("Measure the small chat model", "cortex bench"),
            (
                "Measure another model with long prompts",
                "cortex bench --model SmolLM2-135M-Instruct-Q4_1 --prompts 1024 --batches 1,4",
            ),
        ],
    ),
    (
        "completions",
        [
            ("Load completions into this shell", "source <(cortex completions bash)"),
            ("Install them for zsh", "cortex completions zsh > ~/.zfunc/_cortex"),
        ],
    ),
    (
        "man",
        [
            ("Read the manual page", "cortex man | man -l -"),
            ("Write a page for every command", "cortex man ~/.local/share/man/man1"),
        ],
    ),
];

/// Adds the examples to the help of every command.
pub(super) fn with_examples(command: Command) -> Command {
    EXAMPLES.iter().fold(command, |command, (path, examples)| {
        let path: Vec<&str> = path.split(' ').filter(|name| !name.is_empty()).collect();
        add(command, &path, examples)
    })
}

fn add(command: Command, path: &[&str], examples: &[Example; 2]) -> Command {
    match path {
        [] => {
            let text = text(&command, examples);
            let text = match command.get_after_help() {
                Some(more) => format!("{text}\n\n{more}"),
                None => text,
            };
            command.after_help(text)
        }
        [name, below @ ..] => command.mut_subcommand(name, |command| add(command, below, examples)),
    }
}

fn text(command: &Command, examples: &[Example; 2]) -> String {
    let header = *command.get_styles().get_header();
    let mut text = format!("{header}Examples:{header:#}");
    for (what, line) in examples {
        let _ = write!(text, "\n  # {what}\n  {line}");
    }
    text
}
