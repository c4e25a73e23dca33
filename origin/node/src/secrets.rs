//! The secrets of development: made once, kept in the home folder, handed to the edge and the origin.

use std::io;
use std::path::PathBuf;

use cortex_domain::hex;
use cortex_guard::signature::{Keyring, KeyringError};
use cortex_platform::entropy;
use cortex_safety::{MalformedToken, Token};
use serde::{Deserialize, Serialize};

use crate::home::{Home, write_private};
use crate::lock::lock;

/// Why the secrets can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    #[error("{}:{line}: not the secrets' form; restore it or remove it to make new ones", .file.display())]
    Form { file: PathBuf, line: usize },
    #[error("{}: {cause}", .file.display())]
    File { file: PathBuf, cause: io::Error },
    #[error("{name}: {cause}")]
    Keyring { name: String, cause: KeyringError },
    #[error(transparent)]
    Token(#[from] MalformedToken),
    #[error(transparent)]
    Keep(#[from] io::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl SecretsError {
    /// Returns whether what is kept or named is at fault, and not the attempt to write it.
    #[must_use]
    pub fn is_of_the_configuration(&self) -> bool {
        !matches!(self, Self::Keep(_) | Self::Json(_))
    }
}

/// Never printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// What the edge hashes API keys with.
    pub pepper: String,
    /// What the edge signs with and the origin checks.
    pub edge_keys: String,
    /// What the origin and this command sign with and the edge checks.
    pub origin_keys: String,
    /// The key of local callers of the origin.
    pub api_key: String,
    /// What this machine's origin shows to a safety kernel in a process of its own.
    #[serde(default)]
    safety_token: String,
    /// An API key of the edge for the development tenant, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev_key: Option<String>,
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
    pub fn open(home: &Home) -> Result<Self, SecretsError> {
        let path = home.secrets();
        let held = home.run().join("secrets.lock");
        let _locked = lock(&held).map_err(|cause| SecretsError::File { file: held.clone(), cause })?;
        let mut secrets = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| SecretsError::Form { file: path.clone(), line: error.line() })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = Self::make();
                made.keep(home)?;
                made
            }
            Err(cause) => return Err(SecretsError::File { file: path, cause }),
        };
        if secrets.safety_token.is_empty() {
            secrets.safety_token = random();
            secrets.keep(home)?;
        }
        Ok(secrets)
    }

    /// Writes them into the home folder.
    ///
    /// # Errors
    /// Returns an error if the file can't be written.
    pub fn keep(&self, home: &Home) -> Result<(), SecretsError> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(write_private(&home.secrets(), &text)?)
    }

    /// What the edge signs with.
    ///
    /// # Errors
    /// If it is no keyring.
    pub fn edge_keyring(&self) -> Result<Keyring, SecretsError> {
        keyring("edge_keys", &self.edge_keys)
    }

    /// What the origin signs with.
    ///
    /// # Errors
    /// If it is no keyring.
    pub fn origin_keyring(&self) -> Result<Keyring, SecretsError> {
        keyring("origin_keys", &self.origin_keys)
    }

    /// What is shown to a safety kernel.
    ///
    /// # Errors
    /// If it is no token.
    pub fn safety_token(&self) -> Result<Token, SecretsError> {
        Ok(Token::new(&self.safety_token)?)
    }

    fn make() -> Self {
        Self {
            pepper: random(),
            edge_keys: format!("edge-1:{}", random()),
            origin_keys: format!("origin-1:{}", random()),
            api_key: random(),
            safety_token: random(),
            dev_key: None,
        }
    }
}

/// Reads the keys of `name`.
///
/// # Errors
/// Returns an error if they are not written as keys are.
pub fn keyring(name: &str, text: &str) -> Result<Keyring, SecretsError> {
    text.parse().map_err(|cause| SecretsError::Keyring { name: name.to_owned(), cause })
}

/// Returns 256 random bits, in hexadecimal.
fn random() -> String {
    hex::encode(&entropy::random::<32>())
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
