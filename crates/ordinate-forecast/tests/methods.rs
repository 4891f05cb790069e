//! What every method does with series of every kind: a finite forecast of the length that was asked for, or a reason.

#![allow(clippy::unwrap_used)]

use ordinate_core::Series;
use ordinate_core::task::Local;
use ordinate_forecast::Method;

fn series(values: Vec<f64>, season: u32, horizon: u32) -> Series {
    Series { values, season, horizon }
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
    assert_eq!(Method::Naive.forecast(&known), Ok(vec![3.0; 3]));
    assert_eq!(Method::SeasonalNaive.forecast(&known), Ok(vec![5.0, 3.0, 5.0]));
    assert_eq!(Method::Drift.forecast(&known), Ok(vec![3.5, 4.0, 4.5]));
    assert_eq!(Method::SeasonalNaive.forecast(&series(vec![1.0, 2.0], 1, 2)), Ok(vec![2.0, 2.0]));
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
            let known = series(values.clone(), season, 6);
            for method in Method::ALL {
                match method.forecast(&known) {
                    Ok(found) => {
                        assert_eq!(found.len(), 6, "{method:?} of {known}");
                        assert!(found.iter().all(|value| value.is_finite()), "{method:?} of {known}");
                    }
                    Err(error) => {
                        assert!(!error.why.is_empty() && error.to_string().starts_with(method.name()));
                    }
                }
            }
        }
    }
    for method in Method::ALL {
        let constant = method.forecast(&series(vec![5.0; 40], 4, 3)).unwrap();
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
        let found = method.forecast(&known).unwrap();
        for (ahead, forecast) in (0..).zip(&found) {
            let right = value(48 + ahead);
            // Theta goes on with half of the slope.
            assert!((forecast - right).abs() < 0.1 * right, "{method:?}: {forecast} for {right}");
        }
        assert_eq!(method.forecast(&known), Ok(found), "the same again");
    }
}
