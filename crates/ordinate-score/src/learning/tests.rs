use proptest::prelude::*;

use super::*;

/// Points of a known curve, with noise that shrinks with the number of labels.
fn points(
    truth: &dyn Fn(f64) -> f64,
    counts: &[u64],
    draws: usize,
    noise: f64,
    seed: u64,
) -> Vec<(u64, f64)> {
    let mut random = SplitMix::new(seed);
    let mut all = Vec::new();
    for &count in counts {
        for _ in 0..draws {
            let error = noise
                * normal::quantile(random.unit().clamp(1e-9, 1.0 - 1e-9))
                * (50.0 / count as f64).sqrt();
            all.push((count, (truth(count as f64) + error).clamp(0.0, 1.0)));
        }
    }
    all
}

#[test]
fn families_are_found_again() {
    let counts = [50, 100, 200, 400, 800];
    let truth = |n: f64| 0.9 - 1.5 * n.powf(-0.4);
    let fitted = Ensemble::fit(&points(&truth, &counts, 3, 0.0, 1), 1).unwrap();
    assert_eq!(fitted.replicates.len(), REPLICATES);
    for n in [100.0, 800.0] {
        let band = fitted.band(n);
        assert!(
            (band.mid - truth(n)).abs() < 0.006 && band.low <= truth(n) && truth(n) <= band.high,
            "{n} {band:?}"
        );
    }
    // Further away the interval is wider.
    let width = |n: f64| fitted.band(n).high - fitted.band(n).low;
    assert!(width(8_000.0) > 2.0 * width(800.0));
    let weights = fitted.families();
    assert!((weights.iter().map(|one| one.1).sum::<f64>() - 1.0).abs() < 1e-9 && weights.len() == 5);
    assert!(Ensemble::fit(&points(&truth, &counts[..2], 3, 0.0, 1), 1).is_none());
}

/// Simulation with a known truth: curves of three families that none of the fitted need be, known up to a fifth of the labels.
#[test]
fn intervals_cover_what_is_foretold() {
    let truths: [&dyn Fn(f64) -> f64; 4] = [
        &|n| 0.92 - 1.2 * n.powf(-0.45),
        &|n| 0.85 - 0.5 * (-n / 400.0).exp(),
        &|n| 0.95 - 1.6 / (n + 4.0).ln(),
        // Janoschek: none of the families.
        &|n| 0.9 - 0.6 * (-0.05 * n.powf(0.5)).exp(),
    ];
    let counts = [25, 50, 100, 200, 400];
    let (mut covered, mut crossings, mut missed, mut all) = (0, 0, 0.0, 0);
    for (at, truth) in truths.iter().enumerate() {
        for seed in 0..50 {
            let fitted =
                Ensemble::fit(&points(truth, &counts, 3, 0.02, 100 * at as u64 + seed), seed).unwrap();
            let (band, right) = (fitted.band(2_000.0), truth(2_000.0));
            covered += usize::from(band.low <= right && right <= band.high);
            missed += (band.mid - right).abs();
            // Where it reaches what it has at 900 labels.
            let reach = fitted.reaches(truth(900.0), 25.0, 4_000.0);
            crossings += usize::from(reach.low <= 900.0 && 900.0 <= reach.high);
            all += 1;
        }
    }
    let share = |count: usize| count as f64 / f64::from(all);
    assert!(share(covered) >= 0.9, "{}", share(covered));
    assert!(share(crossings) >= 0.9, "{}", share(crossings));
    assert!(missed / f64::from(all) < 0.04, "{}", missed / f64::from(all));
}

#[test]
fn what_is_never_reached_is_said() {
    let flat = Ensemble::fit(&points(&|_| 0.6, &[50, 100, 200, 400], 3, 0.01, 3), 3).unwrap();
    let reach = flat.reaches(0.95, 50.0, 4_000.0);
    assert!(reach.never > 0.95 && reach.high >= 4_000.0, "{reach:?}");
    let there = flat.reaches(0.2, 50.0, 4_000.0);
    assert_eq!((there.low, there.high, there.never), (50.0, 50.0, 0.0));
    let steep =
        Ensemble::fit(&points(&|n| 0.9 - 4.0 * n.powf(-0.6), &[50, 100, 200, 400], 3, 0.005, 4), 4).unwrap();
    let crossing = steep.overtakes(&flat, 50.0, 4_000.0);
    // 0.9 - 4 n^-0.6 = 0.6 at n = (4 / 0.3)^(1 / 0.6) = 75.
    assert!(crossing.low <= 75.0 && 75.0 <= crossing.high && crossing.never < 0.01, "{crossing:?}");
    let gain = steep.gains(0.01, 400.0, 4_000.0);
    assert!(gain.low > 400.0 && gain.low < gain.high, "{gain:?}");
}

proptest! {
    #[test]
    fn curves_never_fall_and_stay_in_bounds(scores in prop::collection::vec(0.0..1.0_f64, 4..9), seed in 0_u64..100) {
        let points: Vec<(u64, f64)> = scores.iter().enumerate().map(|(at, score)| (10 << at, *score)).collect();
        let fitted = Ensemble::fit(&points, seed).unwrap();
        let mut before = fitted.band(5.0);
        for step in 1..40 {
            let band = fitted.band(5.0 * 1.3_f64.powi(step));
            prop_assert!(band.low <= band.mid && band.mid <= band.high);
            prop_assert!((0.0..=1.0).contains(&band.low) && (0.0..=1.0).contains(&band.high));
            prop_assert!(band.mid >= before.mid - 1e-12 && band.low >= before.low - 1e-12);
            before = band;
        }
        let reach = fitted.reaches(0.5, 10.0, 10_000.0);
        prop_assert!(reach.low <= reach.high && (0.0..=1.0).contains(&reach.never));
        prop_assert_eq!(&fitted, &Ensemble::fit(&points, seed).unwrap());
    }
}
