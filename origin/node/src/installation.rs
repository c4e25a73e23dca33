//! The id of this installation, by which a store on a server recognises its owner.

use std::io;
use std::path::PathBuf;

use cortex_platform::entropy;
use cortex_store::InstallationId;

use crate::home::{Home, write_private};
use crate::lock::lock;

/// The id of the installation can't be used.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    #[error("{}: invalid installation id: restore the file", .0.display())]
    Form(PathBuf),
    #[error("{}: {cause}", .file.display())]
    File { file: PathBuf, cause: io::Error },
}

/// Returns the stored id, and creates it at the first use.
///
/// # Errors
/// Returns an error if the file can't be read or written, or is invalid.
pub(crate) fn installation(home: &Home) -> Result<InstallationId, InstallationError> {
    let file = home.installation();
    let failed = |cause| InstallationError::File { file: file.clone(), cause };
    let _locked = lock(&home.run().join("installation.lock")).map_err(failed)?;
    match std::fs::read_to_string(&file) {
        Ok(text) => InstallationId::parse(text.trim()).ok_or_else(|| InstallationError::Form(file.clone())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = InstallationId::new(entropy::random());
            write_private(&file, format!("{id}\n").as_bytes()).map_err(failed)?;
            Ok(id)
        }
        Err(cause) => Err(failed(cause)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_installation_keeps_its_id_and_differs_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let home = |name: &str| Home::open(Some(folder.path().join(name))).unwrap();
        let id = installation(&home("a")).unwrap();
        assert_eq!(installation(&home("a")).unwrap(), id);
        assert_ne!(installation(&home("b")).unwrap(), id);
        std::fs::write(home("a").installation(), "0123").unwrap();
        assert!(matches!(installation(&home("a")), Err(InstallationError::Form(_))));
    }
}
