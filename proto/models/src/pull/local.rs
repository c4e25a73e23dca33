//! Files that need no network.

use std::io::Read;
use std::path::Path;

use super::partial_file::PartialFile;
use super::{Meter, SourceError, blocking};
use crate::{ModelFile, VerifyError};

/// Writes files into a model's folder. `open` returns the reader of each.
pub(super) async fn fetch<R: Read>(
    files: &[&ModelFile],
    dir: &Path,
    meter: Meter<'_>,
    open: impl Fn(&ModelFile) -> Result<R, VerifyError> + Clone + Send + 'static,
) -> Result<(), SourceError> {
    let mut before = 0;
    for &file in files {
        let (pinned, dir, open) = (file.clone(), dir.to_owned(), open.clone());
        blocking(move || {
            let content = open(&pinned)?;
            let mut part = PartialFile::open(&pinned, &dir)?;
            part.fill(content, |_| ())?;
            part.finish()
        })
        .await?;
        before += file.size;
        meter(before);
    }
    Ok(())
}
