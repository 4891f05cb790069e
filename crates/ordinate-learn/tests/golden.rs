//! Held to scikit-learn: `tests/golden/make.py` says how the values were made.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr)] // a test may
#![allow(missing_docs)]

use ordinate_core::random::SplitMix;
use ordinate_learn::forest::{Forest, Params};
use ordinate_learn::{Link, Logistic, Margins, Matrix, greedy, kernel};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/learn.json")).unwrap()
}

fn matrix(value: &Value) -> Matrix {
    let rows = value.as_array().unwrap();
    let at = |row: usize, column: usize| rows[row][column].as_f64().unwrap();
    Matrix::from_fn(rows.len(), rows[0].as_array().unwrap().len(), at)
}

fn uniform(seed: u64, rows: usize, columns: usize) -> Matrix {
    let mut random = SplitMix::new(seed);
    Matrix::from_fn(rows, columns, |_, _| random.unit())
}

fn rbf(a: &Matrix, b: &Matrix) -> Matrix {
    Matrix::from_fn(a.rows(), b.rows(), |i, j| {
        let d: f64 = a.row(i).iter().zip(b.row(j)).map(|(a, b)| (a - b).powi(2)).sum();
        (-d / (2.0 * 0.4 * 0.4)).exp()
    })
}

fn times(a: &Matrix, b: &Matrix) -> Matrix {
    Matrix::from_fn(a.rows(), b.columns(), |i, j| (0..b.rows()).map(|k| a[(i, k)] * b[(k, j)]).sum())
}

fn first_columns(a: &Matrix, count: usize) -> Matrix {
    Matrix::from_fn(a.rows(), count, |i, j| a[(i, j)])
}

#[track_caller]
fn close(found: &Matrix, wanted: &Matrix, tolerance: f64) {
    assert_eq!((found.rows(), found.columns()), (wanted.rows(), wanted.columns()));
    for (found, wanted) in found.values().iter().zip(wanted.values()) {
        assert!((found - wanted).abs() <= tolerance, "{found} is not {wanted}");
    }
}

/// Rows to learn from, their outputs, new rows.
fn regression() -> (Matrix, Matrix, Matrix) {
    let y = uniform(2, 40, 2);
    let y = Matrix::from_fn(40, 2, |i, j| y[(i, j)] - 0.5);
    (uniform(1, 40, 3), y, uniform(3, 5, 3))
}

#[test]
fn kernel_ridge_is_that_of_scikit_learn() {
    let golden = &golden()["kernels"];
    let (x, y, new) = regression();
    let fitted = kernel::ridge_loo(&rbf(&x, &x), &y, 0.3).unwrap();
    close(&fitted.weights, &matrix(&golden["dual"]), 1e-8);
    close(&kernel::ridge(&rbf(&x, &x), &y, 0.3).unwrap(), &matrix(&golden["dual"]), 1e-8);
    close(&times(&rbf(&new, &x), &fitted.weights), &matrix(&golden["predicted"]), 1e-8);
    close(&fitted.left_out, &matrix(&golden["left_out"]), 1e-8);
}

#[test]
fn nystrom_is_its_closed_form() {
    let golden = &golden()["kernels"];
    let (x, y, new) = regression();
    let k_nl = first_columns(&rbf(&x, &x), 12);
    let k_ll = Matrix::from_fn(12, 12, |i, j| k_nl[(i, j)]);
    let fitted = kernel::nystrom(&k_nl, &k_ll, &y, &[7.0, 0.3]).unwrap();
    close(&times(&first_columns(&rbf(&new, &x), 12), &fitted[1]), &matrix(&golden["nystrom"]), 1e-8);
    assert_ne!(fitted[0], fitted[1]);
}

#[test]
fn nystrom_with_every_row_is_exact() {
    let (x, y, new) = regression();
    let k = rbf(&x, &x);
    let (exact, near) =
        (kernel::ridge_loo(&k, &y, 0.3).unwrap(), kernel::nystrom(&k, &k, &y, &[0.3]).unwrap());
    let new = rbf(&new, &x);
    close(&times(&new, &near[0]), &times(&new, &exact.weights), 1e-7);
}

/// Friedman's first function with noise, and a second, linear output.
fn friedman(seed: u64, rows: usize) -> (Matrix<f32>, Matrix) {
    let x = uniform(seed, rows, 10);
    let x = Matrix::from_fn(rows, 10, |i, j| x[(i, j)] as f32);
    let noise = uniform(seed + 100, rows, 12);
    let y = Matrix::from_fn(rows, 2, |i, output| {
        let x = |j| f64::from(x[(i, j)]);
        let noise = noise.row(i).iter().sum::<f64>() - 6.0;
        let first = 10.0 * (std::f64::consts::PI * x(0) * x(1)).sin()
            + 20.0 * (x(2) - 0.5).powi(2)
            + 10.0 * x(3)
            + 5.0 * x(4)
            + noise;
        if output == 0 { first } else { 3.0 * x(5) - 2.0 * x(0) }
    });
    (x, y)
}

#[test]
fn forests_err_as_much_as_those_of_scikit_learn() {
    const SEEDS: u32 = 20;
    let ((x, y), (new, target)) = (friedman(10, 300), friedman(11, 500));
    for wanted in golden()["forests"].as_array().unwrap() {
        let whole = |name: &str| wanted[name].as_u64().unwrap() as usize;
        let mut mean = [0.0; 2];
        for seed in 0..SEEDS {
            let (trees, min_leaf) = (whole("trees"), whole("min_leaf"));
            let features = wanted["features"].as_f64().unwrap();
            let params = Params { trees, min_leaf, features, seed: u64::from(seed) };
            let predicted = Forest::fit(&x, &y, &params).unwrap().predict_rows(&new);
            for row in 0..new.rows() {
                for (output, mean) in mean.iter_mut().enumerate() {
                    let error = predicted[(row, output)] - target[(row, output)];
                    *mean += error * error / new.rows() as f64 / f64::from(SEEDS);
                }
            }
        }
        for (output, mean) in mean.into_iter().enumerate() {
            let [mse, sd] = ["mse", "sd"].map(|name| wanted[name][output].as_f64().unwrap());
            // Four standard errors of the difference of two means over seeds.
            let tolerance = 4.0 * sd * (2.0 / f64::from(SEEDS)).sqrt();
            assert!((mean - mse).abs() < tolerance, "{wanted}, output {output}: {mean} is not {mse}");
        }
    }
}

/// An average of predictions, and the loss of such an average.
struct Averaged<L> {
    predictions: Vec<Matrix>,
    total: Matrix,
    members: u32,
    loss: L,
}

impl<L: Fn(&Matrix) -> f64> Averaged<L> {
    fn with(&self, candidate: usize) -> Matrix {
        let (total, prediction) = (&self.total, &self.predictions[candidate]);
        Matrix::from_fn(total.rows(), total.columns(), |i, j| total[(i, j)] + prediction[(i, j)])
    }
}

impl<L: Fn(&Matrix) -> f64> greedy::Pool for Averaged<L> {
    fn len(&self) -> usize {
        self.predictions.len()
    }

    fn loss(&self, candidate: usize) -> f64 {
        let (sum, members) = (self.with(candidate), f64::from(self.members + 1));
        (self.loss)(&Matrix::from_fn(sum.rows(), sum.columns(), |i, j| sum[(i, j)] / members))
    }

    fn add(&mut self, candidate: usize) {
        self.total = self.with(candidate);
        self.members += 1;
    }
}

#[test]
fn greedy_selection_is_autogluons() {
    let argmax =
        |row: &[f64]| (1..3).fold(0, |best, label| if row[label] > row[best] { label } else { best });
    let truth: Vec<usize> = uniform(30, 60, 1).values().iter().map(|u| (u * 3.0) as usize).collect();
    let raw: Vec<Matrix> = [0, 1, 2, 3, 4, 2].map(|m| uniform(31 + m, 60, 3)).to_vec();
    let blur = [0.8, 0.84, 0.82, 0.95, 0.88, 0.82];
    let probabilities: Vec<Matrix> = (0..6)
        .map(|m| {
            let part = |i: usize, j: usize| {
                (1.0 - blur[m]) * f64::from(u8::from(truth[i] == j)) + blur[m] * raw[m][(i, j)]
            };
            Matrix::from_fn(60, 3, |i, j| part(i, j) / (0..3).map(|j| part(i, j)).sum::<f64>())
        })
        .collect();
    let target = uniform(50, 60, 1);
    let numbers = (0..6)
        .map(|m| Matrix::from_fn(60, 1, |i, _| target[(i, 0)] + 2.0 * blur[m] * (raw[m][(i, 0)] - 0.4)));
    let votes = probabilities
        .iter()
        .map(|p| Matrix::from_fn(60, 3, |i, j| f64::from(u8::from(argmax(p.row(i)) == j))))
        .collect();
    let mean = |loss: &dyn Fn(usize) -> f64| (0..60).map(loss).sum::<f64>() / 60.0;
    check("log_loss", probabilities.clone(), |p| mean(&|i| -p[(i, truth[i])].ln()));
    check("squared", numbers.collect(), |p| mean(&|i| (p[(i, 0)] - target[(i, 0)]).powi(2)));
    check("votes", votes, |p| mean(&|i| f64::from(u8::from(argmax(p.row(i)) != truth[i]))));
}

fn check(name: &str, predictions: Vec<Matrix>, loss: impl Fn(&Matrix) -> f64) {
    let total = Matrix::from_fn(60, predictions[0].columns(), |_, _| 0.0);
    let counts = greedy::select(&mut Averaged { predictions, total, members: 0, loss }, &[], 25).counts;
    let members: u32 = counts.iter().sum();
    for (count, weight) in counts.iter().zip(golden()["ensembles"][name].as_array().unwrap()) {
        let found = f64::from(*count) / f64::from(members);
        assert!((found - weight.as_f64().unwrap()).abs() < 1e-6, "{name}: {counts:?}");
    }
}

#[test]
fn logistic_regression_is_that_of_scikit_learn() {
    let (x, noise, new) = (uniform(60, 120, 4), uniform(61, 120, 1), uniform(62, 4, 4));
    let class = |i: usize| ((x[(i, 0)] + x[(i, 1)] + noise[(i, 0)]) * 0.99) as usize;
    let class_of: Vec<usize> = (0..120).map(class).collect();
    let sparse = |x: &Matrix, i: usize| x.row(i).iter().copied().enumerate().collect::<Vec<_>>();
    let rows: Vec<_> = (0..120).map(|i| sparse(&x, i)).collect();
    for (lambda, wanted) in golden()["logistic"].as_object().unwrap() {
        let lambda: f64 = lambda.parse().unwrap();
        let other = Logistic::fit(&rows, 4, &class_of, 3, 3.0 * lambda, 1e-7, None).unwrap();
        let model = Logistic::fit(&rows, 4, &class_of, 3, lambda, 1e-7, None).unwrap();
        let warm = Logistic::fit(&rows, 4, &class_of, 3, lambda, 1e-7, Some(&other)).unwrap();
        let found: Vec<f64> = (0..4).flat_map(|i| model.probabilities(&sparse(&new, i))).collect();
        close(&Matrix::new(3, found).unwrap(), &matrix(wanted), 1e-5);
        let again: Vec<f64> = (0..4).flat_map(|i| warm.probabilities(&sparse(&new, i))).collect();
        close(&Matrix::new(3, again).unwrap(), &matrix(wanted), 1e-5);
        let text = serde_json::to_string(&model).unwrap();
        assert_eq!(serde_json::from_str::<Logistic>(&text).unwrap(), model);
    }
    let bad = vec![vec![(0, f64::NAN)]];
    assert!(Logistic::fit(&bad, 1, &[0], 2, 1.0, 1e-7, None).is_err());
    assert!(Logistic::fit(&rows, 3, &class_of, 3, 1.0, 1e-7, None).is_err(), "feature 3 of 3");
}

/// The same by products of matrices, on weights kept in `f32`; begun at 0, and at the weights for another cost.
#[test]
fn dense_logistic_regression_is_that_of_scikit_learn() {
    let (x, noise, new) = (uniform(60, 120, 4), uniform(61, 120, 1), uniform(62, 4, 4));
    let floats = |x: &Matrix| -> Vec<Vec<f32>> {
        (0..x.rows()).map(|i| x.row(i).iter().map(|value| *value as f32).collect()).collect()
    };
    let (rows, new) = (floats(&x), floats(&new));
    let rows: Vec<&[f32]> = rows.iter().map(Vec::as_slice).collect();
    let right: Vec<Vec<usize>> =
        (0..120).map(|i| vec![((x[(i, 0)] + x[(i, 1)] + noise[(i, 0)]) * 0.99) as usize]).collect();
    let right: Vec<&[usize]> = right.iter().map(Vec::as_slice).collect();
    let mut before = None;
    for (lambda, wanted) in golden()["logistic"].as_object().unwrap() {
        let cost = 1.0 / lambda.parse::<f64>().unwrap();
        for start in [None, before.as_ref()] {
            let model = Margins::fit_dense(&rows, &right, 3, Link::Softmax, cost, start).unwrap();
            let shares = |row: &Vec<f32>| {
                let powers: Vec<f64> = model.scores_dense(row).into_iter().map(f64::exp).collect();
                let sum: f64 = powers.iter().sum();
                powers.into_iter().map(move |power| power / sum).collect::<Vec<f64>>()
            };
            let found = new.iter().flat_map(shares).collect();
            close(&Matrix::new(3, found).unwrap(), &matrix(wanted), 1e-4);
        }
        before = Some(Margins::fit_dense(&rows, &right, 3, Link::Softmax, cost, None).unwrap());
    }
    let right: Vec<Vec<usize>> =
        (0..120).map(|i| (0..3).filter(|&j| x[(i, j)] + noise[(i, 0)] > 1.0).collect()).collect();
    let right: Vec<&[usize]> = right.iter().map(Vec::as_slice).collect();
    let model = Margins::fit_dense(&rows, &right, 3, Link::Sigmoid, 5.0, None).unwrap();
    let found = new.iter().flat_map(|row| model.scores_dense(row)).map(|score| 1.0 / (1.0 + (-score).exp()));
    close(&Matrix::new(3, found.collect()).unwrap(), &matrix(&golden()["tags"]), 1e-4);
}

#[test]
fn dense_rows_that_cannot_be_learnt_from() {
    let fit = |rows: &[&[f32]], right: &[&[usize]], cost: f64| {
        Margins::fit_dense(rows, right, 2, Link::Softmax, cost, None)
    };
    assert!(fit(&[&[1.0], &[2.0]], &[&[0], &[1]], 1.0).is_ok());
    assert!(fit(&[], &[], 1.0).is_err());
    assert!(fit(&[&[1.0], &[2.0, 3.0]], &[&[0], &[1]], 1.0).is_err());
    assert!(fit(&[&[1.0], &[f32::NAN]], &[&[0], &[1]], 1.0).is_err());
    assert!(fit(&[&[1.0], &[2.0]], &[&[0]], 1.0).is_err());
    assert!(fit(&[&[1.0], &[2.0]], &[&[0], &[2]], 1.0).is_err());
    assert!(fit(&[&[1.0], &[2.0]], &[&[0], &[]], 1.0).is_err());
    assert!(fit(&[&[1.0], &[2.0]], &[&[0], &[1]], 0.0).is_err());
}
