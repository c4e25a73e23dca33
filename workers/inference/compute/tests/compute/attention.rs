//! Attention over pages is correct, and bitwise identical for a token in any batch.

use cortex_compute::{BLOCK, Heads, Isa, Pages, Span, Store, Threads, attend};

use crate::stored::Noise;

/// A sequence's queries, keys and values, with a row per token.
struct Sequence {
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
}

#[derive(Clone, Copy)]
struct Shape {
    queries: usize,
    heads: usize,
    width: usize,
    window: Option<usize>,
}

impl Shape {
    fn heads(&self) -> Heads {
        Heads { queries: self.queries, scale: 1.0 / (self.width as f32).sqrt(), window: self.window }
    }

    fn sequence(&self, tokens: usize, seed: u64) -> Sequence {
        let mut noise = Noise(seed);
        // The queries are large enough that some scores dominate.
        let queries = noise.floats(tokens * self.queries * self.width).iter().map(|x| 4.0 * x).collect();
        let row = self.heads * self.width;
        Sequence { queries, keys: noise.floats(tokens * row), values: noise.floats(tokens * row) }
    }

    /// Computes the exact result in doubles.
    fn exactly(&self, sequence: &Sequence, token: usize, head: usize) -> Vec<f64> {
        let (row, width) = (self.heads * self.width, self.width);
        let of = head / (self.queries / self.heads) * width;
        let query = &sequence.queries[(token * self.queries + head) * width..][..width];
        let first = self.window.map_or(0, |window| (token + 1).saturating_sub(window));
        let dot = |at: usize| -> f64 {
            let key = &sequence.keys[at * row + of..][..width];
            query.iter().zip(key).map(|(q, k)| f64::from(*q) * f64::from(*k)).sum()
        };
        let weights: Vec<f64> = (first..=token).map(|at| (dot(at) / (width as f64).sqrt()).exp()).collect();
        let total: f64 = weights.iter().sum();
        let value = |at: usize, d: usize| f64::from(sequence.values[at * row + of + d]);
        (0..width)
            .map(|d| (first..=token).zip(&weights).map(|(at, w)| w / total * value(at, d)).sum())
            .collect()
    }
}

/// Writes and attends token ranges of several sequences in one call.
fn run(
    threads: &Threads,
    pages: &mut Pages,
    shape: Shape,
    runs: &[(&Sequence, std::ops::Range<usize>, &[u32])],
) -> Vec<f32> {
    let (mut queries, mut keys, mut values, mut spans) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (ask, row) = (shape.queries * shape.width, shape.heads * shape.width);
    for (sequence, tokens, blocks) in runs {
        let first = queries.len() / ask;
        queries.extend_from_slice(&sequence.queries[tokens.start * ask..tokens.end * ask]);
        keys.extend_from_slice(&sequence.keys[tokens.start * row..tokens.end * row]);
        values.extend_from_slice(&sequence.values[tokens.start * row..tokens.end * row]);
        spans.push(Span { rows: first..first + tokens.len(), start: tokens.start, blocks });
    }
    pages.write(1, &spans, &keys, &values);
    let mut out = vec![f32::NAN; queries.len()];
    attend(threads, pages, 1, shape.heads(), &spans, &queries, &mut out);
    out
}

#[test]
fn attention_equals_a_plain_implementation() {
    for isa in Isa::available() {
        let threads = Threads::on(isa, 2).unwrap();
        for (queries, heads, width, window) in [
            (1, 1, 16, None),
            (4, 2, 24, Some(5)),
            (14, 2, 64, None),
            (8, 1, 80, Some(40)),
            (3, 3, 8, Some(1)),
        ] {
            let shape = Shape { queries, heads, width, window };
            for (store, bound) in [(Store::F32, 2e-5), (Store::F16, 2e-3)] {
                let mut pages = Pages::new(2, heads, width, 6, store).unwrap();
                let sequence = shape.sequence(75, 9);
                let out = run(&threads, &mut pages, shape, &[(&sequence, 0..75, &[4, 0, 5])]);
                for (at, found) in out.chunks_exact(width).enumerate() {
                    let exact = shape.exactly(&sequence, at / queries, at % queries);
                    for (found, exact) in found.iter().zip(exact) {
                        let off = (f64::from(*found) - exact).abs();
                        assert!(off < bound, "{isa:?} {store:?} width {width} at {at}: {found}, not {exact}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_token_gets_the_same_bits_alone_in_parts_and_in_a_batch() {
    for isa in Isa::available() {
        let (one, three) = (Threads::on(isa, 1).unwrap(), Threads::on(isa, 3).unwrap());
        for (store, window) in [(Store::F32, None), (Store::F16, Some(50)), (Store::F32, Some(33))] {
            let shape = Shape { queries: 6, heads: 2, width: 48, window };
            let sequences: Vec<_> = (0..3).map(|seed| shape.sequence(90, seed)).collect();
            let row = shape.queries * shape.width;
            let mut pages = Pages::new(2, 2, 48, 12, store).unwrap();
            // Token by token.
            let alone: Vec<Vec<f32>> = sequences
                .iter()
                .map(|sequence| {
                    (0..90)
                        .flat_map(|n| run(&one, &mut pages, shape, &[(sequence, n..n + 1, &[2, 7, 1])]))
                        .collect()
                })
                .collect();
            // All in one call each, then in parts of all three at once, in other blocks.
            let mut pages = Pages::new(2, 2, 48, 12, store).unwrap();
            let whole = run(&three, &mut pages, shape, &[(&sequences[0], 0..90, &[3, 4, 5])]);
            assert!(same(&whole, &alone[0]), "{isa:?} {store:?} {window:?}");
            let mut at = 0;
            for end in [1, 2, 9, 31, 32, 33, 64, 66, 90] {
                let runs = [
                    (&sequences[2], at..end, &[9, 10, 11][..]),
                    (&sequences[0], at..end, &[8, 0, 6]),
                    (&sequences[1], at..end, &[1, 2, 7]),
                ];
                let out = run(&three, &mut pages, shape, &runs);
                for (out, of) in out.chunks_exact((end - at) * row).zip([2, 0, 1]) {
                    assert!(same(out, &alone[of][at * row..end * row]), "{isa:?} {store:?} {at}..{end}");
                }
                at = end;
            }
        }
    }
}

#[test]
fn values_that_a_token_cant_see_dont_matter() {
    let threads = Threads::new(1).unwrap();
    let shape = Shape { queries: 2, heads: 1, width: 16, window: Some(20) };
    let mut sequence = shape.sequence(60, 1);
    let mut pages = Pages::new(2, 1, 16, 2, Store::F32).unwrap();
    let clean = run(&threads, &mut pages, shape, &[(&sequence, 0..60, &[0, 1])]);
    // After 40 and before 20, all values are NaN.
    sequence.keys[41 * 16..].fill(f32::NAN);
    sequence.values[41 * 16..].fill(f32::INFINITY);
    sequence.keys[..20 * 16].fill(f32::INFINITY);
    sequence.values[..20 * 16].fill(f32::NAN);
    let dirty = run(&threads, &mut pages, shape, &[(&sequence, 0..60, &[0, 1])]);
    let seen = 39 * 32..41 * 32;
    assert!(same(&clean[seen.clone()], &dirty[seen]));
}

#[test]
fn a_block_takes_what_it_says() {
    assert_eq!(Pages::block_bytes(3, 2, 40, Store::F16), Some(3 * 2 * BLOCK * (40 + 48) * 2));
    assert_eq!(Pages::block_bytes(3, 2, 64, Store::F32), Some(3 * 2 * BLOCK * (64 + 64) * 4));
    assert_eq!(Pages::block_bytes(usize::MAX, 2, 64, Store::F32), None);
    assert!(Pages::new(usize::MAX, 2, 64, 4, Store::F16).is_err());
    assert!(Pages::new(1 << 20, 1 << 10, 1 << 10, 1 << 20, Store::F16).is_err());
}

#[test]
#[should_panic(expected = "blocks [0, 9]")]
fn a_block_that_isnt_there_is_refused() {
    let mut pages = Pages::new(1, 1, 16, 9, Store::F32).unwrap();
    pages.write(0, &[Span { rows: 0..1, start: 40, blocks: &[0, 9] }], &[0.0; 16], &[0.0; 16]);
}

fn same(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}
