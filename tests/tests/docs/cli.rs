//! `docs/cli.md`: the help of every command, which the tests of the commands keep up to date.

use std::collections::BTreeMap;

use crate::generated::{check, files, read};
use crate::page::Page;

/// Folders with the help of a program, and the program.
const HELP: [(&str, &str); 2] =
    [("origin/cortex/tests/help/", "cortex"), ("workers/worker/tests/help/", "cortex-worker")];

/// A command and its help.
pub(crate) struct Command {
    /// As it is typed: `cortex jobs list`.
    pub(crate) name: String,
    pub(crate) help: String,
}

/// Returns all commands: a command comes before those inside it.
pub(crate) fn commands() -> Vec<Command> {
    let files = files();
    let mut commands = Vec::new();
    for (folder, program) in HELP {
        let mut of_program: Vec<_> = files
            .iter()
            .filter(|name| name.starts_with(folder) && name.ends_with(".txt"))
            .map(|name| command(&read(name), program))
            .collect();
        of_program.sort_by(|a, b| a.name.cmp(&b.name));
        commands.extend(of_program);
    }
    commands
}

/// Reads the command's name from its usage: the words before the first option or argument.
fn command(help: &str, program: &str) -> Command {
    let usage = help.lines().find_map(|line| line.strip_prefix("Usage: ")).unwrap_or(program);
    let words = usage.split(' ').take_while(|word| word.starts_with(|c: char| c.is_ascii_lowercase()));
    Command { name: words.collect::<Vec<_>>().join(" "), help: help.to_owned() }
}

#[test]
fn the_reference_of_the_commands_is_up_to_date() {
    let mut page = Page::generated("Commands");
    page.paragraph(
        "`cortex` is the command for users and operators. It also runs the origin. `cortex-worker` runs a worker. \
         This page shows the output of `--help` for each command. [Environment variables](configuration/environment.md) \
         lists the variables.",
    );
    page.heading(2, "Exit codes");
    let codes = [
        ("0", "The command succeeded."),
        ("1", "The command ran, but a check failed or the job did not succeed."),
        ("2", "The command line is invalid."),
        ("65", "The input is invalid."),
        ("69", "The edge, the origin or a source of models is unavailable."),
        ("70", "An internal error occurred."),
        ("77", "The key is invalid or has no permission."),
        ("78", "The configuration is invalid, or a port is in use."),
    ];
    let rows: Vec<_> =
        codes.iter().map(|(code, meaning)| vec![(*code).to_owned(), (*meaning).to_owned()]).collect();
    page.table(&["code", "meaning"], &rows);
    for Command { name, help } in commands() {
        page.heading(2, &format!("`{name}`"));
        page.code("text", help.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").as_str());
    }
    check(&BTreeMap::from([("docs/cli.md".to_owned(), page.text())]));
}

#[test]
fn a_commands_name_ends_before_its_arguments() {
    let name = |help: &str| command(help, "cortex").name;
    assert_eq!(name("Look\n\nUsage: cortex jobs get [OPTIONS] <ID>\n"), "cortex jobs get");
    assert_eq!(name("Usage: cortex [OPTIONS] <COMMAND>"), "cortex");
    assert_eq!(name("Usage: cortex keys <COMMAND>"), "cortex keys");
}
