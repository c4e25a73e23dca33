//! Files of a local folder.

use std::fs::File;
use std::path::Path;

use super::{Meter, SourceError, local};
use crate::{ModelFile, VerifyError};

pub(super) async fn fetch(
    folder: &Path,
    files: &[&ModelFile],
    dir: &Path,
    meter: Meter<'_>,
) -> Result<(), SourceError> {
    let folder = folder.to_owned();
    let open = move |file: &ModelFile| {
        let from = file.path.within(&folder);
        File::open(&from).map_err(|cause| VerifyError::Unreadable { file: from, cause })
    };
    local::fetch(files, dir, meter, open).await
}
