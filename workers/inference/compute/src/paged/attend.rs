//! Attention over pages, with an online softmax block by block (Milakov and Gimelshein, 2018; Dao
//! et al., 2022).
//!
//! A token's head does the same operations regardless of the rest of the call: its blocks in order,
//! and the tokens of a block in order. Heads that read the same keys process a block together.

use std::ops::Range;

use super::store::{Aligned, Element, Values};
use super::{BLOCK, Pages, Span, check};
use crate::lines::{CacheLine, Scratch, with_lines};
use crate::math::exp;
use crate::simd::{Unpack, dispatch};
use crate::threads::Threads;

/// Tokens that a thread takes at a time.
const TOKENS_PER_JOB: usize = 8;

thread_local! {
    /// The running sums of each head of each token.
    static SUMS: Scratch = const { Scratch::new(Vec::new()) };
}

/// The query heads.
#[derive(Debug, Clone, Copy)]
pub struct Heads {
    /// The number of query heads, a multiple of the cache's heads. Each of the cache's heads serves
    /// neighbouring query heads.
    pub queries: usize,
    /// The factor of a query's product with a key, usually 1 / √width.
    pub scale: f32,
    /// How many tokens a token attends to at most, including itself.
    pub window: Option<usize>,
}

impl Heads {
    /// Returns the first position that the token at `position` attends to.
    fn first(&self, position: usize) -> usize {
        self.window.map_or(0, |window| (position + 1).saturating_sub(window.max(1)))
    }
}

/// Computes `softmax(scale Q Kᵀ) V` for each row's token over its sequence up to itself. The keys
/// and values must have been written. `queries` and `out` have a row per token, with all heads side
/// by side.
///
/// # Panics
///
/// Panics if the lengths don't match, or if a span's blocks don't reach its tokens or aren't in the
/// cache.
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
        for first in (0..span.rows.len()).step_by(TOKENS_PER_JOB) {
            let tokens = first..(first + TOKENS_PER_JOB).min(span.rows.len());
            items.extend((0..pages.heads).map(|head| (span, tokens.clone(), head)));
        }
    }
    let out = OutputPtr(out.as_mut_ptr());
    threads.each(items.len(), |item| {
        let (span, tokens, head) = items[item].clone();
        let job = Job { pages, layer, heads, span, tokens, head, queries, out };
        let job = &job;
        with_lines(&SUMS, job.rows() * pages.stride() / 16, |sums| {
            // `check` verified that the span's rows and blocks exist, and that no other span has
            // these rows.
            dispatch!(threads.isa(), one_job(job: &Job<'_>, sums: &mut [CacheLine]));
        });
    });
}

/// The output for all threads.
#[derive(Clone, Copy)]
struct OutputPtr(*mut f32);

// SAFETY: each job writes its tokens' part for its heads, and nothing is read before all jobs are
// done.
unsafe impl Send for OutputPtr {}
// SAFETY: as above.
unsafe impl Sync for OutputPtr {}

/// Some tokens of a span, for the query heads of one cache head.
struct Job<'a> {
    pages: &'a Pages,
    layer: usize,
    heads: Heads,
    span: &'a Span<'a>,
    tokens: Range<usize>,
    head: usize,
    queries: &'a [f32],
    out: OutputPtr,
}

/// The running state of one head of one token.
#[derive(Clone, Copy)]
struct HeadState {
    query: *const f32,
    /// The positions that it attends to.
    first: usize,
    end: usize,
    /// The largest score so far, and the sums of the weights and of the weighted values relative to
    /// it.
    max_score: f32,
    total: f32,
    sums: *mut f32,
    out: *mut f32,
}

impl Job<'_> {
    /// Returns how many query heads read each of the cache's heads.
    fn shared(&self) -> usize {
        self.heads.queries / self.pages.heads
    }

    fn rows(&self) -> usize {
        self.tokens.len() * self.shared()
    }

    fn heads(&self, sums: &mut [CacheLine]) -> Vec<HeadState> {
        let (width, shared) = (self.pages.width, self.shared());
        let tokens = self.tokens.clone().flat_map(|token| (0..shared).map(move |n| (token, n)));
        let sums = sums.chunks_exact_mut(self.pages.stride() / 16);
        tokens
            .zip(sums)
            .map(|((token, n), sums)| {
                sums.fill(CacheLine::ZERO);
                let row = self.span.rows.start + token;
                let at = (row * self.heads.queries + self.head * shared + n) * width;
                let position = self.span.start + token;
                HeadState {
                    query: self.queries[at..at + width].as_ptr(),
                    first: self.heads.first(position),
                    end: position + 1,
                    max_score: f32::NEG_INFINITY,
                    total: 0.0,
                    sums: sums.as_mut_ptr().cast(),
                    out: self.out.0.wrapping_add(at),
                }
            })
            .collect()
    }
}

/// # Safety
///
/// The span's rows and blocks exist, and the rows belong to this job for its heads. `sums` has a
/// stride for each.
#[inline(always)]
unsafe fn one_job<S: Unpack>(job: &Job<'_>, sums: &mut [CacheLine]) {
    unsafe {
        match &job.pages.values {
            Values::F32(memory) => all_blocks::<S, f32>(job, memory, sums),
            Values::F16(memory) => all_blocks::<S, u16>(job, memory, sums),
        }
    }
}

#[inline(always)]
unsafe fn all_blocks<S: Unpack, E: Element>(job: &Job<'_>, memory: &Aligned<E>, sums: &mut [CacheLine]) {
    let mut heads = job.heads(sums);
    let (first, end) = (heads[0].first, job.span.start + job.tokens.end);
    for number in first / BLOCK..end.div_ceil(BLOCK) {
        let place = job.pages.place(job.layer, job.span.blocks[number], job.head);
        let block = Block {
            page: memory.page(place, job.pages.page()),
            width: job.pages.width,
            stride: job.pages.stride(),
            scale: job.heads.scale,
        };
        let seen = |one: &HeadState| {
            one.first.saturating_sub(number * BLOCK).min(BLOCK)
                ..one.end.saturating_sub(number * BLOCK).min(BLOCK)
        };
        let mut at = 0;
        while at < heads.len() {
            let range = seen(&heads[at]);
            let alike = heads[at..].iter().take_while(|one| seen(one) == range).count();
            // A narrower instruction set has fewer registers.
            let together = if S::LANES == 16 { alike } else { alike.min(2) };
            // SAFETY: the page is complete, the range is inside it, and the rows' pointers are
            // valid for their widths.
            unsafe {
                at += match together {
                    _ if range.is_empty() => alike,
                    8.. => block.accumulate::<S::Wide, 8>(range, &mut heads[at..]),
                    4.. => block.accumulate::<S::Wide, 4>(range, &mut heads[at..]),
                    2.. => block.accumulate::<S::Wide, 2>(range, &mut heads[at..]),
                    _ => block.accumulate::<S::Wide, 1>(range, &mut heads[at..]),
                };
            }
        }
    }
    for one in heads {
        for dimension in 0..job.pages.width {
            // SAFETY: both are valid for the width.
            unsafe { *one.out.add(dimension) = *one.sums.add(dimension) / one.total };
        }
    }
}

/// A page that is being read.
struct Block<'a, E> {
    page: &'a [E],
    width: usize,
    stride: usize,
    scale: f32,
}

impl<E: Element> Block<'_, E> {
    /// Accumulates the tokens in `range` into the first `N` of `asking`, and returns `N`.
    #[inline(always)]
    unsafe fn accumulate<S: Unpack, const N: usize>(
        &self,
        range: Range<usize>,
        heads: &mut [HeadState],
    ) -> usize {
        let heads = &mut heads[..N];
        unsafe {
            let keys = self.page.as_ptr();
            let mut scores = [[S::splat(0.0); 2]; N];
            for dimension in 0..self.width {
                let low = E::widen::<S>(keys.add(dimension * BLOCK));
                let high = E::widen::<S>(keys.add(dimension * BLOCK + BLOCK / 2));
                for (scores, one) in scores.iter_mut().zip(&*heads) {
                    let query = S::splat(*one.query.add(dimension));
                    scores[0] = query.mul_add(low, scores[0]);
                    scores[1] = query.mul_add(high, scores[1]);
                }
            }
            let mut weights = [[0.0; BLOCK]; N];
            let mut fading = [0.0; N];
            for (n, scores) in scores.into_iter().enumerate() {
                fading[n] = online_softmax(scores, self.scale, range.clone(), &mut heads[n], &mut weights[n]);
            }
            let values = self.page.as_ptr().add(self.width * BLOCK);
            for dimension in (0..self.stride).step_by(16) {
                let mut sums = [S::splat(0.0); N];
                for (n, sum) in sums.iter_mut().enumerate() {
                    *sum = S::load(heads[n].sums.add(dimension)).mul(S::splat(fading[n]));
                }
                for token in range.clone() {
                    let value = E::widen::<S>(values.add(token * self.stride + dimension));
                    for (sum, weights) in sums.iter_mut().zip(&weights) {
                        *sum = S::splat(weights[token]).mul_add(value, *sum);
                    }
                }
                for (sum, one) in sums.into_iter().zip(&*heads) {
                    sum.store(one.sums.add(dimension));
                }
            }
        }
        N
    }
}

/// Turns scores into weights relative to the largest score so far, adds them up, and returns the
/// factor for the sums so far.
#[inline(always)]
unsafe fn online_softmax<S: Unpack>(
    scores: [S; 2],
    scale: f32,
    range: Range<usize>,
    one: &mut HeadState,
    weights: &mut [f32; BLOCK],
) -> f32 {
    unsafe {
        let scale = S::splat(scale);
        scores[0].mul(scale).store(weights.as_mut_ptr());
        scores[1].mul(scale).store(weights.as_mut_ptr().add(BLOCK / 2));
        weights[..range.start].fill(f32::NEG_INFINITY);
        weights[range.end..].fill(f32::NEG_INFINITY);
        let [low, high] = [S::load(weights.as_ptr()), S::load(weights.as_ptr().add(BLOCK / 2))];
        let max_score = one.max_score.max(low.max(high).largest());
        let (low, high) = (exp(low.sub(S::splat(max_score))), exp(high.sub(S::splat(max_score))));
        low.store(weights.as_mut_ptr());
        high.store(weights.as_mut_ptr().add(BLOCK / 2));
        // `exp` never returns zero.
        weights[..range.start].fill(0.0);
        weights[range.end..].fill(0.0);
        let mut faded = [0.0; 16];
        exp(S::splat(one.max_score - max_score)).store(faded.as_mut_ptr());
        let sum = S::load(weights.as_ptr()).add(S::load(weights.as_ptr().add(BLOCK / 2))).sum();
        one.total = one.total * faded[0] + sum;
        one.max_score = max_score;
        faded[0]
    }
}
