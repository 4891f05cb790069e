//! What must hold for any data.

#![allow(missing_docs)]

use ordinate_core::random::SplitMix;
use ordinate_learn::forest::{Forest, Params};
use ordinate_learn::{LearnError, Matrix, kernel};
use proptest::prelude::*;

fn data(seed: u64, rows: usize, features: usize, outputs: usize) -> (Matrix<f32>, Matrix) {
    let mut random = SplitMix::new(seed);
    // Few distinct values, so that ties and constant features are common.
    let x = Matrix::from_fn(rows, features, |_, feature| match feature % 3 {
        0 => 7.0,
        1 => random.below(3) as f32,
        _ => random.unit() as f32,
    });
    let y = Matrix::from_fn(rows, outputs, |_, _| random.unit() * 4.0 - 1.0);
    (x, y)
}

fn params(trees: usize, min_leaf: usize, features: f64) -> Params {
    Params { trees, min_leaf, features, seed: 3 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn forests_stay_within_what_they_saw_and_read_back(
        seed in 0_u64..1000, rows in 1_usize..60, features in 1_usize..8, outputs in 1_usize..5,
        min_leaf in 1_usize..9, share in 0.01_f64..=1.0,
    ) {
        let (x, y) = data(seed, rows, features, outputs);
        let forest = Forest::fit(&x, &y, &params(7, min_leaf, share)).unwrap();
        let text = serde_json::to_string(&forest).unwrap();
        let loaded: Forest = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&loaded, &forest);
        prop_assert_eq!(serde_json::to_string(&loaded).unwrap(), text);
        let predicted = forest.predict_rows(&x);
        for output in 0..outputs {
            let column = || (0..rows).map(|row| y[(row, output)]);
            let (low, high) = (column().fold(f64::MAX, f64::min), column().fold(f64::MIN, f64::max));
            for row in 0..rows {
                let value = predicted[(row, output)];
                prop_assert!((low - 1e-9..=high + 1e-9).contains(&value), "{low} {value} {high}");
                prop_assert_eq!(value.to_bits(), loaded.predict(x.row(row))[output].to_bits());
            }
        }
    }

    #[test]
    fn leaving_one_out_is_refitting_without_it(
        seed in 0_u64..1000, rows in 2_usize..20, outputs in 1_usize..4, lambda in 0.05_f64..10.0,
    ) {
        let (_, x) = data(seed, rows, 1, 3);
        let (_, y) = data(seed + 1, rows, 1, outputs);
        let value = |i: usize, j: usize| {
            let d: f64 = x.row(i).iter().zip(x.row(j)).map(|(a, b)| (a - b) * (a - b)).sum();
            (-d).exp()
        };
        let left_out = kernel::loo(&Matrix::from_fn(rows, rows, value), &y, lambda).unwrap();
        for out in 0..rows {
            let rest: Vec<usize> = (0..rows).filter(|&row| row != out).collect();
            let k = Matrix::from_fn(rows - 1, rows - 1, |i, j| value(rest[i], rest[j]));
            let without = Matrix::from_fn(rows - 1, outputs, |i, j| y[(rest[i], j)]);
            let weights = kernel::ridge(&k, &without, lambda).unwrap();
            for output in 0..outputs {
                let predicted: f64 = (0..rows - 1).map(|i| value(out, rest[i]) * weights[(i, output)]).sum();
                prop_assert!((predicted - left_out[(out, output)]).abs() < 1e-9);
            }
        }
    }
}

#[test]
fn rows_without_a_difference_give_the_mean() {
    let x = Matrix::from_fn(10, 3, |_, _| 1.0_f32);
    let y = Matrix::from_fn(10, 2, |row, output| (row * (output + 1)) as f64);
    let forest = Forest::fit(&x, &y, &params(5, 1, 1.0)).unwrap();
    assert_eq!(forest.predict(x.row(0)), [4.5, 9.0]);
    let one = Forest::fit(
        &Matrix::from_fn(1, 2, |_, _| 0.5),
        &Matrix::from_fn(1, 1, |_, _| 0.25),
        &params(3, 1, 1.0),
    );
    assert_eq!(one.unwrap().predict(&[f32::NAN]), [0.25]);
}

#[test]
fn whole_trees_remember_every_row() {
    let (x, y) = data(5, 50, 3, 2);
    let predicted = Forest::fit(&x, &y, &params(20, 1, 1.0)).unwrap().predict_rows(&x);
    for (found, wanted) in predicted.values().iter().zip(y.values()) {
        // Leaves are rounded to 1/65,535 of the range, which is 4 here.
        assert!((found - wanted).abs() <= 4.0 / 131_070.0 + 1e-12, "{found} is not {wanted}");
    }
}

#[test]
fn threads_do_not_matter_and_seeds_do() {
    let (x, y) = data(9, 200, 6, 3);
    let on = |threads: usize, seed| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Forest::fit(&x, &y, &Params { trees: 16, min_leaf: 2, features: 0.4, seed }).unwrap())
    };
    assert_eq!(on(1, 1), on(4, 1));
    assert_ne!(on(1, 1), on(1, 2));
}

#[test]
fn bad_numbers_are_named() {
    let (mut x, mut y) = data(1, 6, 3, 2);
    x[(4, 1)] = f32::NAN;
    let message = Forest::fit(&x, &y, &Params::default()).unwrap_err().to_string();
    assert_eq!(message, "a number among the features is NaN (row 4, column 1); numbers must be finite");
    y[(2, 1)] = f64::INFINITY;
    let k = Matrix::from_fn(6, 6, |i, j| if i == j { 1.0 } else { 0.0 });
    assert!(matches!(kernel::ridge(&k, &y, 1.0), Err(LearnError::NotFinite { row: 2, column: 1, .. })));
    assert!(matches!(kernel::nystrom(&k, &k, &y, &[1.0]), Err(LearnError::NotFinite { .. })));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let (x, y) = data(1, 6, 3, 2);
    let (_, short) = data(1, 5, 3, 2);
    assert!(matches!(Forest::fit(&x, &short, &Params::default()), Err(LearnError::Shape { .. })));
    assert!(Matrix::new(4, vec![0.0; 6]).is_err());
    let empty = Matrix::new(2, Vec::new()).unwrap();
    assert!(matches!(Forest::fit(&x, &empty, &Params::default()), Err(LearnError::Empty(..))));
    for bad in [params(0, 1, 0.5), params(1, 0, 0.5), params(1, 1, 0.0), params(1, 1, f64::NAN)] {
        assert!(matches!(Forest::fit(&x, &y, &bad), Err(LearnError::Parameter { .. })), "{bad:?}");
    }
    let k = Matrix::from_fn(6, 6, |_, _| -1.0);
    assert!(matches!(kernel::loo(&k, &y, 0.1), Err(LearnError::NotPositiveDefinite { .. })));
    assert!(matches!(kernel::loo(&k, &y, 0.0), Err(LearnError::Parameter { .. })));
    assert!(matches!(kernel::loo(&k, &short, 0.1), Err(LearnError::Shape { .. })));
}

#[test]
fn damaged_forests_are_refused() {
    let (x, y) = data(1, 30, 3, 2);
    let forest = Forest::fit(&x, &y, &params(2, 3, 1.0)).unwrap();
    let text = serde_json::to_string(&forest).unwrap();
    let start = text.find("\"nodes\":\"").unwrap() + 9;
    let shorter = format!("{}{}", &text[..start], &text[start + 8..]);
    let message = serde_json::from_str::<Forest>(&shorter).unwrap_err().to_string();
    assert!(message.contains("the saved model is damaged: its trees"), "{message}");
    for (from, to) in
        [("\"trees\":2", "\"trees\":3"), ("\"trees\":2", "\"trees\":1"), ("\"trees\":2", "\"trees\":0")]
    {
        assert!(serde_json::from_str::<Forest>(&text.replace(from, to)).is_err());
    }
}
