use proptest::prelude::*;

use super::reference::{self, BoundaryShift};
use super::*;
use crate::philox;

/// Numbers in [0, 1), for logits that resemble a model's.
fn noise(seed: u64, at: usize) -> f64 {
    philox::uniform(seed, 99, at as u64)
}

fn spread(seed: u64, count: usize, width: f32) -> Vec<f32> {
    (0..count)
        .map(|at| {
            ((noise(seed, at) + noise(seed, at + count) + noise(seed, at + 2 * count)) as f32 - 1.5) * width
        })
        .collect()
}

fn samplings() -> impl Strategy<Value = Sampling> {
    let filters = (
        prop_oneof![Just(0_u32), Just(1), Just(40), 1..2000_u32],
        prop_oneof![Just(1.0_f32), 0.0..1.0_f32],
        prop_oneof![Just(0.0_f32), 0.0..0.5_f32],
        prop_oneof![2 => Just(1.0_f32), 1 => 0.05..1.0_f32],
    );
    let penalties = (prop_oneof![Just(1.0_f32), 0.5..2.0_f32], -2.0..2.0_f32, -2.0..2.0_f32);
    (prop_oneof![Just(0.0_f32), 0.1..2.0_f32], filters, penalties, any::<u64>(), proptest::bool::ANY)
        .prop_map(|(temperature, (top_k, top_p, min_p, typical_p), penalties, seed, biased)| Sampling {
            temperature,
            top_k,
            top_p,
            min_p,
            typical_p,
            repetition_penalty: penalties.0,
            presence_penalty: penalties.1,
            frequency_penalty: penalties.2,
            logit_bias: if biased { vec![(3, 4.0), (11, -100.0)] } else { Vec::new() },
            seed,
            ..Sampling::default()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_choice_matches_the_slow_reference(
        sampling in samplings(),
        count in 40_usize..3000,
        width in 0.5_f32..30.0,
        masked in proptest::bool::ANY,
    ) {
        let prompt = [1, 3, 5, 7, 7];
        let words: Vec<u32> = (0..count.div_ceil(32)).map(|word| (noise(5, word) * f64::from(u32::MAX)) as u32 | 1).collect();
        let allowed = |token: u32| !masked || words[token as usize / 32] >> (token % 32) & 1 == 1;
        let mut sampler = Sampler::new(sampling.clone(), &prompt);
        let mut answer = Vec::new();
        for step in 0..6 {
            let logits = spread(sampling.seed ^ step, count, width);
            let found = sampler.sample(&mut logits.clone(), masked.then_some(&words[..])).expect("there is a token").token;
            let mut expected = Vec::new();
            for share in [1.0, 1.0 - 1e-5, 1.0 + 1e-5] {
                for uniform in [0.0, -1e-5, 1e-5] {
                    let nudge = BoundaryShift { share, uniform };
                    expected.extend(reference::choose(&sampling, &prompt, &answer, &logits, allowed, nudge));
                }
            }
            prop_assert!(expected.contains(&found), "{found} is not among {expected:?} at step {step}");
            answer.push(found);
        }
    }

    #[test]
    fn any_logits_give_an_allowed_token_or_an_error(
        logits in proptest::collection::vec(
            prop_oneof![8 => any::<f32>(), 1 => Just(f32::NAN), 1 => Just(f32::NEG_INFINITY), 1 => Just(f32::MAX)],
            1..200,
        ),
        sampling in samplings(),
    ) {
        let mut sampler = Sampler::new(sampling, &[0, 2]);
        let result = sampler.sample(&mut logits.clone(), None).map(|sampled| sampled.token);
        if logits.iter().any(|logit| logit.is_nan() || *logit == f32::INFINITY) {
            prop_assert_eq!(result, Err(SampleError::NotFinite));
        } else if let Ok(token) = result {
            prop_assert!(logits[token as usize] > f32::NEG_INFINITY);
        }
    }
}

/// Draws 20,000 of 50 tokens with a fixed seed; 85.4 is the 0.999 quantile of chi-square with 49
/// degrees of freedom.
#[test]
fn draws_follow_the_distribution() {
    for (sampling, width) in [
        (Sampling::default(), 2.0),
        (Sampling { temperature: 0.7, ..Sampling::default() }, 1.0),
        (Sampling { temperature: 1.5, top_p: 0.999_999, ..Sampling::default() }, 2.0),
    ] {
        let logits = spread(17, 50, width);
        let weights: Vec<f64> =
            logits.iter().map(|&logit| f64::from(logit / sampling.temperature).exp()).collect();
        let total: f64 = weights.iter().sum();
        let mut sampler = Sampler::new(Sampling { seed: 20_261_121, ..sampling }, &[]);
        let mut counts = [0_u32; 50];
        for _ in 0..20_000 {
            let token = sampler.sample(&mut logits.clone(), None).expect("finite logits").token;
            counts[token as usize] += 1;
        }
        let chi_square: f64 = weights
            .iter()
            .zip(counts)
            .map(|(weight, count)| {
                let expected = weight / total * 20_000.0;
                (f64::from(count) - expected).powi(2) / expected
            })
            .sum();
        assert!(chi_square < 85.4, "chi-square is {chi_square}");
    }
}

#[test]
fn zero_temperature_takes_the_lowest_id_among_equals() {
    let mut sampler =
        Sampler::new(Sampling { temperature: 0.0, top_k: 5, seed: 9, ..Sampling::default() }, &[]);
    let mut logits = vec![0.0; 1000];
    logits[700] = 3.0;
    logits[300] = 3.0;
    assert_eq!(sampler.sample(&mut logits, None).map(|sampled| sampled.token), Ok(300));
}

#[test]
fn logits_that_are_not_finite_give_an_error_and_leave_the_sampler() {
    let logits = spread(3, 300, 4.0);
    let mut sampler = Sampler::new(Sampling { seed: 4, presence_penalty: 1.0, ..Sampling::default() }, &[]);
    let mut undisturbed =
        Sampler::new(Sampling { seed: 4, presence_penalty: 1.0, ..Sampling::default() }, &[]);
    for broken in [f32::NAN, f32::INFINITY] {
        let mut bad = logits.clone();
        bad[299] = broken;
        assert_eq!(sampler.sample(&mut bad, None), Err(SampleError::NotFinite));
    }
    assert_eq!(sampler.sample(&mut [f32::NEG_INFINITY; 8], None), Err(SampleError::NotFinite));
    assert_eq!(sampler.sample(&mut logits.clone(), Some(&[0; 10])), Err(SampleError::NotFinite));
    for _ in 0..20 {
        let token = sampler.sample(&mut logits.clone(), None).map(|sampled| sampled.token);
        assert_eq!(token, undisturbed.sample(&mut logits.clone(), None).map(|sampled| sampled.token));
    }
}

#[test]
fn logprobs_do_not_depend_on_the_parameters() {
    let logits = spread(8, 400, 3.0);
    let normaliser = logits.iter().map(|&logit| f64::from(logit).exp()).sum::<f64>().ln();
    let mut order: Vec<u32> = (0..400).collect();
    order.sort_by(|a, b| logits[*b as usize].total_cmp(&logits[*a as usize]));
    let sampling = Sampling {
        temperature: 1.7,
        repetition_penalty: 1.5,
        logit_bias: vec![(order[0], -50.0), (order[1], 5.0)],
        logprobs: Some(5),
        ..Sampling::default()
    };
    let mut sampler = Sampler::new(sampling, &[order[1], order[2]]);
    for _ in 0..50 {
        let sampled = sampler.sample(&mut logits.clone(), Some(&[u32::MAX; 13])).expect("finite logits");
        let logprobs = sampled.logprobs.expect("they were asked for");
        let expected = (f64::from(logits[sampled.token as usize]) - normaliser) as f32;
        assert!((logprobs.chosen - expected).abs() < 1e-4, "{} is not {expected}", logprobs.chosen);
        let top: Vec<u32> = logprobs.top.iter().map(|(token, _)| *token).collect();
        assert_eq!(top, order[..5]);
    }
}

#[test]
fn buffers_stop_growing_after_the_first_token() {
    let sampling =
        Sampling { temperature: 0.8, top_k: 40, top_p: 0.9, logprobs: Some(5), ..Sampling::default() };
    let mut sampler = Sampler::new(sampling, &[]);
    let logits = spread(2, 20_000, 8.0);
    let _ = sampler.sample(&mut logits.clone(), None);
    let capacities =
        |sampler: &Sampler| (sampler.kept.capacity(), sampler.top.capacity(), sampler.before.capacity());
    let first = capacities(&sampler);
    for _ in 0..50 {
        let _ = sampler.sample(&mut logits.clone(), None);
    }
    assert_eq!(capacities(&sampler), first);
}

#[test]
fn forced_tokens_move_the_step() {
    let logits = spread(6, 500, 2.0);
    let mut drawn = Sampler::new(Sampling { seed: 1, ..Sampling::default() }, &[]);
    let mut forced = Sampler::new(Sampling { seed: 1, ..Sampling::default() }, &[]);
    for step in 0..10 {
        let token = drawn.sample(&mut logits.clone(), None).expect("finite logits").token;
        if step % 2 == 0 {
            forced.record(token);
        } else {
            assert_eq!(forced.sample(&mut logits.clone(), None).map(|sampled| sampled.token), Ok(token));
        }
    }
}
