//! The device that a language model computes on.

use candle_core::{DType, DeviceLocation};
use cortex_transformer::Store;

use super::PlacementError;
use cortex_platform::memory;

use crate::{Device, Dtype};

/// An opened device, the floats to compute in, and how much of its memory may be used.
#[derive(Debug, Clone)]
pub struct ComputeDevice {
    pub(super) backend: Backend,
    dtype: Dtype,
    memory: u64,
}

#[derive(Debug, Clone)]
pub(super) enum Backend {
    /// The CPU with our own loops, and the format of keys and values.
    Loops(Store),
    /// A device of candle.
    Graph(candle_core::Device, DType),
}

impl ComputeDevice {
    /// Opens a device. The default `dtype` is `bf16` on CUDA if the card supports it, otherwise
    /// `f16` on CUDA and Metal, and `f32` on the CPU. The loops on the CPU compute in `f32` and
    /// support `f16` only for keys and values.
    pub fn open(device: Device, dtype: Option<Dtype>) -> Result<Self, PlacementError> {
        let Some(opened) = device.open()? else {
            let dtype = dtype.unwrap_or(Dtype::F32);
            let backend = match dtype {
                Dtype::F32 => Backend::Loops(Store::F32),
                Dtype::F16 => Backend::Loops(Store::F16),
                Dtype::Bf16 => return Err(PlacementError::Dtype(dtype)),
            };
            return Ok(Self { backend, dtype, memory: u64::MAX });
        };
        let dtype = dtype.unwrap_or_else(|| default_dtype(&opened));
        let floats = match dtype {
            Dtype::F32 => DType::F32,
            Dtype::Bf16 => DType::BF16,
            Dtype::F16 => DType::F16,
        };
        Ok(Self { backend: Backend::Graph(opened, floats), dtype, memory: u64::MAX })
    }

    /// Limits how many bytes weights and cache together may take.
    pub(super) fn within(self, memory: u64) -> Self {
        Self { memory, ..self }
    }

    /// Returns the device that was opened, never [`Device::Auto`].
    pub fn device(&self) -> Device {
        match &self.backend {
            Backend::Loops(_) => Device::Cpu,
            Backend::Graph(device, _) => match device.location() {
                DeviceLocation::Cpu => Device::Candle,
                DeviceLocation::Cuda { gpu_id } => Device::Cuda(gpu_id),
                DeviceLocation::Metal { .. } => Device::Metal,
            },
        }
    }

    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Returns how many bytes are free for weights and cache.
    pub fn free(&self) -> u64 {
        let free = match &self.backend {
            #[cfg(feature = "cuda")]
            Backend::Graph(candle_core::Device::Cuda(card), _) => {
                // A card that doesn't report its memory fails when it is full.
                card.cuda_stream().context().mem_get_info().map_or(u64::MAX, |(free, _)| free as u64)
            }
            #[cfg(feature = "metal")]
            Backend::Graph(candle_core::Device::Metal(chip), _) => {
                let chip = chip.metal_device();
                let most = chip.recommended_max_working_set_size();
                memory::free().min(most.saturating_sub(chip.current_allocated_size()) as u64)
            }
            _ => memory::free(),
        };
        free.min(self.memory)
    }
}

/// Returns the default floats of a device.
fn default_dtype(device: &candle_core::Device) -> Dtype {
    match device {
        #[cfg(feature = "cuda")]
        candle_core::Device::Cuda(card) => {
            let capability = card.cuda_stream().context().compute_capability();
            if capability.is_ok_and(|(major, _)| major >= 8) { Dtype::Bf16 } else { Dtype::F16 }
        }
        candle_core::Device::Metal(_) => Dtype::F16,
        _ => Dtype::F32,
    }
}
