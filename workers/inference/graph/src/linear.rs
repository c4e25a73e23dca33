//! A linear layer on the device.

use std::borrow::Cow;

use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{DType, Device, Module, Result, Tensor};
use cortex_compute::{Format, Matrix};

/// A linear layer in the format of its stored weights.
#[derive(Debug)]
pub(crate) struct Linear {
    matrix: Weights,
    bias: Option<Tensor>,
}

#[derive(Debug)]
enum Weights {
    /// Transposed: columns x rows.
    Plain(Tensor),
    Blocks(QMatMul),
}

impl Linear {
    /// Copies the weights to the device. Floats become `dtype`, and quantised blocks keep their
    /// format.
    pub(crate) fn new(linear: &cortex_transformer::Linear, dtype: DType, device: &Device) -> Result<Self> {
        let bias = linear.bias.as_ref();
        let bias = bias.map(|bias| Tensor::new(bias.as_slice(), device)?.to_dtype(dtype)).transpose()?;
        Ok(Self { bias, ..Self::of(&linear.matrix, dtype, device)? })
    }

    pub(crate) fn of(matrix: &Matrix, dtype: DType, device: &Device) -> Result<Self> {
        let shape = (matrix.rows(), matrix.columns());
        let weights = match stored(matrix.format()) {
            Stored::Floats(stored) => {
                let values = Tensor::from_raw_buffer(matrix.bytes(), stored, &[shape.0, shape.1], device)?;
                Weights::Plain(values.to_dtype(dtype)?.t()?)
            }
            Stored::Blocks(format) => {
                let storage = QStorage::from_data(Cow::Borrowed(matrix.bytes()), device, format)?;
                Weights::Blocks(QMatMul::from_qtensor(QTensor::new(storage, shape)?)?)
            }
        };
        Ok(Self { matrix: weights, bias: None })
    }

    /// Returns the bytes that a matrix takes on the device.
    pub(crate) fn bytes(matrix: &Matrix, dtype: DType) -> u64 {
        match stored(matrix.format()) {
            Stored::Floats(_) => {
                let values = matrix.rows() as u64 * matrix.columns() as u64;
                values.saturating_mul(dtype.size_in_bytes() as u64)
            }
            Stored::Blocks(_) => matrix.bytes().len() as u64,
        }
    }

    /// Multiplies `x`, which is tokens x columns.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let product = match &self.matrix {
            Weights::Plain(weights) => x.matmul(weights)?,
            // The kernels for quantised blocks accept 32-bit floats only.
            Weights::Blocks(weights) => {
                weights.forward(&x.to_dtype(DType::F32)?.contiguous()?)?.to_dtype(x.dtype())?
            }
        };
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }
}

enum Stored {
    Floats(DType),
    Blocks(GgmlDType),
}

fn stored(format: Format) -> Stored {
    match format {
        Format::F32 => Stored::Floats(DType::F32),
        Format::F16 => Stored::Floats(DType::F16),
        Format::Bf16 => Stored::Floats(DType::BF16),
        Format::Q4_0 => Stored::Blocks(GgmlDType::Q4_0),
        Format::Q4_1 => Stored::Blocks(GgmlDType::Q4_1),
        Format::Q5_0 => Stored::Blocks(GgmlDType::Q5_0),
        Format::Q5_1 => Stored::Blocks(GgmlDType::Q5_1),
        Format::Q8_0 => Stored::Blocks(GgmlDType::Q8_0),
        Format::Q2K => Stored::Blocks(GgmlDType::Q2K),
        Format::Q3K => Stored::Blocks(GgmlDType::Q3K),
        Format::Q4K => Stored::Blocks(GgmlDType::Q4K),
        Format::Q5K => Stored::Blocks(GgmlDType::Q5K),
        Format::Q6K => Stored::Blocks(GgmlDType::Q6K),
    }
}
