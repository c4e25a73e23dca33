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
        "`cortex` is the command for users and operators, and it runs every role of the origin. `cortex-worker` \
         is a worker. Each prints the texts below for `--help`. [Environment variables](configuration/environment.md) \
         lists the variables.",
    );
    page.heading(2, "Exit codes");
    let codes = [
        ("0", "The command is done."),
        ("1", "The command is done, and the answer is no: a check failed, or the job ended otherwise."),
        ("65", "The input is wrong."),
        ("69", "A server or a service is not available."),
        ("70", "Something broke inside the program."),
        ("77", "The caller is not permitted to do this."),
        ("78", "The configuration is wrong."),
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
