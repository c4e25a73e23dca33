//! A `config.json`.
#![no_main]

use cortex_transformer::Shape;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(shape) = Shape::from_config(bytes) {
        assert_eq!(shape.windows.len(), shape.layers);
    }
});
