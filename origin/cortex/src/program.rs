//! Programs that this one starts. Each gets only the environment that it needs: a child passes its
//! environment on to its own children, and crash reports contain it.

use std::ffi::{OsStr, OsString};
use std::process::Command;

/// Variables that a program needs to be found, to find its libraries and to print.
const SAFE_VARIABLES: [&str; 11] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "TERM",
    "TMPDIR",
    "TZ",
];
/// Words in the names of variables that hold secrets.
const SECRET_WORDS: [&str; 16] = [
    "APIKEY",
    "AUTH",
    "CREDENTIAL",
    "CREDENTIALS",
    "DSN",
    "KEY",
    "KEYS",
    "PASS",
    "PASSPHRASE",
    "PASSWD",
    "PASSWORD",
    "PEPPER",
    "SECRET",
    "SECRETS",
    "TOKEN",
    "TOKENS",
];

/// The addresses of servers, which may contain a password in any form, and the files with the
/// credentials for them. Only the origin uses them.
const SERVER_ACCESS: [&str; 7] =
    ["DATABASE_URL", "NATS_CERT", "NATS_CREDS", "NATS_KEY", "NATS_NKEY", "NATS_URL", "REDIS_URL"];

/// Returns the name by which this program was called: `cortex`, or a path.
pub(crate) fn called_as() -> String {
    std::env::args().next().unwrap_or_else(|| "cortex".into())
}

/// Returns a command for a third-party program, with only the safe variables of this environment.
pub(crate) fn tool_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().envs(SAFE_VARIABLES.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
}

/// Returns a command for a program of CortexOS, with this environment but without its secrets.
pub(crate) fn own_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in secrets(std::env::vars_os()) {
        command.env_remove(name);
    }
    command
}

fn secrets(all: impl Iterator<Item = (OsString, OsString)>) -> impl Iterator<Item = (OsString, OsString)> {
    all.filter(|(name, value)| is_secret(&name.to_string_lossy(), &value.to_string_lossy()))
}

/// Returns whether a variable holds a secret: by its name, or by a user and password in a URL.
fn is_secret(name: &str, value: &str) -> bool {
    if SERVER_ACCESS.contains(&name) {
        return true;
    }
    let words = name.split(|sign: char| !sign.is_ascii_alphanumeric());
    let in_name =
        words.into_iter().any(|word| SECRET_WORDS.iter().any(|secret| word.eq_ignore_ascii_case(secret)));
    let in_address = value.split_once("://").is_some_and(|(_, rest)| {
        rest.split(['/', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
    });
    in_name || in_address
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn variables_with_secrets_are_recognised() {
        for (name, value) in [
            ("API_KEY", "x"),
            ("CORTEX_API_KEY", "x"),
            ("ORIGIN_KEYS", "x"),
            ("CORTEX_LINK_TOKEN", "x"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("npm_config__auth", "x"),
            ("PGPASSWORD_PASSWORD", "x"),
            ("DATABASE_URL", "postgres://cortex:pw@db/cortex"),
            ("DATABASE_URL", "host=db password=pw"),
            ("NATS_URL", "nats://token@127.0.0.1:4222"),
            ("NATS_CREDS", "/etc/cortex/origin.creds"),
            ("NATS_NKEY", "/etc/cortex/origin.nk"),
            ("CACHE_URL", "redis://:pw@127.0.0.1"),
        ] {
            assert!(is_secret(name, value), "{name}");
        }
        for (name, value) in [
            ("PATH", "/bin"),
            ("CORTEX_HOME", "/home/a@b"),
            ("CUDA_VISIBLE_DEVICES", "0"),
            ("KEYBOARD", "de"),
            ("CORTEX_EDGE_URL", "http://127.0.0.1:8787/a@b"),
        ] {
            assert!(!is_secret(name, value), "{name}");
        }
    }

    #[test]
    fn a_third_party_program_gets_only_safe_variables() {
        let command = tool_command("true");
        let given: HashMap<_, _> = command.get_envs().collect();
        assert!(given.keys().all(|name| SAFE_VARIABLES.iter().any(|plain| *name == OsStr::new(plain))));
        assert!(given.contains_key(OsStr::new("PATH")));
        let output = tool_command("/usr/bin/env").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let names: Vec<_> = text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        assert!(names.iter().all(|name| SAFE_VARIABLES.contains(name)), "{names:?}");
    }
}
