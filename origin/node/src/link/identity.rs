//! The certificate that the origin shows to workers. It is created at its first use and stored in
//! the home folder.

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
    #[error("{}: {cause}: restore the file, or remove it to create a new one", .file.display())]
    Identity { file: PathBuf, cause: IdentityError },
    /// A new certificate would lock out every worker that has the old one.
    #[error(
        "{} is missing, but {} exists: restore the missing file, or remove the other one to create a new \
         certificate (workers with the old certificate then need the new one)",
        .missing.display(), .there.display()
    )]
    Half { missing: PathBuf, there: PathBuf },
    #[error(transparent)]
    Make(IdentityError),
}

/// Returns the stored certificate and key, and creates them at the first use.
///
/// # Errors
/// Returns an error if the files can't be read or written, are invalid, or if only one of them
/// exists.
pub fn link_identity(home: &Home) -> Result<Identity, IdentityFileError> {
    let (certificate, key) = (home.link_certificate(), home.link_key());
    let held = home.run().join("link-certificate.lock");
    let _locked = lock(&held).map_err(|cause| IdentityFileError::File { file: held.clone(), cause })?;
    match (read(&certificate)?, read(&key)?) {
        (Some(pem), Some(key)) => {
            let identity = Identity::from_pem(&pem, &key);
            return identity.map_err(|cause| IdentityFileError::Identity { file: certificate, cause });
        }
        (Some(_), None) => return Err(IdentityFileError::Half { missing: key, there: certificate }),
        (None, Some(_)) => return Err(IdentityFileError::Half { missing: certificate, there: key }),
        (None, None) => {}
    }
    let made = Identity::generate().map_err(IdentityFileError::Make)?;
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
    fn half_an_identity_is_not_replaced_and_the_missing_file_is_named() {
        for missing in [Home::link_certificate, Home::link_key] {
            let folder = tempfile::tempdir().unwrap();
            let home = Home::open(Some(folder.path().join("home"))).unwrap();
            link_identity(&home).unwrap();
            let lost = std::fs::read(missing(&home)).unwrap();
            std::fs::remove_file(missing(&home)).unwrap();
            let error = link_identity(&home).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{} is missing", missing(&home).display())), "{error}");
            assert!(!missing(&home).exists());
            std::fs::write(missing(&home), lost).unwrap();
            link_identity(&home).unwrap();
        }
    }

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
