//! The secrets of development: made once, kept in the home folder, handed to the edge and the origin.

use std::fmt::Write as _;
use std::io;

use cortex_fabric::entropy;
use cortex_guard::signature::Keyring;
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
    /// Those that are kept; made if there are none.
    ///
    /// # Errors
    /// If the file can't be read or written, or is not what it should be.
    pub(crate) fn open(home: &Home) -> Result<Self, Failure> {
        let path = home.secrets();
        match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                let detail = format!(
                    "{}:{}: not the secrets' form; restore it or remove it to make new ones",
                    path.display(),
                    error.line()
                );
                Failure::message(Exit::Config, detail)
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = Self::make();
                made.keep(home)?;
                Ok(made)
            }
            Err(error) => Err(Failure::message(Exit::Config, format!("{}: {error}", path.display()))),
        }
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

    fn make() -> Self {
        Self {
            pepper: hex(),
            edge_keys: format!("edge-1:{}", hex()),
            origin_keys: format!("origin-1:{}", hex()),
            api_key: hex(),
            dev_key: None,
        }
    }
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
