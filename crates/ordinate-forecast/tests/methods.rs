//! What every method does with series of every kind: a finite forecast of the length that was asked for, or a reason.

#![allow(clippy::unwrap_used)]

use ordinate_core::Series;
use ordinate_core::task::Local;
use ordinate_forecast::Method;

fn values(method: Method, series: &Series) -> Vec<f64> {
    method.forecast(series).unwrap().values().to_vec()
}

fn series(values: Vec<f64>, season: u32, horizon: u32) -> Series {
    Series { values, season, horizon, quantiles: Vec::new() }
}

#[test]
fn methods_are_those_of_the_task_file() {
    assert_eq!(Method::ALL.map(Method::name), Local::FORECASTERS);
    for method in Method::ALL {
        assert_eq!(Method::named(method.name()), Some(method));
    }
    assert_eq!(Method::named("prophet"), None);
}

#[test]
fn naive_ones_are_a_line_each() {
    let known = series(vec![1.0, 4.0, 2.0, 5.0, 3.0], 2, 3);
    assert_eq!(values(Method::Naive, &known), [3.0; 3]);
    assert_eq!(values(Method::SeasonalNaive, &known), [5.0, 3.0, 5.0]);
    assert_eq!(values(Method::Drift, &known), [3.5, 4.0, 4.5]);
    assert_eq!(values(Method::SeasonalNaive, &series(vec![1.0, 2.0], 1, 2)), [2.0, 2.0]);
    // Quantiles of what the past changed by, wider by the root of the steps ahead.
    let asked = Series { quantiles: vec![0.0001, 0.5], ..known };
    let found = Method::Naive.forecast(&asked).unwrap();
    let lowest = &found.quantiles()[0].values;
    for (ahead, quantile) in (1..).zip(lowest) {
        assert!((quantile - (3.0 - 2.0 * f64::from(ahead).sqrt())).abs() < 1e-2, "{lowest:?}");
    }
    let once = Series { quantiles: vec![0.1], ..series(vec![1.0], 1, 2) };
    assert!(Method::Naive.forecast(&once).unwrap().quantiles().is_empty(), "nothing is known of its errors");
}

/// Constant, three points, one point, zeros, huge, tiny, negative, a step, a spike, alternating.
#[test]
fn no_series_breaks_a_method() {
    let shapes: Vec<Vec<f64>> = vec![
        vec![5.0; 40],
        vec![0.0; 40],
        vec![1.0, 2.0, 3.0],
        vec![1.0],
        (0..40).map(|at| f64::from(at) * 1e150).collect(),
        (0..40).map(|at| f64::from(at) * 1e-150).collect(),
        (0..40).map(|at| -1.0 - f64::from(at % 4)).collect(),
        (0..40).map(|at| f64::from(at / 20)).collect(),
        (0..40).map(|at| if at == 30 { 1e6 } else { 1.0 }).collect(),
        (0..40).map(|at| f64::from(at % 2)).collect(),
        (0..13).map(|at| f64::from(at * at % 7)).collect(),
        vec![f64::MAX, f64::MIN, f64::MAX, f64::MIN, f64::MAX, f64::MIN],
    ];
    for values in shapes {
        for season in [1, 4, 12, 100] {
            let known = Series { quantiles: vec![0.1, 0.5, 0.9], ..series(values.clone(), season, 6) };
            for method in Method::ALL {
                match method.forecast(&known) {
                    Ok(found) => {
                        assert_eq!(found.values().len(), 6, "{method:?} of {known}");
                        let quantiles: Vec<&[f64]> =
                            found.quantiles().iter().map(|one| &*one.values).collect();
                        let rise =
                            |pair: &[&[f64]]| pair[0].iter().zip(pair[1]).all(|(low, high)| low <= high);
                        assert!(quantiles.windows(2).all(rise), "{method:?} of {known}: {quantiles:?}");
                        let all = quantiles.concat();
                        assert!(
                            all.iter().chain(found.values()).all(|value| value.is_finite()),
                            "{method:?}"
                        );
                    }
                    Err(error) => {
                        assert!(!error.why.is_empty() && error.to_string().starts_with(method.name()));
                    }
                }
            }
        }
    }
    for method in Method::ALL {
        let constant = values(method, &series(vec![5.0; 40], 4, 3));
        assert!(constant.iter().all(|value| (value - 5.0).abs() < 1e-6), "{method:?}: {constant:?}");
    }
}

/// A line with a season is continued by every method that knows both.
#[test]
fn a_season_and_a_trend_go_on() {
    let value = |at: u32| 100.0 + 2.0 * f64::from(at) + [10.0, -5.0, 0.0, -5.0][at as usize % 4];
    let known = series((0..48).map(value).collect(), 4, 8);
    for method in [
        Method::Theta,
        Method::OptimisedTheta,
        Method::DynamicTheta,
        Method::AutoTheta,
        Method::Ets,
        Method::Arima,
    ] {
        let found = values(method, &known);
        for (ahead, forecast) in (0..).zip(&found) {
            let right = value(48 + ahead);
            // Theta goes on with half of the slope.
            assert!((forecast - right).abs() < 0.1 * right, "{method:?}: {forecast} for {right}");
        }
        assert_eq!(values(method, &known), found, "the same again");
    }
}

/// Of random walks the interval from the quantile 0.1 to 0.9 holds about 80 per cent, near and far.
#[test]
fn intervals_hold_what_they_say() {
    const STEPS: usize = 8;
    let mut random = ordinate_core::random::SplitMix::new(11);
    let mut normal = || (0..12).map(|_| random.unit()).sum::<f64>() - 6.0;
    let mut walk = || -> Vec<f64> {
        let mut at = 100.0;
        (0..60 + STEPS)
            .map(|_| {
                at += normal();
                at
            })
            .collect()
    };
    let walks: Vec<Vec<f64>> = (0..300).map(|_| walk()).collect();
    for method in Method::ALL {
        let some: u32 = if method.is_slow() { 60 } else { 300 };
        let mut held = [0.0; STEPS];
        for values in &walks[..some as usize] {
            let known = series(values[..60].to_vec(), 1, STEPS as u32);
            let known = Series { quantiles: vec![0.1, 0.9], ..known };
            let found = method.forecast(&known).unwrap();
            let interval = found.interval().unwrap();
            for (ahead, held) in held.iter_mut().enumerate() {
                let bounds = interval.low[ahead]..=interval.high[ahead];
                *held += f64::from(u8::from(bounds.contains(&values[60 + ahead]))) / f64::from(some);
            }
        }
        let [near, far] = [0, 4].map(|from| held[from..from + 4].iter().sum::<f64>() / 4.0);
        // The parameters of a model are estimated too, which its intervals leave out.
        assert!((0.66..0.92).contains(&near) && (0.62..0.92).contains(&far), "{method:?}: {held:?}");
    }
}
