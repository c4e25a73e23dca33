//! The tensors of a model's files, by name.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use cortex_compute::{Format, Matrix};

use super::mapped::MappedFile;
use super::{LoadError, WeightsError};

/// The tensors that were not taken yet.
#[derive(Debug)]
pub(crate) struct Tensors {
    /// The file to name when a tensor is missing.
    path: PathBuf,
    tensors: BTreeMap<String, Tensor>,
}

/// Where a tensor lies, and its type.
#[derive(Debug, Clone)]
pub(crate) struct Tensor {
    pub(crate) file: MappedFile,
    /// The format, or the file's name for an unsupported one.
    pub(crate) format: Result<Format, String>,
    /// Outermost dimension first: rows, columns.
    pub(crate) shape: Vec<u64>,
    pub(crate) range: Range<usize>,
}

impl Tensors {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, tensors: BTreeMap::new() }
    }

    pub(crate) fn add(&mut self, name: String, tensor: Tensor) -> Result<(), LoadError> {
        let path = tensor.file.path().to_owned();
        match self.tensors.insert(name.clone(), tensor) {
            None => Ok(()),
            Some(_) => Err(LoadError::Weights { path, error: WeightsError::Duplicate(name) }),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// Takes a matrix, which stays in the file.
    pub(crate) fn matrix(&mut self, name: &str, rows: usize, columns: usize) -> Result<Matrix, LoadError> {
        let tensor = self.take(name, &[rows as u64, columns as u64])?;
        tensor.matrix(name, rows, columns).map_err(|error| tensor.wrong(error))
    }

    /// Takes the values of a vector.
    pub(crate) fn vector(&mut self, name: &str, length: usize) -> Result<Vec<f32>, LoadError> {
        let tensor = self.take(name, &[length as u64])?;
        let matrix = tensor.matrix(name, 1, length).map_err(|error| tensor.wrong(error))?;
        let mut values = vec![0.0; length];
        matrix.row(0, &mut values);
        Ok(values)
    }

    /// Returns all tensors.
    pub(crate) fn all(&self) -> Vec<Tensor> {
        self.tensors.values().cloned().collect()
    }

    /// Returns the tensors that were not taken.
    pub(crate) fn unused(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    fn take(&mut self, name: &str, expected: &[u64]) -> Result<Tensor, LoadError> {
        let missing =
            || LoadError::Weights { path: self.path.clone(), error: WeightsError::Missing(name.into()) };
        let tensor = self.tensors.remove(name).ok_or_else(missing)?;
        if tensor.shape == expected {
            return Ok(tensor);
        }
        let (found, expected) = (tensor.shape.clone(), expected.to_vec());
        Err(tensor.wrong(WeightsError::Shape { name: name.into(), found, expected }))
    }
}

impl Tensor {
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Returns an error about the file that contains this tensor.
    pub(crate) fn wrong(&self, error: WeightsError) -> LoadError {
        LoadError::Weights { path: self.path().to_owned(), error }
    }

    fn matrix(&self, name: &str, rows: usize, columns: usize) -> Result<Matrix, WeightsError> {
        let format = self.format.clone();
        let format = format.map_err(|found| WeightsError::Format { name: name.into(), found })?;
        Matrix::new(format, rows, columns, self.file.shared(), self.range.clone())
            .map_err(|error| WeightsError::Matrix { name: name.into(), error })
    }
}
