//! The secrets of development: made once, kept in the home folder, handed to the edge and the origin.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;

use cortex_guard::signature::Keyring;
use cortex_platform::entropy;
use cortex_safety::Token;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::exit::{Exit, Failure};
use crate::home::{Home, write_private};

/// Never printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Secrets {
    /// What the edge hashes API keys with.
    pub(crate) pepper: String,
    /// What the edge signs with and the origin checks.
    pub(crate) edge_keys: String,
    /// What the origin and this command sign with and the edge checks.
    pub(crate) origin_keys: String,
    /// The key of local callers of the origin.
    pub(crate) api_key: String,
    /// What this machine's origin shows to a safety kernel in a process of its own.
    #[serde(default)]
    safety_token: String,
    /// An API key of the edge for the development tenant, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dev_key: Option<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
    }
}

impl Secrets {
    /// Those that are kept; made if there are none. One process at a time makes them, so that all have the same.
    ///
    /// # Errors
    /// If the file can't be read or written, or is not what it should be.
    pub(crate) fn open(home: &Home) -> Result<Self, Failure> {
        let path = home.secrets();
        let _locked = lock(home)?;
        let mut secrets = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let detail = format!(
                    "{}:{}: not the secrets' form; restore it or remove it to make new ones",
                    path.display(),
                    error.line()
                );
                Failure::message(Exit::Config, detail)
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = Self::make();
                made.keep(home)?;
                made
            }
            Err(error) => return Err(Failure::message(Exit::Config, format!("{}: {error}", path.display()))),
        };
        if secrets.safety_token.is_empty() {
            secrets.safety_token = hex();
            secrets.keep(home)?;
        }
        Ok(secrets)
    }

    /// # Errors
    /// If the file can't be written.
    pub(crate) fn keep(&self, home: &Home) -> Result<(), Failure> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(write_private(&home.secrets(), &text)?)
    }

    /// What the edge signs with.
    ///
    /// # Errors
    /// If it is no keyring.
    pub(crate) fn edge_keyring(&self) -> Result<Keyring, Failure> {
        keyring("edge_keys", &self.edge_keys)
    }

    /// What the origin signs with.
    ///
    /// # Errors
    /// If it is no keyring.
    pub(crate) fn origin_keyring(&self) -> Result<Keyring, Failure> {
        keyring("origin_keys", &self.origin_keys)
    }

    /// What is shown to a safety kernel.
    ///
    /// # Errors
    /// If it is no token.
    pub(crate) fn safety_token(&self) -> Result<Token, Failure> {
        Token::new(&self.safety_token).map_err(|error| Failure::new(Exit::Config, error))
    }

    fn make() -> Self {
        Self {
            pepper: hex(),
            edge_keys: format!("edge-1:{}", hex()),
            origin_keys: format!("origin-1:{}", hex()),
            api_key: hex(),
            safety_token: hex(),
            dev_key: None,
        }
    }
}

/// Holds others off until it is dropped.
fn lock(home: &Home) -> Result<File, Failure> {
    let path = home.run().join("secrets.lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
    let locked = file.and_then(|file| {
        flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    });
    locked.map_err(|error| Failure::message(Exit::Config, format!("{}: {error}", path.display())))
}

/// # Errors
/// If it is no keyring.
pub(crate) fn keyring(name: &str, text: &str) -> Result<Keyring, Failure> {
    text.parse().map_err(|error| Failure::message(Exit::Config, format!("{name}: {error}")))
}

/// 256 random bits, in hexadecimal.
pub(crate) fn hex() -> String {
    entropy::random::<32>().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_newer_secret_gets_one_and_keeps_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(Some(folder.path().join("home"))).unwrap();
        let mut old = serde_json::to_value(Secrets::make()).unwrap();
        old.as_object_mut().unwrap().remove("safety_token");
        write_private(&home.secrets(), old.to_string().as_bytes()).unwrap();
        let opened = Secrets::open(&home).unwrap();
        assert_eq!(opened.pepper, old["pepper"]);
        assert!(opened.safety_token().is_ok());
        assert_eq!(Secrets::open(&home).unwrap().safety_token, opened.safety_token);
    }

    #[test]
    fn whoever_opens_them_at_the_same_time_has_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(Some(folder.path().join("home"))).unwrap();
        let opened: Vec<_> = std::thread::scope(|scope| {
            let opening: Vec<_> = (0..8).map(|_| scope.spawn(|| Secrets::open(&home).unwrap())).collect();
            opening.into_iter().map(|opening| opening.join().unwrap()).collect()
        });
        assert!(opened.iter().all(|secrets| secrets.safety_token == opened[0].safety_token));
        assert!(opened.iter().all(|secrets| secrets.edge_keys == opened[0].edge_keys));
    }
}
