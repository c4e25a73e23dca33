//! Secrets as arguments. Every user of the machine can read a command line (`ps`), so that an
//! argument names the file of a secret: `@FILE`. An environment variable may hold the secret
//! itself.

use std::ffi::OsString;

use crate::exit::{Exit, Failure};

/// Options that take a secret.
const SECRET_OPTIONS: [&str; 6] =
    ["--api-key", "--database-url", "--key", "--nats-url", "--origin-keys", "--redis-url"];

/// Options that take an address, which may contain a password.
const ADDRESS_OPTIONS: [&str; 2] = ["--from", "--to"];

/// Checks that no argument is a secret. The error doesn't repeat the secret.
///
/// # Errors
/// Returns an error that names the option.
pub(crate) fn refuse_plain<'a>(arguments: impl IntoIterator<Item = &'a OsString>) -> Result<(), Failure> {
    let arguments = arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned());
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        if argument == "--" {
            return Ok(());
        }
        let (option, value) = match argument.split_once('=') {
            Some((option, value)) => (option, Some(value.to_owned())),
            None => (argument.as_str(), arguments.peek().cloned()),
        };
        let Some(value) = value.filter(|value| !value.starts_with('@')) else { continue };
        let is_secret =
            SECRET_OPTIONS.contains(&option) || (ADDRESS_OPTIONS.contains(&option) && has_password(&value));
        if is_secret {
            let message = format!(
                "{option}: every user of this machine can read a secret on the command line (expected `@FILE`)"
            );
            let help = if SECRET_OPTIONS.contains(&option) {
                format!("pass {option} @FILE, or set the environment variable that --help names")
            } else {
                format!("write the address to a file, and pass {option} @FILE")
            };
            return Err(Failure::message(Exit::BadInput, message, help));
        }
    }
    Ok(())
}

/// Returns whether an address has a password: `scheme://user:password@host`, or as an option.
fn has_password(address: &str) -> bool {
    let Some((_, rest)) = address.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map_or("", |(user, _)| user);
    user.contains(':') || rest.contains("password=")
}

/// Reads a secret: the text itself, or the contents of the file in `@FILE`.
///
/// # Errors
/// Returns an error if the file can't be read or is empty.
pub(crate) fn read(text: &str) -> Result<String, String> {
    let Some(file) = text.strip_prefix('@') else { return Ok(text.to_owned()) };
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let text = text.trim();
    if text.is_empty() { Err(format!("{file} is empty (expected a secret)")) } else { Ok(text.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(line: &str) -> bool {
        refuse_plain(&line.split(' ').map(OsString::from).collect::<Vec<_>>()).is_err()
    }

    #[test]
    fn a_secret_on_the_command_line_is_refused_and_a_file_accepted() {
        for bad in [
            "up --api-key s3cret",
            "jobs list --key=s3cret",
            "keys list --origin-keys a:00 --tenant x",
            "store copy --from redis://:s3cret@h --to x",
            "store copy --from x --to=postgres://u:s3cret@h/db",
            "store copy --from x --to postgres://h/db?password=s3cret",
        ] {
            assert!(plain(bad), "{bad}");
        }
        for good in [
            "up --api-key @/f",
            "jobs list --key=@f",
            "submit job.echo -- --key x",
            "up --edge-port 1",
            "keys list",
            "store copy --from redis://h:6379 --to /a/b",
            "store copy --from @/f --to postgres://u@h/db",
        ] {
            assert!(!plain(good), "{good}");
        }
        let message = refuse_plain(&["--key".into(), "s3cret".into()]).unwrap_err().error.to_string();
        assert!(!message.contains("s3cret"), "{message}");
    }

    #[test]
    fn a_secret_is_read_from_its_file_without_spaces_around_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, "s3cret\n").unwrap();
        assert_eq!(read(&format!("@{}", file.display())).unwrap(), "s3cret");
        assert_eq!(read("plain").unwrap(), "plain");
        std::fs::write(&file, "\n").unwrap();
        assert!(read(&format!("@{}", file.display())).is_err());
        assert!(read("@/missing").is_err());
    }
}
