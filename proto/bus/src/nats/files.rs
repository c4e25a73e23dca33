//! The files with which a client and a NATS server identify themselves to each other.

use std::fmt::Display;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use async_nats::ConnectOptions;
use nkeys::{KeyPair, KeyPairType};

use super::error::NatsError;

/// The longest file that is read, in bytes.
const MAX_FILE: u64 = 64 * 1024;
/// The bits of a mode that let anyone but the owner use a file.
const OTHERS: u32 = 0o077;
/// The same for a file of root, which its group may read. Kubernetes and systemd hand secrets to a
/// service in this way.
const OTHERS_OF_ROOT: u32 = 0o037;

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
            (None, Some(path)) => options = options.nkey(read_seed(path)?),
            (None, None) => {}
        }
        if let Some(path) = &self.authorities {
            read_pem(path, "certificate authorities", "CERTIFICATE", read)?;
            options = options.add_root_certificates(path.clone());
        }
        match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                read_pem(certificate, "client certificate", "CERTIFICATE", read)?;
                read_pem(key, "client key", "PRIVATE KEY", read_secret)?;
                options = options.add_client_certificate(certificate.clone(), key.clone());
            }
            (None, None) => {}
            (Some(_), None) | (None, Some(_)) => return Err(NatsError::HalfCertificate),
        }
        Ok(options)
    }
}

fn read_seed(path: &Path) -> Result<String, NatsError> {
    let text = read_secret(path, "nkey")?;
    let seed = text.trim();
    match KeyPair::from_seed(seed) {
        Ok(pair) if pair.key_pair_type() == KeyPairType::User => Ok(seed.to_owned()),
        Ok(_) | Err(_) => Err(invalid(path, "nkey", "expected the seed of a user, which starts with SU")),
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

/// Reads a file that must be private.
fn read_secret(path: &Path, what: &'static str) -> Result<String, NatsError> {
    let (text, mode, owner) = read_with_mode(path, what)?;
    let others = if owner == 0 { OTHERS_OF_ROOT } else { OTHERS };
    if mode & others != 0 {
        let reason = format!("other users may read it (mode {:04o}): run chmod 600", mode & 0o7777);
        return Err(invalid(path, what, reason));
    }
    Ok(text)
}

fn read(path: &Path, what: &'static str) -> Result<String, NatsError> {
    read_with_mode(path, what).map(|(text, ..)| text)
}

/// Returns a file's text, mode and owner.
fn read_with_mode(path: &Path, what: &'static str) -> Result<(String, u32, u32), NatsError> {
    let mut text = String::new();
    let reading = File::open(path).and_then(|file| {
        let metadata = file.metadata()?;
        file.take(MAX_FILE + 1).read_to_string(&mut text)?;
        Ok(metadata)
    });
    let metadata = reading.map_err(|error| match error.kind() {
        // What is not the name of a file may be the secret itself.
        ErrorKind::NotFound | ErrorKind::InvalidFilename => NatsError::NoFile { what },
        kind => invalid(path, what, kind),
    })?;
    if text.len() as u64 > MAX_FILE {
        return Err(invalid(path, what, "it is too long"));
    }
    Ok((text, metadata.mode(), metadata.uid()))
}

fn invalid(path: &Path, what: &'static str, reason: impl Display) -> NatsError {
    NatsError::File { what, path: path.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown};

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
        for (mode, owner, accepted) in [
            (0o600, 1000, true),
            (0o400, 1000, true),
            (0o640, 1000, false),
            (0o604, 1000, false),
            (0o644, 1000, false),
            (0o610, 1000, false),
            (0o440, 0, true),
            (0o444, 0, false),
            (0o660, 0, false),
        ] {
            write(&path, &format!("{SEED}\n"), mode);
            // Only root can give a file away.
            if rustix::process::geteuid().is_root() {
                chown(&path, Some(owner), None).unwrap();
            } else if owner == 0 {
                continue;
            }
            match read_seed(&path) {
                Ok(seed) => assert!(accepted && seed == SEED, "{mode:o}"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(
                        !accepted && text.contains("user.nk") && text.contains("nkey"),
                        "{mode:o}: {text}"
                    );
                }
            }
        }
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
        let error = read_seed(&path).unwrap_err().to_string();
        assert!(error.contains("starts with SU"), "{error}");
    }
}
