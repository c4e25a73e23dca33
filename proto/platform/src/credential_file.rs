//! Files with which a process identifies itself: secrets, which other users must not read, and
//! certificates.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The longest file that is read, in bytes.
const MAX_FILE: u64 = 64 * 1024;
/// The bits of a mode that let anyone but the owner use a file.
const OTHERS: u32 = 0o077;
/// The same for a file of root, which its group may read. Kubernetes and systemd hand secrets to a
/// service in this way.
const OTHERS_OF_ROOT: u32 = 0o037;

/// A file can't be used. The error does not name it: what is not the name of a file may be the
/// secret itself.
#[derive(Debug, thiserror::Error)]
pub enum CredentialFileError {
    #[error("it does not exist")]
    Missing,
    #[error("other users may read it (mode {0:04o}): run chmod 600")]
    Open(u32),
    #[error("it has more than {MAX_FILE} bytes")]
    TooLong,
    #[error("{}", .0.kind())]
    Unreadable(#[source] io::Error),
}

/// Reads a file that other users must not read. Its group may, if root owns it.
///
/// # Errors
/// Returns an error if the file can't be read, is too long, or is not private.
pub fn read_secret(path: &Path) -> Result<String, CredentialFileError> {
    let (text, mode, owner) = read_with_mode(path)?;
    let others = if owner == 0 { OTHERS_OF_ROOT } else { OTHERS };
    if mode & others == 0 { Ok(text) } else { Err(CredentialFileError::Open(mode & 0o7777)) }
}

/// Reads a file that everyone may read.
///
/// # Errors
/// Returns an error if the file can't be read or is too long.
pub fn read_public(path: &Path) -> Result<String, CredentialFileError> {
    read_with_mode(path).map(|(text, ..)| text)
}

/// Returns a file's text, mode and owner.
fn read_with_mode(path: &Path) -> Result<(String, u32, u32), CredentialFileError> {
    let mut text = String::new();
    let reading = File::open(path).and_then(|file| {
        let metadata = file.metadata()?;
        file.take(MAX_FILE + 1).read_to_string(&mut text)?;
        Ok(metadata)
    });
    let metadata = reading.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::InvalidFilename => CredentialFileError::Missing,
        _ => CredentialFileError::Unreadable(error),
    })?;
    if text.len() as u64 > MAX_FILE {
        return Err(CredentialFileError::TooLong);
    }
    Ok((text, metadata.mode(), metadata.uid()))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, chown};

    use super::*;

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, "s3cret").unwrap();
        let owner = std::fs::metadata(&path).unwrap().uid();
        for (mode, of_root, accepted) in [
            (0o600, false, true),
            (0o400, false, true),
            (0o640, false, false),
            (0o604, false, false),
            (0o644, false, false),
            (0o610, false, false),
            (0o440, true, true),
            (0o444, true, false),
            (0o660, true, false),
        ] {
            // Only root can give a file away.
            let chosen = if of_root { 0 } else { 1000 };
            if owner == 0 {
                chown(&path, Some(chosen), None).unwrap();
            } else if of_root {
                continue;
            }
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            match read_secret(&path) {
                Ok(text) => assert!(accepted && text == "s3cret", "{mode:o}"),
                Err(error) => {
                    assert!(!accepted && matches!(error, CredentialFileError::Open(_)), "{mode:o}: {error}");
                }
            }
            assert!(read_public(&path).is_ok());
        }
    }

    #[test]
    fn a_missing_or_long_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        assert!(matches!(read_secret(&path), Err(CredentialFileError::Missing)));
        assert!(matches!(read_secret(Path::new(&"x".repeat(5000))), Err(CredentialFileError::Missing)));
        std::fs::write(&path, "x".repeat(64 * 1024 + 1)).unwrap();
        assert!(matches!(read_public(&path), Err(CredentialFileError::TooLong)));
    }
}
