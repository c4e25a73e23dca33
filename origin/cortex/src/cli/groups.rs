//! The groups of commands in `cortex --help`. clap knows no headings for commands, so the list is
//! part of the help's template.

use std::fmt::Write;

use crate::output::{help_width, wrap};

/// A heading and the commands below it.
pub(super) const GROUPS: [(&str, &[&str]); 4] = [
    ("Run", &["up", "demo", "serve", "safety"]),
    ("Use", &["submit", "chat", "jobs", "models"]),
    ("Operate", &["status", "health", "doctor", "keys", "workers", "store", "bench"]),
    ("Shell", &["completions", "man"]),
];

/// Sets a template with one list of commands for each group.
pub(super) fn grouped(command: clap::Command) -> clap::Command {
    let mut groups = String::new();
    let names = GROUPS.iter().flat_map(|(_, names)| names.iter());
    let width = names.map(|name| name.len()).max().unwrap_or(0);
    // Two spaces before the name and two behind it.
    let indent = width + 4;
    let room = help_width() - indent.min(help_width() / 2);
    let styles = command.get_styles().clone();
    let (header, literal) = (*styles.get_header(), *styles.get_literal());
    for (heading, names) in GROUPS {
        let _ = writeln!(groups, "{header}{heading}:{header:#}");
        for name in names {
            let about = command.find_subcommand(name).and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let mut lines = wrap(&about, room).into_iter();
            let first = lines.next().unwrap_or_default();
            let _ = writeln!(groups, "  {literal}{name:width$}{literal:#}  {first}");
            for line in lines {
                let _ = writeln!(groups, "{:indent$}{line}", "");
            }
        }
        groups.push('\n');
    }
    let template = format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{groups}{header}Options:{header:#}\n{{options}}{{after-help}}"
    );
    command.help_template(clap::builder::StyledStr::from(template))
}
