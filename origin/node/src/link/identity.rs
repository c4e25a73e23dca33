//! The certificate that the origin shows to workers: made at its first use, kept in the home folder.

use std::io;
use std::path::{Path, PathBuf};

use cortex_link::{Identity, IdentityError};

use crate::home::{Home, write_private};
use crate::lock::lock;

/// Why the certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum IdentityFileError {
    #[error("{}: {cause}", .file.display())]
    File { file: PathBuf, cause: io::Error },
    #[error("{}: {cause}; restore it, or remove it to make a new one", .file.display())]
    Identity { file: PathBuf, cause: IdentityError },
    #[error(transparent)]
    Make(IdentityError),
}

/// Returns the certificate and key that are kept, and makes them if there are none.
///
/// # Errors
/// Returns an error if the files can't be read or written, or hold something else.
pub fn link_identity(home: &Home) -> Result<Identity, IdentityFileError> {
    let (certificate, key) = (home.link_certificate(), home.link_key());
    let held = home.run().join("link-certificate.lock");
    let _locked = lock(&held).map_err(|cause| IdentityFileError::File { file: held.clone(), cause })?;
    if let (Some(pem), Some(key)) = (read(&certificate)?, read(&key)?) {
        let identity = Identity::from_pem(&pem, &key);
        return identity.map_err(|cause| IdentityFileError::Identity { file: certificate, cause });
    }
    let made = Identity::generate().map_err(IdentityFileError::Make)?;
    // The key first: a certificate lies there only with its key.
    for (file, text) in [(key, made.key_pem()), (certificate, made.certificate_pem())] {
        let written = write_private(&file, text.as_bytes());
        written.map_err(|cause| IdentityFileError::File { file, cause })?;
    }
    Ok(made)
}

fn read(file: &Path) -> Result<Option<Vec<u8>>, IdentityFileError> {
    match std::fs::read(file) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(IdentityFileError::File { file: file.to_owned(), cause }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_certificate_is_made_once_and_its_key_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::open(Some(folder.path().join("home"))).unwrap();
        let made = link_identity(&home).unwrap();
        assert_eq!(link_identity(&home).unwrap().fingerprint(), made.fingerprint());
        let mode = std::fs::metadata(home.link_key()).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        std::fs::write(home.link_certificate(), "x").unwrap();
        let error = link_identity(&home).unwrap_err();
        assert!(error.to_string().contains("link-certificate.pem"), "{error}");
    }
}
