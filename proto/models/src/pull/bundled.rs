//! Files that are built into this program: the small model, which is always available.

use std::path::Path;

use super::{Meter, SourceError, local};
use crate::{ModelFile, VerifyError};

macro_rules! small {
    ($($name:literal),*) => {
        [$(($name, include_bytes!(concat!("../../../../workers/inference/small/model/", $name)).as_slice())),*]
    };
}

static SMALL: [(&str, &[u8]); 5] = small!(
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json"
);

pub(super) async fn fetch(files: &[&ModelFile], dir: &Path, meter: Meter<'_>) -> Result<(), SourceError> {
    let open = |file: &ModelFile| {
        let carried = SMALL.iter().find(|(name, _)| *name == file.path.as_str());
        let missing = || VerifyError::Missing { file: file.path.as_str().into() };
        carried.map(|(_, content)| *content).ok_or_else(missing)
    };
    local::fetch(files, dir, meter, open).await
}

#[cfg(test)]
mod tests {
    use crate::ModelCatalogue;

    #[tokio::test]
    async fn the_small_model_comes_out_of_this_program() {
        let home = tempfile::tempdir().unwrap();
        let model = ModelCatalogue::shipped().get("cortex-small").unwrap().clone();
        let dir = crate::pull(&model, home.path(), |_| ()).await.unwrap();
        model.verify(&dir).unwrap();
    }
}
