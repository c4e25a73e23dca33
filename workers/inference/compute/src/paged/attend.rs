//! Attention over pages: softmax as it goes, block by block (Milakov and Gimelshein, 2018; Dao et al., 2022).
//!
//! A token's head does the same operations whatever else is asked with it: its blocks in order, and in a block its
//! tokens in order. Heads that ask the same keys go over a block together.

use std::ops::Range;

use super::store::{Aligned, Element, Values};
use super::{BLOCK, Pages, Span, check};
use crate::lines::{Line, Memory, with_lines};
use crate::math::exp;
use crate::simd::{Unpack, dispatch};
use crate::threads::Threads;

/// Tokens that a thread takes at a time.
const TAKE: usize = 8;

thread_local! {
    /// What each head of each token has summed up so far.
    static SUMS: Memory = const { Memory::new(Vec::new()) };
}

/// The heads that ask.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    /// How many; a multiple of the cache's heads, each of which serves as many neighbours.
    pub queries: usize,
    /// What a query's product with a key is multiplied by: 1 / √width, as a rule.
    pub scale: f32,
    /// How many tokens, itself included, a token sees at most.
    pub window: Option<usize>,
}

impl Heads {
    /// The first position that the token at `position` sees.
    fn first(&self, position: usize) -> usize {
        self.window.map_or(0, |window| (position + 1).saturating_sub(window.max(1)))
    }
}

/// `softmax(scale Q Kᵀ) V` of each row's token over its sequence up to itself, whose keys and values must have been
/// written. `queries` and `out` have a row per token, all heads side by side.
///
/// # Panics
/// If the lengths don't fit, or a span's blocks don't reach its tokens or aren't in the cache.
pub fn attend(
    threads: &Threads,
    pages: &Pages,
    layer: usize,
    heads: Heads,
    spans: &[Span<'_>],
    queries: &[f32],
    out: &mut [f32],
) {
    let row = heads.queries * pages.width;
    assert!(
        row > 0 && heads.queries.is_multiple_of(pages.heads),
        "{} heads for {}",
        pages.heads,
        heads.queries
    );
    assert!(queries.len() == out.len() && out.len().is_multiple_of(row), "rows of {row} in {}", out.len());
    check(pages, spans, out.len() / row, |span| heads.first(span.start));
    let mut items = Vec::new();
    for span in spans {
        for first in (0..span.rows.len()).step_by(TAKE) {
            let tokens = first..(first + TAKE).min(span.rows.len());
            items.extend((0..pages.heads).map(|head| (span, tokens.clone(), head)));
        }
    }
    let out = Out(out.as_mut_ptr());
    threads.each(items.len(), |item| {
        let (span, tokens, head) = items[item].clone();
        let job = Job { pages, layer, heads, span, tokens, head, queries, out };
        let job = &job;
        with_lines(&SUMS, job.rows() * pages.stride() / 16, |sums| {
            // `check` saw that the span's rows and blocks are there, and that no other span has these rows.
            dispatch!(threads.isa(), one_job(job: &Job<'_>, sums: &mut [Line]));
        });
    });
}

/// Where the results go, for all threads.
#[derive(Clone, Copy)]
struct Out(*mut f32);

// SAFETY: each job writes its tokens' part for its heads, and nobody reads before all are done.
unsafe impl Send for Out {}
// SAFETY: as above.
unsafe impl Sync for Out {}

/// Some tokens of a span, for the heads that one head of the cache serves.
struct Job<'a> {
    pages: &'a Pages,
    layer: usize,
    heads: Heads,
    span: &'a Span<'a>,
    tokens: Range<usize>,
    head: usize,
    queries: &'a [f32],
    out: Out,
}

/// One head of one token on its way.
#[derive(Clone, Copy)]
struct Asking {
    query: *const f32,
    /// Positions that it sees.
    first: usize,
    end: usize,
    /// Its largest score yet, and the sums of the weights and of the weighted values relative to that.
    most: f32,
    total: f32,
    sums: *mut f32,
    out: *mut f32,
}

impl Job<'_> {
    /// How many heads ask for each of the cache's.
    fn shared(&self) -> usize {
        self.heads.queries / self.pages.heads
    }

    fn rows(&self) -> usize {
        self.tokens.len() * self.shared()
    }

    fn asking(&self, sums: &mut [Line]) -> Vec<Asking> {
        let (width, shared) = (self.pages.width, self.shared());
        let tokens = self.tokens.clone().flat_map(|token| (0..shared).map(move |n| (token, n)));
        let sums = sums.chunks_exact_mut(self.pages.stride() / 16);
        tokens
            .zip(sums)
            .map(|((token, n), sums)| {
                sums.fill(Line::ZERO);
                let row = self.span.rows.start + token;
                let at = (row * self.heads.queries + self.head * shared + n) * width;
                let position = self.span.start + token;
                Asking {
                    query: self.queries[at..at + width].as_ptr(),
                    first: self.heads.first(position),
                    end: position + 1,
                    most: f32::NEG_INFINITY,
                    total: 0.0,
                    sums: sums.as_mut_ptr().cast(),
                    out: self.out.0.wrapping_add(at),
                }
            })
            .collect()
    }
}

/// # Safety
/// The span's rows and blocks are there, and its rows are this job's for its heads; `sums` has a stride for each.
#[inline(always)]
unsafe fn one_job<S: Unpack>(job: &Job<'_>, sums: &mut [Line]) {
    unsafe {
        match &job.pages.values {
            Values::F32(memory) => all_blocks::<S, f32>(job, memory, sums),
            Values::F16(memory) => all_blocks::<S, u16>(job, memory, sums),
        }
    }
}

#[inline(always)]
unsafe fn all_blocks<S: Unpack, E: Element>(job: &Job<'_>, memory: &Aligned<E>, sums: &mut [Line]) {
    let mut asking = job.asking(sums);
    let (first, end) = (asking[0].first, job.span.start + job.tokens.end);
    for number in first / BLOCK..end.div_ceil(BLOCK) {
        let place = job.pages.place(job.layer, job.span.blocks[number], job.head);
        let block = Block {
            page: memory.page(place, job.pages.page()),
            width: job.pages.width,
            stride: job.pages.stride(),
            scale: job.heads.scale,
        };
        let seen = |one: &Asking| {
            one.first.saturating_sub(number * BLOCK).min(BLOCK)
                ..one.end.saturating_sub(number * BLOCK).min(BLOCK)
        };
        let mut at = 0;
        while at < asking.len() {
            let range = seen(&asking[at]);
            let alike = asking[at..].iter().take_while(|one| seen(one) == range).count();
            // A narrower set has fewer registers.
            let together = if S::LANES == 16 { alike } else { alike.min(2) };
            // SAFETY: the page is one, the range is inside it, and the rows' pointers are good for their widths.
            unsafe {
                at += match together {
                    _ if range.is_empty() => alike,
                    8.. => block.meet::<S::Wide, 8>(range, &mut asking[at..]),
                    4.. => block.meet::<S::Wide, 4>(range, &mut asking[at..]),
                    2.. => block.meet::<S::Wide, 2>(range, &mut asking[at..]),
                    _ => block.meet::<S::Wide, 1>(range, &mut asking[at..]),
                };
            }
        }
    }
    for one in asking {
        for dimension in 0..job.pages.width {
            // SAFETY: both are good for the width.
            unsafe { *one.out.add(dimension) = *one.sums.add(dimension) / one.total };
        }
    }
}

/// A page as it is read.
struct Block<'a, E> {
    page: &'a [E],
    width: usize,
    stride: usize,
    scale: f32,
}

impl<E: Element> Block<'_, E> {
    /// Takes the tokens in `range` into the first `N` of `asking`, and returns `N`.
    #[inline(always)]
    unsafe fn meet<S: Unpack, const N: usize>(&self, range: Range<usize>, asking: &mut [Asking]) -> usize {
        let asking = &mut asking[..N];
        unsafe {
            let keys = self.page.as_ptr();
            let mut scores = [[S::splat(0.0); 2]; N];
            for dimension in 0..self.width {
                let low = E::widen::<S>(keys.add(dimension * BLOCK));
                let high = E::widen::<S>(keys.add(dimension * BLOCK + BLOCK / 2));
                for (scores, one) in scores.iter_mut().zip(&*asking) {
                    let query = S::splat(*one.query.add(dimension));
                    scores[0] = query.mul_add(low, scores[0]);
                    scores[1] = query.mul_add(high, scores[1]);
                }
            }
            let mut weights = [[0.0; BLOCK]; N];
            let mut fading = [0.0; N];
            for (n, scores) in scores.into_iter().enumerate() {
                fading[n] = weigh(scores, self.scale, range.clone(), &mut asking[n], &mut weights[n]);
            }
            let values = self.page.as_ptr().add(self.width * BLOCK);
            for dimension in (0..self.stride).step_by(16) {
                let mut sums = [S::splat(0.0); N];
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = S::load(asking[n].sums.add(dimension)).mul(S::splat(fading[n]));
                }
                for token in range.clone() {
                    let value = E::widen::<S>(values.add(token * self.stride + dimension));
                    for (sum, weights) in sums.iter_mut().zip(&weights) {
                        *sum = S::splat(weights[token]).mul_add(value, *sum);
                    }
                }
                for (sum, one) in sums.into_iter().zip(&*asking) {
                    sum.store(one.sums.add(dimension));
                }
            }
        }
        N
    }
}

/// Turns scores into weights relative to the largest yet, adds them up, and returns what the sums so far shrink by.
#[inline(always)]
unsafe fn weigh<S: Unpack>(
    scores: [S; 2],
    scale: f32,
    range: Range<usize>,
    one: &mut Asking,
    weights: &mut [f32; BLOCK],
) -> f32 {
    unsafe {
        let scale = S::splat(scale);
        scores[0].mul(scale).store(weights.as_mut_ptr());
        scores[1].mul(scale).store(weights.as_mut_ptr().add(BLOCK / 2));
        weights[..range.start].fill(f32::NEG_INFINITY);
        weights[range.end..].fill(f32::NEG_INFINITY);
        let [low, high] = [S::load(weights.as_ptr()), S::load(weights.as_ptr().add(BLOCK / 2))];
        let most = one.most.max(low.max(high).largest());
        let (low, high) = (exp(low.sub(S::splat(most))), exp(high.sub(S::splat(most))));
        low.store(weights.as_mut_ptr());
        high.store(weights.as_mut_ptr().add(BLOCK / 2));
        // `exp` ends above zero.
        weights[..range.start].fill(0.0);
        weights[range.end..].fill(0.0);
        let mut faded = [0.0; 16];
        exp(S::splat(one.most - most)).store(faded.as_mut_ptr());
        let sum = S::load(weights.as_ptr()).add(S::load(weights.as_ptr().add(BLOCK / 2))).sum();
        one.total = one.total * faded[0] + sum;
        one.most = most;
        faded[0]
    }
}
