//! The test of a verdict that may be looked at after every score, by simulation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test may

use ordinate_serve::Watch;

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
