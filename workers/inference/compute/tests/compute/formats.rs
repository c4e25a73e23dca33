//! Every format is read as candle reads it.

use std::borrow::Cow;
use std::sync::Arc;

use candle_core::Device;
use candle_core::quantized::{GgmlDType, QStorage, QTensor};
use cortex_compute::{Format, Matrix, ShapeError};

use crate::stored;

fn candles(format: Format) -> GgmlDType {
    match format {
        Format::F32 => GgmlDType::F32,
        Format::F16 => GgmlDType::F16,
        Format::Bf16 => GgmlDType::BF16,
        Format::Q4_0 => GgmlDType::Q4_0,
        Format::Q4_1 => GgmlDType::Q4_1,
        Format::Q5_0 => GgmlDType::Q5_0,
        Format::Q5_1 => GgmlDType::Q5_1,
        Format::Q8_0 => GgmlDType::Q8_0,
        Format::Q2K => GgmlDType::Q2K,
        Format::Q3K => GgmlDType::Q3K,
        Format::Q4K => GgmlDType::Q4K,
        Format::Q5K => GgmlDType::Q5K,
        Format::Q6K => GgmlDType::Q6K,
    }
}

#[test]
fn a_row_is_what_candle_makes_of_the_bytes() {
    let (rows, columns) = (5, 512);
    for format in Format::ALL {
        let matrix = stored::matrix(format, rows, columns, 7);
        let storage =
            QStorage::from_data(Cow::Owned(matrix.bytes().to_vec()), &Device::Cpu, candles(format)).unwrap();
        let theirs = QTensor::new(storage, (rows, columns)).unwrap().dequantize(&Device::Cpu).unwrap();
        let theirs = theirs.to_vec2::<f32>().unwrap();
        for (row, theirs) in theirs.iter().enumerate() {
            let mut ours = vec![f32::NAN; columns];
            matrix.row(row, &mut ours);
            for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                assert_eq!(ours, theirs, "{} row {row} column {at}", format.name());
            }
        }
    }
}

#[test]
fn a_slice_has_the_rows_it_names() {
    let matrix = stored::matrix(Format::Q4K, 9, 256, 3);
    let slice = matrix.slice(4..7);
    let (mut of_slice, mut of_matrix) = ([0.0; 256], [0.0; 256]);
    slice.row(2, &mut of_slice);
    matrix.row(6, &mut of_matrix);
    assert_eq!((slice.rows(), of_slice), (3, of_matrix));
}

#[test]
fn bytes_that_dont_fit_the_shape_are_refused() {
    let make = |format, rows, columns, range| {
        Matrix::new(format, rows, columns, Arc::new(vec![0u8; 100]), range).map(|_| ()).unwrap_err()
    };
    assert_eq!(make(Format::Q8_0, 1, 33, 0..34), ShapeError::Columns { format: Format::Q8_0, columns: 33 });
    assert!(matches!(make(Format::Q8_0, 2, 32, 0..67), ShapeError::Length { found: 67, .. }));
    assert!(matches!(make(Format::F32, usize::MAX, 4, 0..16), ShapeError::Length { .. }));
    assert!(matches!(make(Format::F32, 1, usize::MAX, 0..4), ShapeError::Columns { .. }));
    assert!(matches!(make(Format::F32, 1, 1, 98..102), ShapeError::Range { length: 100, .. }));
    #[expect(clippy::reversed_empty_ranges)]
    let reversed = make(Format::F32, 1, 1, 4..0);
    assert!(matches!(reversed, ShapeError::Range { .. }));
}
