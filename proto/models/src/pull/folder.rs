//! Files of a local folder.

use std::fs::File;
use std::path::Path;

use super::part::Part;
use super::{Meter, Refusal, blocking};
use crate::{ModelFile, VerifyError};

pub(super) async fn fetch(
    folder: &Path,
    files: &[&ModelFile],
    dir: &Path,
    meter: Meter<'_>,
) -> Result<(), Refusal> {
    let mut before = 0;
    for &file in files {
        let (from, pinned, dir) = (file.path.within(folder), file.clone(), dir.to_owned());
        blocking(move || {
            let content =
                File::open(&from).map_err(|source| VerifyError::Unreadable { file: from.clone(), source })?;
            let mut part = Part::open(&pinned, &dir)?;
            part.fill(content, |_| ())?;
            part.finish()
        })
        .await?;
        before += file.size;
        meter(before);
    }
    Ok(())
}
