//! Damaged files cause an error or parse to a valid file. They never cause a panic or use excessive
//! memory.

#[path = "file/writer.rs"]
mod writer;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use cortex_gguf::Gguf;
use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use writer::File;

/// The variable that sets the number of mutations, 2,000 by default.
const MUTATIONS_VARIABLE: &str = "CORTEX_MUTATIONS";

#[test]
fn damaged_files_are_refused_or_read_within_their_means() {
    let count = std::env::var(MUTATIONS_VARIABLE).map_or(2_000, |count| count.parse().unwrap());
    let whole = File::small().to_bytes();
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut read = 0;
    for _ in 0..count {
        let bytes = mutate(whole.clone(), &mut random);
        let before = ALLOCATED.get();
        let parsed = Gguf::parse(&bytes);
        let allocated = ALLOCATED.get() - before;
        assert!(allocated <= 8 * bytes.len() + 4096, "{allocated} bytes for a file of {}", bytes.len());
        if let Ok(gguf) = parsed {
            read += 1;
            assert!(gguf.tensors().all(|(_, tensor)| tensor.range.end <= bytes.len()));
        }
    }
    assert!(read < count, "some damage is found");
}

/// Flips bits, overwrites words with hostile numbers, cuts, and repeats parts, mostly in the
/// metadata.
fn mutate(mut bytes: Vec<u8>, random: &mut TestRng) -> Vec<u8> {
    const HOSTILE: [u64; 8] = [0, 1, 0x7f, 0xff, 1 << 31, u32::MAX as u64, 1 << 63, u64::MAX];
    for _ in 0..=below(random, 3) {
        let reach = if below(random, 4) == 0 { bytes.len() } else { bytes.len().min(500) };
        let at = below(random, reach.max(1)).min(bytes.len().saturating_sub(1));
        match below(random, 5) {
            _ if bytes.is_empty() => {}
            0 => bytes[at] ^= 1 << below(random, 8),
            1 => bytes[at] = random.next_u32() as u8,
            2 => {
                let word = HOSTILE[below(random, HOSTILE.len())].to_le_bytes();
                let length = word.len().min(bytes.len() - at);
                bytes[at..at + length].copy_from_slice(&word[..length]);
            }
            3 => bytes.truncate(at),
            _ => {
                let length = below(random, 64).min(bytes.len() - at);
                let part = bytes[at..at + length].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    bytes
}

fn below(random: &mut TestRng, bound: usize) -> usize {
    (random.next_u64() % bound as u64) as usize
}

/// Counts the bytes that this thread allocates, freed or not.
struct CountingAllocator;

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
}

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

// SAFETY: every call goes to the system's allocator. The counter is a const-initialised cell and
// allocates nothing.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.set(ALLOCATED.get() + layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}
