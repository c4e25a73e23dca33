//! Reads the tensors of a GGUF file.

use std::path::Path;

use cortex_compute::Format;
use cortex_gguf::{Gguf, Layout};

use super::mapped::MappedFile;
use super::names::DIVISORS;
use super::tensors::{Tensor, Tensors};
use super::{LoadError, WeightsError};

/// Opens a file, and returns its metadata and tensors.
pub(super) fn open(path: &Path) -> Result<(Gguf, Tensors), LoadError> {
    let file = MappedFile::open(path.to_owned())?;
    let parsed = Gguf::parse(file.bytes());
    let gguf = parsed.map_err(|error| LoadError::Weights { path: path.to_owned(), error: error.into() })?;
    let mut tensors = Tensors::new(path.to_owned());
    for (name, info) in gguf.tensors() {
        let unknown =
            || Layout::of(info.kind).map_or_else(|| info.kind.to_string(), |layout| layout.name.into());
        let tensor = Tensor {
            file: file.clone(),
            format: Format::from_ggml(info.kind).ok_or_else(unknown),
            shape: info.shape.iter().rev().copied().collect(),
            range: info.range.clone(),
        };
        tensors.add(name.into(), tensor)?;
    }
    Ok((gguf, tensors))
}

/// Returns the values of `rope_freqs.weight`, if the file has it.
pub(super) fn divisors(tensors: &mut Tensors) -> Result<Option<Vec<f32>>, LoadError> {
    const MAX_DIVISORS: u64 = 1 << 12;
    let Some(tensor) = tensors.get(DIVISORS) else { return Ok(None) };
    match tensor.shape[..] {
        [length] if length <= MAX_DIVISORS => tensors.vector(DIVISORS, length as usize).map(Some),
        _ => Err(tensor.wrong(WeightsError::Shape {
            name: DIVISORS.into(),
            found: tensor.shape.clone(),
            expected: vec![MAX_DIVISORS],
        })),
    }
}
