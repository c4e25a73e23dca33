//! The files with which a client and a NATS server identify themselves to each other.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use async_nats::ConnectOptions;
use cortex_platform::credential_file::{self, CredentialFileError};
use nkeys::{KeyPair, KeyPairType};

use super::error::NatsError;

const NKEY: &str = "nkey";

/// Which files to use. The files with secrets may be readable only by their owner, or also by their
/// group if root owns them.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct NatsFiles {
    /// The credentials of a user (`.creds`): a JWT and a seed.
    pub credentials: Option<PathBuf>,
    /// The seed of a user's nkey.
    pub nkey: Option<PathBuf>,
    /// The certificate authorities to trust, instead of those of this machine.
    pub authorities: Option<PathBuf>,
    /// The client's certificate. It needs the key.
    pub certificate: Option<PathBuf>,
    /// The private key of the client's certificate.
    pub key: Option<PathBuf>,
}

impl NatsFiles {
    /// Returns whether the connection must use TLS.
    pub(super) fn need_tls(&self) -> bool {
        self.authorities.is_some() || self.certificate.is_some()
    }

    /// Returns whether a file names the user.
    pub(super) fn name_user(&self) -> bool {
        self.credentials.is_some() || self.nkey.is_some()
    }

    /// Reads and checks the files, and adds them to the options.
    pub(super) fn add_to(&self, mut options: ConnectOptions) -> Result<ConnectOptions, NatsError> {
        match (&self.credentials, &self.nkey) {
            (Some(_), Some(_)) => return Err(NatsError::TwoUsers),
            (Some(path), None) => {
                let text = read_secret(path, "credentials")?;
                // The library's error may repeat a part of the file.
                let wrong =
                    |_| invalid(path, "credentials", "expected a JWT and a seed, as `nsc` writes them");
                options = options.credentials(&text).map_err(wrong)?;
            }
            (None, Some(path)) => options = options.nkey(NatsUserKey::read(path)?.seed()),
            (None, None) => {}
        }
        if let Some(path) = &self.authorities {
            read_pem(path, "certificate authorities", "CERTIFICATE", read_public)?;
            options = options.add_root_certificates(path.clone());
        }
        match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                read_pem(certificate, "client certificate", "CERTIFICATE", read_public)?;
                read_pem(key, "client key", "PRIVATE KEY", read_secret)?;
                options = options.add_client_certificate(certificate.clone(), key.clone());
            }
            (None, None) => {}
            (Some(_), None) | (None, Some(_)) => return Err(NatsError::HalfCertificate),
        }
        Ok(options)
    }
}

/// The key of a user of a NATS server, which proves who it is.
pub struct NatsUserKey(KeyPair);

impl NatsUserKey {
    /// Makes a key of random bytes.
    ///
    /// # Panics
    /// Never: every 32 bytes are a key.
    #[must_use]
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(KeyPair::new_from_raw(KeyPairType::User, bytes).expect("32 bytes are a key"))
    }

    /// Reads the file with the seed of a key.
    ///
    /// # Errors
    /// Returns an error if the file can't be read, is not private or has no seed of a user.
    pub fn read(path: &Path) -> Result<Self, NatsError> {
        match KeyPair::from_seed(read_secret(path, NKEY)?.trim()) {
            Ok(pair) if pair.key_pair_type() == KeyPairType::User => Ok(Self(pair)),
            Ok(_) | Err(_) => Err(invalid(path, NKEY, "expected the seed of a user, which starts with SU")),
        }
    }

    /// Returns the secret from which the key can be made again.
    ///
    /// # Panics
    /// Never: a key that was made from a seed has it.
    #[must_use]
    pub fn seed(&self) -> String {
        self.0.seed().expect("the key has its seed")
    }

    /// Returns the name by which the server knows the user.
    #[must_use]
    pub fn public(&self) -> String {
        self.0.public_key()
    }
}

impl fmt::Debug for NatsUserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NatsUserKey").field(&self.public()).finish()
    }
}

/// Checks that a file has a block of PEM whose label ends with `label`. The client reads the file
/// itself, and skips what it does not know.
fn read_pem(
    path: &Path,
    what: &'static str,
    label: &str,
    read: fn(&Path, &'static str) -> Result<String, NatsError>,
) -> Result<(), NatsError> {
    let text = read(path, what)?;
    let begins = |line: &str| {
        line.trim_end()
            .strip_prefix("-----BEGIN ")
            .is_some_and(|rest| rest.ends_with(&format!("{label}-----")))
    };
    if text.lines().any(begins) {
        Ok(())
    } else {
        Err(invalid(path, what, format_args!("expected PEM with -----BEGIN {label}-----")))
    }
}

fn read_secret(path: &Path, what: &'static str) -> Result<String, NatsError> {
    credential_file::read_secret(path).map_err(|error| unusable(path, what, error))
}

fn read_public(path: &Path, what: &'static str) -> Result<String, NatsError> {
    credential_file::read_public(path).map_err(|error| unusable(path, what, error))
}

fn unusable(path: &Path, what: &'static str, error: CredentialFileError) -> NatsError {
    match error {
        CredentialFileError::Missing => NatsError::NoFile { what },
        error => invalid(path, what, error),
    }
}

fn invalid(path: &Path, what: &'static str, reason: impl Display) -> NatsError {
    NatsError::File { what, path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// The file of a user's nkey, which no server knows.
    const SEED: &str = "SUANQDPB2RUOE4ETUA26CNX7FUKE5ZZKFCQIIW63OX225F2CO7UEXTM7ZY";

    fn write(path: &Path, text: &str, mode: u32) {
        std::fs::write(path, text).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("user.nk");
        write(&path, &format!("{SEED}\n"), 0o644);
        let error = NatsUserKey::read(&path).unwrap_err().to_string();
        assert!(error.contains("user.nk") && error.contains("nkey") && error.contains("0644"), "{error}");
        write(&path, &format!("{SEED}\n"), 0o600);
        let key = NatsUserKey::read(&path).unwrap();
        assert_eq!(key.seed(), SEED);
        assert!(!format!("{key:?}").contains(SEED));
    }

    #[test]
    fn a_new_key_is_read_back_from_its_seed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("user.nk");
        let key = NatsUserKey::from_random([7; 32]);
        write(&path, &key.seed(), 0o600);
        assert_eq!(NatsUserKey::read(&path).unwrap().public(), key.public());
    }

    #[test]
    fn an_invalid_file_is_named_and_its_text_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let one = |named: NatsFiles| named.add_to(ConnectOptions::new()).unwrap_err().to_string();
        let some = || Some(path.clone());
        for text in ["", "s3cret", "-----BEGIN NATS USER JWT-----\ns3cret\n", &"s3cret".repeat(20_000)] {
            write(&path, text, 0o600);
            for (files, what) in [
                (NatsFiles { credentials: some(), ..NatsFiles::default() }, "credentials"),
                (NatsFiles { nkey: some(), ..NatsFiles::default() }, "nkey"),
                (NatsFiles { authorities: some(), ..NatsFiles::default() }, "certificate authorities"),
                (
                    NatsFiles { certificate: some(), key: some(), ..NatsFiles::default() },
                    "client certificate",
                ),
            ] {
                let error = one(files);
                assert!(error.contains(what) && error.contains("file"), "{error}");
                assert!(!error.contains("s3cret"), "{error}");
            }
        }
        let key = NatsFiles { nkey: Some(SEED.into()), ..NatsFiles::default() };
        assert!(!one(key).contains(SEED), "a seed in the place of a path");
        let both = NatsFiles { nkey: some(), credentials: some(), ..NatsFiles::default() };
        assert!(matches!(both.add_to(ConnectOptions::new()), Err(NatsError::TwoUsers)));
        for half in [
            NatsFiles { certificate: some(), ..NatsFiles::default() },
            NatsFiles { key: some(), ..NatsFiles::default() },
        ] {
            assert!(matches!(half.add_to(ConnectOptions::new()), Err(NatsError::HalfCertificate)));
        }
    }

    #[test]
    fn the_seed_of_an_account_is_no_seed_of_a_user() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("account.nk");
        write(&path, &KeyPair::new_account().seed().unwrap(), 0o600);
        let error = NatsUserKey::read(&path).unwrap_err().to_string();
        assert!(error.contains("starts with SU"), "{error}");
    }
}
