//! Reads `model.safetensors`, or the files that `model.safetensors.index.json` names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Component, Path};

use cortex_compute::Format;
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use super::mapped::MappedFile;
use super::tensors::{Tensor, Tensors};
use super::{LoadError, WeightsError};

const SINGLE_FILE: &str = "model.safetensors";
const INDEX_FILE: &str = "model.safetensors.index.json";
/// More than the largest models have.
const MAX_FILES: usize = 1024;

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Opens the tensors of a folder.
pub(super) fn open(folder: &Path) -> Result<Tensors, LoadError> {
    let index = folder.join(INDEX_FILE);
    match fs::read(&index) {
        Ok(json) => shards(folder, &index, &json),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let path = folder.join(SINGLE_FILE);
            let mut tensors = Tensors::new(path.clone());
            add(&mut tensors, &MappedFile::open(path)?)?;
            Ok(tensors)
        }
        Err(error) => Err(LoadError::Io { path: index, error }),
    }
}

fn shards(folder: &Path, path: &Path, json: &[u8]) -> Result<Tensors, LoadError> {
    let wrong = |error| LoadError::Weights { path: path.to_owned(), error };
    let index: Index = serde_json::from_slice(json).map_err(|error| wrong(WeightsError::Index(error)))?;
    let files: BTreeSet<&str> = index.weight_map.values().map(String::as_str).collect();
    if files.len() > MAX_FILES {
        return Err(wrong(WeightsError::TooManyFiles(index.weight_map.len())));
    }
    let mut tensors = Tensors::new(path.to_owned());
    for file in files {
        let mut parts = Path::new(file).components();
        let (Some(Component::Normal(_)), None) = (parts.next(), parts.next()) else {
            return Err(wrong(WeightsError::FileName(file.into())));
        };
        add(&mut tensors, &MappedFile::open(folder.join(file))?)?;
    }
    for (name, file) in &index.weight_map {
        let there = tensors.get(name).is_some_and(|tensor| tensor.path() == folder.join(file));
        if !there {
            let error = WeightsError::Missing(name.clone());
            return Err(LoadError::Weights { path: folder.join(file), error });
        }
    }
    Ok(tensors)
}

fn add(tensors: &mut Tensors, file: &MappedFile) -> Result<(), LoadError> {
    let read = SafeTensors::read_metadata(file.bytes());
    let (header, metadata) =
        read.map_err(|error| LoadError::Weights { path: file.path().to_owned(), error: error.into() })?;
    // The header's length takes eight bytes.
    let start = 8 + header;
    for (name, info) in metadata.tensors() {
        let (from, to) = info.data_offsets;
        let tensor = Tensor {
            file: file.clone(),
            format: format(info.dtype),
            shape: info.shape.iter().map(|&size| size as u64).collect(),
            range: start + from..start + to,
        };
        tensors.add(name, tensor)?;
    }
    Ok(())
}

fn format(dtype: Dtype) -> Result<Format, String> {
    match dtype {
        Dtype::F32 => Ok(Format::F32),
        Dtype::F16 => Ok(Format::F16),
        Dtype::BF16 => Ok(Format::Bf16),
        other => Err(format!("{other:?}")),
    }
}
