//! Prediction-powered inference: equal to the package of its authors, and intervals that cover with every judge.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::num::NonZeroU32;

use ordinate_core::random::{SplitMix, shuffle};
use ordinate_core::task::IntervalKind;
use ordinate_core::verdict::Estimate;
use ordinate_score::agreement::agreement;
use ordinate_score::ppi::{FEWEST_ON_SLICE, by_student, on_slice, power_tuned, rectified};
use ordinate_score::{Bootstrap, Statistic, bounds};
use rayon::prelude::*;
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

#[track_caller]
fn close(ours: f64, theirs: &Value) {
    let theirs = theirs.as_f64().unwrap();
    assert!((ours - theirs).abs() < 1e-9, "{ours} is not {theirs}");
}

/// `tests/golden/make_ppi.py` writes the values.
fn golden() -> Value {
    serde_json::from_str(include_str!("golden/ppi.json")).unwrap()
}

#[test]
fn means_and_errors_are_those_of_ppi_python() {
    for case in golden()["means"].as_array().unwrap() {
        let of_others: Vec<f64> = case["of_others"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|pair| vec![pair[0].as_f64().unwrap(); pair[1].as_u64().unwrap() as usize])
            .collect();
        let (labels, of_labelled) = (numbers(&case["labels"]), numbers(&case["of_labelled"]));
        let tuned = power_tuned(&labels, &of_labelled, &of_others).unwrap();
        close(tuned.mean, &case["mean"]);
        close(tuned.se, &case["se"]);
        // The mean of the scores that go through the verdict is the same.
        let grades = [of_labelled.as_slice(), &of_others].concat();
        let known = [labels.as_slice(), &vec![f64::NAN; of_others.len()]].concat();
        let scores = rectified(&grades, &known).unwrap().scores;
        close(scores.iter().sum::<f64>() / scores.len() as f64, &case["mean"]);
    }
}

#[test]
fn agreement_is_that_of_scikit_learn_and_numpy() {
    for case in golden()["agreements"].as_array().unwrap() {
        let pairs: Vec<(usize, f64, f64)> = numbers(&case["a"])
            .into_iter()
            .zip(numbers(&case["b"]))
            .enumerate()
            .map(|(at, (a, b))| (at, a, b))
            .collect();
        let found = agreement(&pairs).unwrap();
        close(found.share.mean, &case["share"]);
        close(found.kappa.unwrap().mean, &case["kappa"]);
        close(found.correlation.unwrap().mean, &case["correlation"]);
    }
}

/// Answers that were graded by the judge, and those of them that people graded.
const GRADED: usize = 5_000;
const RUNS: u64 = 1_000;

/// How a judge grades.
#[derive(Debug, Clone, Copy)]
enum Judge {
    /// Right or wrong: says the other with this probability.
    Errs(f64),
    /// Right or wrong: lets wrong answers pass with this probability.
    Lenient(f64),
    /// Right or wrong: says right to anybody as often as right answers are.
    Blind,
    /// Five grades: correlates with people's by this much before rounding, and is off by this much.
    Graded(f64, f64),
}

fn normal(random: &mut SplitMix) -> f64 {
    (-2.0 * (1.0 - random.unit()).ln()).sqrt() * (std::f64::consts::TAU * random.unit()).cos()
}

fn five(x: f64) -> f64 {
    ((x + 2.0).round() / 4.0).clamp(0.0, 1.0)
}

impl Judge {
    /// What people say of an answer of a candidate that is right with this probability, and what the judge does.
    fn answer(self, right: f64, skill: f64, random: &mut SplitMix) -> (f64, f64) {
        let label = f64::from(random.unit() < right);
        let coin = random.unit();
        match self {
            Self::Errs(rate) => (label, if coin < rate { 1.0 - label } else { label }),
            Self::Lenient(rate) => (label, if label == 0.0 && coin < rate { 1.0 } else { label }),
            Self::Blind => (label, f64::from(coin < right)),
            Self::Graded(correlation, off) => {
                let own = normal(random) + skill;
                let noise = (1.0 - correlation * correlation).sqrt() * normal(random);
                (five(own), five(correlation * own + noise + off))
            }
        }
    }

    /// What people would say on average.
    fn truth(self, right: f64, skill: f64) -> f64 {
        match self {
            Self::Graded(..) => {
                let cdf = ordinate_score::normal::cdf;
                (0..4).map(|grade| 0.25 * (1.0 - cdf(f64::from(grade) - 1.5 - skill))).sum()
            }
            _ => right,
        }
    }
}

/// A candidate's grades and labels on the same draw of items.
fn column(grades: &[(f64, f64)], drawn: &[usize]) -> (Vec<f64>, Vec<f64>) {
    let mut labels = vec![f64::NAN; grades.len()];
    drawn.iter().for_each(|&at| labels[at] = grades[at].0);
    (grades.iter().map(|(_, grade)| *grade).collect(), labels)
}

/// Over many runs: how often the interval of a mean and of a paired difference covers; the median length of the former, over that of
/// the labels alone; and the agreement in kappa, correlation and share.
fn simulate(judge: Judge, labels: usize, rights: [f64; 2]) -> [f64; 6] {
    let skills = rights.map(|right| 1.5 * right - 1.0);
    let truths = [0, 1].map(|which| judge.truth(rights[which], skills[which]));
    let one = |seed: u64| -> [f64; 6] {
        let mut random = SplitMix::new(seed);
        let mut draw: Vec<usize> = (0..GRADED + labels).collect();
        shuffle(&mut draw, seed);
        let drawn = &draw[..labels];
        // Two candidates share the difficulty of an item in a third of the items.
        let (mut first, mut second) = (Vec::new(), Vec::new());
        for _ in 0..GRADED + labels {
            let shared = random.unit() < 1.0 / 3.0;
            let mut twin = random.clone();
            first.push(judge.answer(rights[0], skills[0], &mut random));
            let other = if shared { &mut twin } else { &mut random };
            second.push(judge.answer(rights[1], skills[1], other));
        }
        let [a, b] = [&first, &second].map(|grades| column(grades, drawn));
        let [a, b] = [a, b].map(|(grades, labels)| rectified(&grades, &labels).unwrap());
        let bootstrap =
            Bootstrap { resamples: NonZeroU32::new(400).unwrap(), seed, interval: IntervalKind::Bca };
        let statistics = [Statistic::Mean(0), Statistic::Difference(0, 1)];
        let found = bootstrap.run(&[&a.scores, &b.scores], None, &statistics);
        // As the verdict has them.
        let of = bounds::of_mean(&a.scores, None, &found[0].unwrap(), 0.95);
        let difference = bounds::of_difference(&a.scores, &b.scores, None, &found[1].unwrap(), 0.95);
        let covers =
            |interval: Estimate, truth: f64| f64::from(interval.low <= truth && truth <= interval.high);
        let labelled: Vec<f64> = drawn.iter().map(|&at| first[at].0).collect();
        let alone = by_student(&labelled).unwrap();
        let pairs: Vec<(usize, f64, f64)> =
            first.iter().enumerate().take(200).map(|(at, (label, grade))| (at, *label, *grade)).collect();
        let agreed = agreement(&pairs).unwrap();
        [
            covers(of, truths[0]),
            covers(difference, truths[0] - truths[1]),
            (of.high - of.low) / (alone.high - alone.low),
            agreed.kappa.unwrap().mean,
            agreed.correlation.unwrap().mean,
            agreed.share.mean,
        ]
    };
    let runs: Vec<[f64; 6]> = (0..RUNS).into_par_iter().map(one).collect();
    std::array::from_fn(|at| runs.iter().map(|run| run[at]).sum::<f64>() / RUNS as f64)
}

#[test]
fn intervals_cover_with_good_bad_and_biased_judges() {
    let mut wrong = Vec::new();
    for (judge, labels, rights) in [
        (Judge::Errs(0.05), 100, [0.7, 0.6]),
        (Judge::Errs(0.084), 100, [0.7, 0.6]),
        (Judge::Errs(0.2), 100, [0.7, 0.6]),
        (Judge::Errs(0.2), 40, [0.7, 0.6]),
        (Judge::Errs(0.2), 300, [0.9, 0.85]),
        (Judge::Lenient(0.5), 100, [0.7, 0.6]),
        (Judge::Blind, 100, [0.7, 0.6]),
        (Judge::Graded(0.87, 0.0), 100, [0.7, 0.6]),
        (Judge::Graded(0.8, 0.7), 100, [0.7, 0.6]),
        (Judge::Graded(0.2, -0.7), 100, [0.7, 0.6]),
    ] {
        let [mean, difference, length, kappa, correlation, share] = simulate(judge, labels, rights);
        println!(
            "{judge:?}, {labels} labels, {rights:?}: covers {:.1} %, difference {:.1} %; {:.2} of the length of labels alone; \
             kappa {kappa:.2}, correlation {correlation:.2}, same {share:.2}",
            100.0 * mean,
            100.0 * difference,
            length
        );
        // 93 to 97 %, and a standard error of 1,000 runs more; from few labels intervals may be too wide.
        let range = 0.922..=if labels < 100 { 0.99 } else { 0.978 };
        if !range.contains(&mean) || !range.contains(&difference) {
            wrong.push((judge, labels));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_judge_that_agrees_at_0_8_saves_a_quarter_of_the_length() {
    // 0.8 of kappa, and of correlation; not of the share of answers on which both say the same.
    for judge in [Judge::Errs(0.084), Judge::Graded(0.87, 0.0)] {
        let [.., length, kappa, correlation, _] = simulate(judge, 100, [0.7, 0.6]);
        assert!(
            kappa.min(correlation) < 0.82 && length < 0.75,
            "{judge:?}: {length} at {kappa}, {correlation}"
        );
    }
}

#[test]
fn intervals_of_slices_cover_from_few_labels() {
    const RUNS: u64 = 4_000;
    let mut wrong = Vec::new();
    for (judge, right) in [
        (Judge::Errs(0.05), 0.7),
        (Judge::Errs(0.2), 0.7),
        (Judge::Errs(0.2), 0.9),
        (Judge::Lenient(0.5), 0.7),
        (Judge::Blind, 0.7),
        (Judge::Graded(0.87, 0.0), 0.7),
        (Judge::Graded(0.8, 0.7), 0.7),
        (Judge::Graded(0.2, -0.7), 0.7),
    ] {
        let skill = 1.5 * right - 1.0;
        let truth = judge.truth(right, skill);
        for (labels, others) in [(FEWEST_ON_SLICE, 40), (FEWEST_ON_SLICE, 300), (20, 80)] {
            let one = |seed: u64| -> (bool, f64) {
                let mut random = SplitMix::new(seed);
                let all: Vec<(f64, f64)> =
                    (0..labels + others).map(|_| judge.answer(right, skill, &mut random)).collect();
                let drawn: Vec<usize> = (0..labels).collect();
                let (grades, known) = column(&all, &drawn);
                let of = on_slice(&grades, &known, None).unwrap();
                (of.low <= truth && truth <= of.high, of.high - of.low)
            };
            let runs: Vec<(bool, f64)> = (0..RUNS).into_par_iter().map(one).collect();
            let covers = runs.iter().filter(|(covers, _)| *covers).count() as f64 / RUNS as f64;
            let length = runs.iter().map(|(_, length)| length).sum::<f64>() / RUNS as f64;
            println!(
                "{judge:?}, right {right}: a slice with {labels} labels and {others} others covers {:.1} %, length {length:.2}",
                100.0 * covers
            );
            // A standard error of 4,000 runs is 0.4 %.
            if covers < 0.94 {
                wrong.push((judge, right, labels, others, covers));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
