//! The development secrets. They are created once, stored in the home folder, and passed to the
//! edge and the origin.

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
    #[error("{}:{line}: invalid secrets file: restore it, or remove it to create new secrets", .file.display())]
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
    /// Returns whether the cause is a stored or configured secret, and not a failed write.
    #[must_use]
    pub fn is_of_the_configuration(&self) -> bool {
        !matches!(self, Self::Keep(_) | Self::Json(_))
    }
}

/// The secrets, which are never printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// The pepper with which the edge hashes API keys.
    pub pepper: String,
    /// The keys with which the edge signs, and which the origin verifies.
    pub edge_keys: String,
    /// The keys with which the origin and this command sign, and which the edge verifies.
    pub origin_keys: String,
    /// The key of local callers of the origin.
    pub api_key: String,
    /// The token that this machine's origin sends to a safety kernel in a process of its own.
    #[serde(default)]
    safety_token: String,
    /// An API key of the edge for the development tenant, once it exists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev_key: Option<String>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(***)")
    }
}

impl Secrets {
    /// Returns the stored secrets, and creates them at the first use. One process at a time creates
    /// them, so that all processes have the same.
    ///
    /// # Errors
    /// Returns an error if the file can't be read or written, or is invalid.
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

    /// Stores the secrets in the home folder.
    ///
    /// # Errors
    /// Returns an error if the file can't be written.
    pub fn keep(&self, home: &Home) -> Result<(), SecretsError> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        Ok(write_private(&home.secrets(), &text)?)
    }

    /// Returns the keys with which the edge signs.
    ///
    /// # Errors
    /// Returns an error if they are invalid.
    pub fn edge_keyring(&self) -> Result<Keyring, SecretsError> {
        keyring("edge_keys", &self.edge_keys)
    }

    /// Returns the keys with which the origin signs.
    ///
    /// # Errors
    /// Returns an error if they are invalid.
    pub fn origin_keyring(&self) -> Result<Keyring, SecretsError> {
        keyring("origin_keys", &self.origin_keys)
    }

    /// Returns the token for a safety kernel.
    ///
    /// # Errors
    /// Returns an error if it is invalid.
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

/// Parses the keys of the setting `name`.
///
/// # Errors
/// Returns an error if they are invalid.
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
    fn concurrent_opens_return_the_same_secrets() {
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
