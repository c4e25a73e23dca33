//! The device that a model runs on.

use std::fmt;
use std::str::FromStr;

/// `auto`, `cpu`, `candle`, `cuda:N` or `metal`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The accelerator that this binary was built for if the machine has it, otherwise the CPU.
    #[default]
    Auto,
    /// The CPU, with our own loops.
    Cpu,
    /// The CPU, with candle's operations. This is the same graph as on an accelerator.
    Candle,
    Cuda(usize),
    Metal,
}

/// Why a device can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    #[error("invalid device {0:?}: must be auto, cpu, candle, cuda:N or metal")]
    Unknown(String),
    #[error(
        "{device} needs a worker that was built with the cargo feature `{feature}`: build one or use cpu"
    )]
    NotBuilt { device: Device, feature: &'static str },
    #[error("{device} can't be opened: {reason}")]
    Absent { device: Device, reason: String },
}

impl Device {
    /// Opens the device. Returns `None` for the CPU with our own loops, and if `auto` finds no
    /// accelerator.
    pub(crate) fn open(self) -> Result<Option<candle_core::Device>, DeviceError> {
        let opened = |result: candle_core::Result<candle_core::Device>| {
            result.map(Some).map_err(|error| DeviceError::Absent { device: self, reason: error.to_string() })
        };
        match self {
            Self::Cpu => Ok(None),
            Self::Candle => Ok(Some(candle_core::Device::Cpu)),
            Self::Cuda(ordinal) if cfg!(feature = "cuda") => opened(candle_core::Device::new_cuda(ordinal)),
            Self::Metal if cfg!(feature = "metal") => opened(candle_core::Device::new_metal(0)),
            Self::Cuda(_) => Err(DeviceError::NotBuilt { device: self, feature: "cuda" }),
            Self::Metal => Err(DeviceError::NotBuilt { device: self, feature: "metal" }),
            Self::Auto => {
                let built = [
                    cfg!(feature = "cuda").then_some(Self::Cuda(0)),
                    cfg!(feature = "metal").then_some(Self::Metal),
                ];
                Ok(built.into_iter().flatten().find_map(|device| device.open().ok().flatten()))
            }
        }
    }
}

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown(text.into());
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "candle" => Ok(Self::Candle),
            "cuda" => Ok(Self::Cuda(0)),
            "metal" => Ok(Self::Metal),
            other => {
                let ordinal = other.strip_prefix("cuda:").ok_or_else(unknown)?;
                ordinal.parse().map(Self::Cuda).map_err(|_| unknown())
            }
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Candle => f.write_str("candle"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_reads_back_from_its_text() {
        for device in [Device::Auto, Device::Cpu, Device::Cuda(3), Device::Metal] {
            assert_eq!(device.to_string().parse(), Ok(device));
        }
        for bad in ["", "gpu", "cuda:", "cuda:-1", "CPU"] {
            assert_eq!(bad.parse::<Device>(), Err(DeviceError::Unknown(bad.into())));
        }
    }
}
