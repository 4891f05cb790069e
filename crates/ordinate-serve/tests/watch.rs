//! The test of a verdict that may be looked at after every score, by simulation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

use ordinate_core::random::SplitMix;
use ordinate_serve::{Drift, MeasuredInput, Paired, Watch};

/// Whether the claim falls within so many scores that are 1 with this probability.
fn falls(claimed: f64, right: f64, scores: u64, seed: u64) -> Option<u64> {
    let (mut watch, mut state) = (Watch::new(claimed), seed);
    (0..scores).find(|_| {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let uniform = ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        watch.see(f64::from(u8::from(uniform < right)))
    })
}

/// A claim that is right falls at any time within 3,000 scores in at most 5 % of the cases (plus three standard errors
/// of 1,000 simulations); one that is wrong by 0.1 falls soon.
#[test]
fn right_claims_stand_and_wrong_ones_fall() {
    for right in [0.3, 0.6, 0.9] {
        let fallen = (0..1_000).filter(|&seed| falls(right, right, 3_000, seed << 32).is_some()).count();
        assert!(fallen <= 50 + 21, "{right}: {fallen}");
        let after: Vec<u64> =
            (0..200).filter_map(|seed| falls(right, right - 0.1, 3_000, seed << 32)).collect();
        let mean = after.iter().sum::<u64>() as f64 / after.len() as f64;
        assert!(after.len() >= 198 && mean < 900.0, "{right}: {} after {mean}", after.len());
    }
}

#[test]
fn odd_claims_and_scores_are_borne() {
    let mut certain = Watch::new(1.0);
    (0..100).for_each(|_| assert!(!certain.see(1.0)));
    assert!(certain.see(0.0) && !certain.standing().holds);
    let mut nothing = Watch::new(0.0);
    (0..100).for_each(|_| assert!(!nothing.see(0.0)));
    assert_eq!(nothing.standing().mean, Some(0.0));
    assert_eq!(Watch::new(0.5).standing().mean, None);
}

/// A text of about so many words of a vocabulary.
fn text(random: &mut SplitMix, words: usize, from: u64) -> String {
    let count = 1 + random.below(2 * words);
    let word = |random: &mut SplitMix| {
        format!("w{:x} ", (from + random.below(40) as u64).wrapping_mul(0x9e37_79b1) & 0xffff)
    };
    (0..count).map(|_| word(random)).collect()
}

/// A slice: the first is the most frequent.
fn slice(random: &mut SplitMix, shift: usize) -> String {
    format!("s{}", (random.below(3) * random.below(3) + shift) % 5)
}

/// After how many of 800 inputs a difference is told; from the `from`-th on they are of this many words, from that vocabulary, and of
/// slices that are shifted.
fn drifts(seed: u64, from: usize, words: usize, vocabulary: u64, shift: usize) -> Option<usize> {
    let mut random = SplitMix::new(seed << 20);
    let measured: Vec<(String, String)> =
        (0..200).map(|_| (text(&mut random, 8, 0), slice(&mut random, 0))).collect();
    let inputs: Vec<MeasuredInput<'_>> = measured
        .iter()
        .map(|(text, slice)| MeasuredInput { text, slice: Some(slice), group: None })
        .collect();
    let mut drift = Drift::of(&inputs).unwrap();
    drift.seed(seed);
    (0..800).find(|&at| {
        let (words, vocabulary, shift) = if at < from { (8, 0, 0) } else { (words, vocabulary, shift) };
        let (text, slice) = (text(&mut random, words, vocabulary), slice(&mut random, shift));
        !drift.see(&text, Some(&slice)).is_empty()
    })
}

/// Inputs that are like the measured ones are told to be others at any time within 800 in at most 5 % of the cases (plus three
/// standard errors of 300 simulations); others soon, by whichever figure, also after a quiet time.
#[test]
fn like_inputs_are_let_be_and_others_told() {
    let told = (0..300).filter(|&seed| drifts(seed, 800, 8, 0, 0).is_some()).count();
    assert!(told <= 15 + 12, "{told} of 300");
    for (from, words, vocabulary, shift) in
        [(0, 20, 0, 0), (0, 8, 20, 0), (0, 8, 0, 2), (400, 20, 0, 0), (400, 3, 0, 0)]
    {
        let after: Vec<usize> = (0..40)
            .filter_map(|seed| drifts(seed, from, words, vocabulary, shift))
            .map(|at| at.saturating_sub(from))
            .collect();
        let mean = after.iter().sum::<usize>() as f64 / after.len().max(1) as f64;
        assert!(
            after.len() >= 38 && mean < 200.0,
            "{words} {vocabulary} {shift} from {from}: {} after {mean}",
            after.len()
        );
    }
}

#[test]
fn too_few_inputs_say_nothing_and_what_was_seen_goes_on() {
    let of = |count: usize| {
        let texts: Vec<String> = (0..count).map(|at| format!("text {at} of some")).collect();
        let inputs: Vec<_> =
            texts.iter().map(|text| MeasuredInput { text, slice: None, group: None }).collect();
        Drift::of(&inputs)
    };
    assert!(of(30).is_none());
    let (mut one, mut other, mut third) = (of(100).unwrap(), of(100).unwrap(), of(99).unwrap());
    for _ in 0..50 {
        one.see("an input that is very much longer than those which were measured", None);
    }
    let kept = serde_json::to_string(&one.kept()).unwrap();
    other.go_on_from(serde_json::from_str(&kept).unwrap());
    assert_eq!(other.standings(), one.standings());
    assert!(one.standings().iter().any(|now| now.since.is_some()), "{:?}", one.standings());
    // What was seen against other measured inputs says nothing here.
    third.go_on_from(serde_json::from_str(&kept).unwrap());
    assert!(third.standings().iter().all(|now| now.inputs == 0));
}

/// A policy that is as good as its runner-up, or worse by no more than does not matter, is let be in all but 5 % of the cases.
#[test]
fn a_better_runner_up_is_told_and_an_equal_one_is_not() {
    let tells = |policy: f64, candidate: f64, margin: f64, seed: u64| {
        let (mut paired, mut random) = (Paired::new(margin), SplitMix::new(seed << 20));
        (0..1_500).any(|_| {
            let mut right = |share: f64| f64::from(u8::from(random.unit() < share));
            let (policy, candidate) = (right(policy), right(candidate));
            paired.see(policy, candidate)
        })
    };
    let count =
        |policy, candidate, margin| (0..300).filter(|&seed| tells(policy, candidate, margin, seed)).count();
    assert!(count(0.7, 0.7, 0.0) <= 15 + 12 && count(0.65, 0.7, 0.05) <= 15 + 12);
    assert!(count(0.6, 0.75, 0.0) >= 290 && count(0.6, 0.75, 0.02) >= 290);
}
