use std::collections::BTreeSet;

use super::examples::EXAMPLES;
use super::groups::GROUPS;
use super::*;

/// Every command by its path, such as `workers token list`.
fn paths(command: &clap::Command, path: &str) -> Vec<String> {
    let below = command.get_subcommands().filter(|below| below.get_name() != "help").flat_map(|below| {
        let path = format!("{path} {}", below.get_name());
        paths(below, path.trim())
    });
    std::iter::once(path.to_owned()).chain(below).collect()
}

/// Splits a command line into words as a shell does, without expansions.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted) = (vec![String::new()], false);
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}

/// The words of the `cortex` command in an example, without pipes and redirections around it.
fn cortex_words(line: &str) -> Vec<String> {
    let words = words(line.trim_start_matches("source <(").trim_end_matches(')'));
    let start = words.iter().position(|word| word == "cortex").expect("an example runs cortex");
    words[start..].iter().take_while(|word| !["|", ">"].contains(&word.as_str())).cloned().collect()
}

#[test]
fn the_command_is_well_formed() {
    command().debug_assert();
}

#[test]
fn every_command_has_two_examples_and_each_parses() {
    let expected: BTreeSet<_> = paths(&Cli::command(), "").into_iter().collect();
    let named: BTreeSet<_> = EXAMPLES.iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(named, expected);
    for (path, examples) in EXAMPLES {
        for (_, line) in examples {
            let words = cortex_words(line);
            let parsed = Cli::try_parse_from(&words).unwrap_or_else(|error| panic!("{line}: {error}"));
            assert!(parsed.command.is_some(), "{line}");
            assert!(words[1..].join(" ").starts_with(path), "`{line}` is an example of `cortex {path}`");
        }
    }
}

#[test]
fn every_command_is_in_one_group() {
    let mut grouped: Vec<_> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
    grouped.sort_unstable();
    let command = Cli::command();
    let mut names: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
    names.sort_unstable();
    assert_eq!(grouped, names);
}

#[test]
fn the_colour_is_known_before_the_command_line_is_parsed() {
    let choice = |line: &str| color_choice(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
    assert_eq!(choice("cortex jobs list --color never"), ColorChoice::Never);
    assert_eq!(choice("cortex --color=always nonsense"), ColorChoice::Always);
    for auto in ["cortex", "cortex --color", "cortex --color=pink", "cortex submit x -- --color never"] {
        assert_eq!(choice(auto), ColorChoice::Auto, "{auto}");
    }
}
