//! The floats that a model computes in.

use std::fmt;
use std::str::FromStr;

/// `f32`, `bf16` or `f16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dtype {
    F32,
    Bf16,
    F16,
}

/// The text names no supported floats.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid dtype {0:?}: must be f32, bf16 or f16")]
pub struct UnknownDtype(String);

impl FromStr for Dtype {
    type Err = UnknownDtype;

    fn from_str(text: &str) -> Result<Self, UnknownDtype> {
        let all = [Self::F32, Self::Bf16, Self::F16];
        all.into_iter().find(|dtype| dtype.name() == text).ok_or_else(|| UnknownDtype(text.into()))
    }
}

impl Dtype {
    fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dtype_reads_back_from_its_text() {
        for dtype in [Dtype::F32, Dtype::Bf16, Dtype::F16] {
            assert_eq!(dtype.to_string().parse(), Ok(dtype));
        }
        assert_eq!("F32".parse::<Dtype>(), Err(UnknownDtype("F32".into())));
    }
}
