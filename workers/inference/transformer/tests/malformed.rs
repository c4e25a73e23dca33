//! Randomly damaged files cause an error or load a model that runs. They never cause a panic or use
//! much more memory than the files' size.
//!
//! `CORTEX_MUTATIONS` sets the number of mutations of each kind.

#![allow(clippy::unwrap_used)]

mod fixture;

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use cortex_transformer::{Cache, LogitsFor, Segment, Shape, Store};
use fixture::Fixture;
use fixture::weights::mixed;

/// More than a normal load of the small models takes.
const MAX_MEMORY: usize = 16 << 20;

struct CountingAllocator;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// Tests in one process must not count at the same time.
static TURN: Mutex<()> = Mutex::new(());

// SAFETY: the system's allocator does all the work.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(now, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn mutations() -> u64 {
    std::env::var("CORTEX_MUTATIONS").map_or(2_000, |count| count.parse().unwrap())
}

/// Random numbers for one mutation.
struct Random {
    seed: u64,
    thrown: u64,
}

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.thrown += 1;
        (mixed(self.seed, self.thrown) % most.max(1) as u64) as usize
    }
}

/// Numbers to put into headers.
const NUMBERS: [u64; 8] = [0, 1, 7, u32::MAX as u64, 1 << 40, u64::MAX, u64::MAX / 2, 1 << 63];

/// Damages the first `within` bytes in one to four places.
fn damage(bytes: &mut Vec<u8>, within: usize, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let within = within.min(bytes.len());
        let at = random.below(within);
        match random.below(8) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, random.below(256) as u8),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => {
                let number = NUMBERS[random.below(NUMBERS.len())].to_le_bytes();
                let count = bytes.len().saturating_sub(at).min(if random.below(2) == 0 { 4 } else { 8 });
                bytes[at..at + count].copy_from_slice(&number[..count]);
            }
            4 => digits(bytes, at, random),
            5 => {
                let (from, count) = (random.below(within), random.below(64));
                let copy = bytes[from..(from + count).min(within)].to_vec();
                bytes.splice(at..at, copy);
            }
            _ if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            _ => {}
        }
    }
}

/// Replaces the next number that is written in digits.
fn digits(bytes: &mut Vec<u8>, at: usize, random: &mut Random) {
    let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|found| at + found) else { return };
    let end =
        bytes[start..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |n| start + n);
    let number = match random.below(4) {
        0 => "-1".into(),
        1 => "1e400".into(),
        _ => NUMBERS[random.below(NUMBERS.len())].to_string(),
    };
    bytes.splice(start..end, number.into_bytes());
}

/// Opens the model and runs two tokens. Returns whether that succeeded.
fn attempt(path: &Path) -> bool {
    let Ok(model) = fixture::open(path, 1) else { return false };
    let mut cache = Cache::new(model.shape(), 1, Store::F32).unwrap();
    let tokens = [0, model.shape().vocabulary as u32 - 1];
    let segment = Segment {
        tokens: &tokens[..model.shape().context.min(2)],
        start: 0,
        blocks: &[0],
        logits_for: LogitsFor::All,
    };
    let logits = model.forward(&mut cache, &[segment]).unwrap();
    assert_eq!(logits.len() % model.shape().vocabulary, 0);
    true
}

/// Damages a file in a copy of a model again and again.
fn survive(name: &str, file: &str, within: impl Fn(&[u8]) -> usize) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let fixture = Fixture::open(name);
    let from = if fixture.path.is_dir() { fixture.path.as_path() } else { fixture.path.parent().unwrap() };
    let folder = tempfile::tempdir().unwrap();
    for copied in fs::read_dir(from).unwrap() {
        let copied = copied.unwrap();
        fs::copy(copied.path(), folder.path().join(copied.file_name())).unwrap();
    }
    let path =
        if fixture.path.is_dir() { folder.path().to_owned() } else { folder.path().join("model.gguf") };
    let healthy = fs::read(folder.path().join(file)).unwrap();
    assert!(attempt(&path));
    let mut models = 0;
    for seed in 0..mutations() {
        let mut bytes = healthy.clone();
        damage(&mut bytes, within(&healthy), &mut Random { seed, thrown: 0 });
        // The old file may still be mapped, so it is replaced and never changed.
        fs::remove_file(folder.path().join(file)).unwrap();
        fs::write(folder.path().join(file), &bytes).unwrap();
        drop(bytes);
        PEAK.store(NOW.load(Ordering::Relaxed), Ordering::Relaxed);
        let before = NOW.load(Ordering::Relaxed);
        let survived = catch_unwind(AssertUnwindSafe(|| attempt(&path)));
        let took = PEAK.load(Ordering::Relaxed) - before;
        assert!(took < MAX_MEMORY, "{name}/{file}, mutation {seed}: {took} bytes");
        match survived {
            Ok(model) => models += usize::from(model),
            Err(_) => panic!("{name}/{file}, mutation {seed}"),
        }
    }
    assert!(models < mutations() as usize, "nothing was damaged");
}

#[test]
fn a_damaged_config_is_an_error_or_a_model() {
    survive("qwen3-f16", "config.json", <[u8]>::len);
}

#[test]
fn a_damaged_safetensors_header_is_an_error_or_a_model() {
    survive("llama3", "model-00001-of-00003.safetensors", |bytes| {
        8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize
    });
}

#[test]
fn a_damaged_index_is_an_error_or_a_model() {
    survive("llama3", "model.safetensors.index.json", <[u8]>::len);
}

#[test]
fn a_damaged_gguf_file_is_an_error_or_a_model() {
    // The metadata and the tensors' entries, then some weights.
    survive("gguf-llama-q4", "model.gguf", |_| 4096);
}

#[test]
fn a_config_of_one_damaged_number_is_an_error_or_a_shape() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let config = fs::read(fixture::folder().join("llama3/config.json")).unwrap();
    for seed in 0..mutations() {
        let mut bytes = config.clone();
        let mut random = Random { seed, thrown: 0 };
        let at = random.below(bytes.len());
        digits(&mut bytes, at, &mut random);
        // An error or a shape is fine, but a panic or an absurd size is not.
        if let Ok(shape) = Shape::from_config(&bytes) {
            assert!(shape.windows.len() == shape.layers && shape.layers <= 1024);
        }
    }
}
