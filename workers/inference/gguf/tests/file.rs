//! What is read, and which error rejects everything else.

#[path = "file/writer.rs"]
mod writer;

use cortex_gguf::{Array, Gguf, GgufError, Value};
use proptest::prelude::*;
use writer::{File, Tensor};

fn refused(change: impl FnOnce(&mut File)) -> GgufError {
    let mut file = File::small();
    change(&mut file);
    Gguf::parse(&file.to_bytes()).expect_err("should be refused")
}

#[test]
fn a_small_file_is_read_in_both_versions() {
    for version in [2, 3] {
        let bytes = File { version, ..File::small() }.to_bytes();
        let gguf = Gguf::parse(&bytes).unwrap();
        assert_eq!(gguf.get("llama.block_count").and_then(Value::as_u64), Some(2));
        assert_eq!(gguf.get("general.architecture").and_then(Value::as_str), Some("llama"));
        let embedding = gguf.tensor("token_embd.weight").unwrap();
        assert_eq!((embedding.kind, embedding.shape.as_slice()), (2, [32, 3].as_slice()));
        assert_eq!(embedding.range.len(), 3 * 18);
        assert_eq!(embedding.range.start % 32, 0);
        assert_eq!(gguf.tensor("output.weight").unwrap().range.end, bytes.len());
        assert_eq!(gguf.tensors().count(), 3);
    }
}

#[test]
fn what_is_not_a_file_of_this_kind_is_refused_by_name() {
    assert_eq!(Gguf::parse(b""), Err(GgufError::Magic));
    assert_eq!(Gguf::parse(b"ggml0000"), Err(GgufError::Magic));
    assert_eq!(refused(|file| file.version = 1), GgufError::Version(1));
    assert_eq!(refused(|file| file.version = 4), GgufError::Version(4));
    assert_eq!(refused(|file| file.version = 3u32.swap_bytes()), GgufError::BigEndian);
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let bytes = File::small().to_bytes();
    for length in 0..bytes.len() {
        let error = Gguf::parse(&bytes[..length]).expect_err("a part is not a file");
        assert!(
            matches!(error, GgufError::Magic | GgufError::Truncated { .. } | GgufError::OutOfFile { .. }),
            "{length}: {error}"
        );
    }
}

#[test]
fn counts_larger_than_the_file_allocate_nothing() {
    let bytes = File::small().to_bytes();
    for at in [8, 16] {
        let mut bytes = bytes.clone();
        bytes[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        assert!(matches!(Gguf::parse(&bytes), Err(GgufError::Truncated { wanted: u64::MAX, .. })));
    }
}

#[test]
fn names_are_unique() {
    let error = refused(|file| file.values.push(file.values[1].clone()));
    assert_eq!(error, GgufError::DuplicateKey { key: "llama.block_count".into() });
    let error = refused(|file| file.tensors.push(file.tensors[1].clone()));
    assert_eq!(error, GgufError::DuplicateTensor { name: "output_norm.weight".into() });
}

#[test]
fn an_alignment_is_a_power_of_two() {
    for bad in [Value::U32(0), Value::U32(24), Value::U64(32), Value::String("32".into())] {
        let error = refused(|file| file.values.push(("general.alignment".into(), bad)));
        assert!(matches!(error, GgufError::Alignment(_)), "{error}");
    }
}

#[test]
fn tensors_lie_inside_the_file_aligned_and_apart() {
    assert!(matches!(refused(|file| file.tensors[1].offset = Some(33)), GgufError::Misaligned { .. }));
    assert!(matches!(refused(|file| file.tensors[1].offset = Some(32)), GgufError::Overlap { .. }));
    let far = u64::MAX - 31;
    assert!(matches!(refused(|file| file.tensors[2].offset = Some(far)), GgufError::OutOfFile { .. }));
    assert!(matches!(refused(|file| file.tensors[2].offset = Some(1 << 40)), GgufError::OutOfFile { .. }));
}

#[test]
fn shapes_are_whole_blocks_that_can_be_addressed() {
    assert!(matches!(refused(|file| file.tensors[0].shape = vec![33, 2]), GgufError::PartialBlock { .. }));
    assert!(matches!(refused(|file| file.tensors[0].shape = vec![32, 0]), GgufError::Empty { .. }));
    let wide = vec![1 << 32, 1 << 31, 2];
    assert!(matches!(refused(|file| file.tensors[1].shape = wide), GgufError::TooLarge { .. }));
    assert!(matches!(refused(|file| file.tensors[1].shape = vec![]), GgufError::Dimensions { .. }));
    assert!(matches!(refused(|file| file.tensors[1].shape = vec![1; 5]), GgufError::Dimensions { .. }));
    assert!(matches!(refused(|file| file.tensors[1].kind = 4), GgufError::UnknownTensor { kind: 4, .. }));
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u8>().prop_map(Value::U8),
        any::<i8>().prop_map(Value::I8),
        any::<u16>().prop_map(Value::U16),
        any::<i16>().prop_map(Value::I16),
        any::<u32>().prop_map(Value::U32),
        any::<i32>().prop_map(Value::I32),
        any::<u64>().prop_map(Value::U64),
        any::<i64>().prop_map(Value::I64),
        any::<f32>().prop_map(Value::F32),
        any::<f64>().prop_map(Value::F64),
        any::<bool>().prop_map(Value::Bool),
        any::<String>().prop_map(Value::String),
        array().prop_map(Value::Array),
    ]
}

fn array() -> impl Strategy<Value = Array> {
    fn some<T: Arbitrary + Clone + 'static>() -> impl Strategy<Value = Vec<T>> {
        proptest::collection::vec(any::<T>(), 0..5)
    }
    prop_oneof![
        some().prop_map(Array::U8),
        some().prop_map(Array::I8),
        some().prop_map(Array::U16),
        some().prop_map(Array::I16),
        some().prop_map(Array::U32),
        some().prop_map(Array::I32),
        some().prop_map(Array::U64),
        some().prop_map(Array::I64),
        some().prop_map(Array::F32),
        some().prop_map(Array::F64),
        some().prop_map(Array::Bool),
        some().prop_map(Array::String),
    ]
}

fn tensor() -> impl Strategy<Value = (u32, Vec<u64>)> {
    let kind = prop_oneof![Just((0, 1)), Just((1, 1)), Just((2, 32)), Just((8, 32)), Just((12, 256))];
    (kind, proptest::collection::vec(1u64..4, 1..=4)).prop_map(|((kind, block), mut shape)| {
        shape[0] *= block;
        (kind, shape)
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        version in 2u32..=3,
        shift in 0u32..10,
        values in proptest::collection::btree_map("[a-z.]{1,20}", value(), 0..8),
        tensors in proptest::collection::btree_map("[a-z.]{1,20}", tensor(), 0..5),
    ) {
        let alignment = 1 << shift;
        let mut values: Vec<_> = values.into_iter().collect();
        values.push(("general.alignment".into(), Value::U32(alignment)));
        let tensors: Vec<_> = tensors
            .into_iter()
            .map(|(name, (kind, shape))| Tensor { name, kind, shape, offset: None })
            .collect();
        let file = File { version, alignment, values, tensors };
        let gguf = Gguf::parse(&file.to_bytes()).unwrap();
        for (key, value) in &file.values {
            // Compared as text, because NaN is not equal to itself.
            prop_assert_eq!(format!("{:?}", gguf.get(key)), format!("{:?}", Some(value)));
        }
        prop_assert_eq!(gguf.tensors().count(), file.tensors.len());
        for tensor in &file.tensors {
            let read = gguf.tensor(&tensor.name).unwrap();
            prop_assert_eq!((read.kind, &read.shape), (tensor.kind, &tensor.shape));
            prop_assert_eq!(read.range.len() as u64, tensor.bytes());
        }
    }
}
