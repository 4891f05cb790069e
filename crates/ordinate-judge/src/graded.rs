//! A judge's grades, held to those of people, and estimates that are corrected by these.

use std::collections::BTreeMap;

use ordinate_core::CandidateName;
use ordinate_core::verdict::{Estimate, Judge, JudgeAgreement, JudgedCandidate, JudgedSlice};
use ordinate_score::agreement::agreement;
use ordinate_score::ppi::{FEWEST, FEWEST_ON_SLICE, by_student, on_slice, rectified};
use ordinate_trials::{Board, Column, Trials};

use crate::words::{count, level, signed_number};

/// Grades of people, in `[0, 1]`, by candidate in the order of the trials and by item in the order in which items are scored; NaN
/// where there is none.
#[derive(Debug, Clone, PartialEq)]
pub struct HumanGrades(pub Vec<Vec<f64>>);

/// Corrects the estimates that follow from these trials by grades of people (`ordinate_score::ppi`), where there are enough of them; and
/// says how far the judge is to be believed. `about` says who graded, and which candidates are of its family.
///
/// Policies are learned, and their dials chosen, by the judge's grades as they are: these are left in the trials.
#[must_use]
pub fn correct(trials: &mut Trials, human: &HumanGrades, about: Judge) -> Judge {
    let board = trials.graded().clone();
    let mut corrected = board.clone();
    let mut any = false;
    let mut candidates = Vec::new();
    let mut pairs = Vec::new();
    for (at, candidate) in trials.candidates.iter().enumerate() {
        let column = &board.columns[at];
        let grades = graded(column);
        let none = Vec::new();
        let labels = human.0.get(at).unwrap_or(&none);
        let both: Vec<(usize, f64, f64)> = grades
            .iter()
            .zip(labels)
            .enumerate()
            .filter(|(_, (grade, label))| grade.is_finite() && label.is_finite())
            .map(|(item, (grade, label))| (item, *grade, *label))
            .collect();
        // What others are held against is as good as itself, whoever grades.
        let is_exact = about.against.as_ref() == Some(&candidate.name);
        let found = if is_exact { None } else { rectified(&grades, labels) };
        if let Some(found) = &found {
            any = true;
            for (score, made) in corrected.columns[at].quality.iter_mut().zip(&found.scores) {
                if made.is_finite() {
                    *score = *made;
                }
            }
        }
        let known: Vec<f64> = grades.iter().copied().filter(|grade| grade.is_finite()).collect();
        let of = |value: &dyn Fn(&(usize, f64, f64)) -> f64| {
            by_student(&both.iter().map(value).collect::<Vec<_>>())
        };
        candidates.push(JudgedCandidate {
            name: candidate.name.clone(),
            own_family: about.candidates.iter().any(|own| own.name == candidate.name && own.own_family),
            graded: known.len() as u64,
            labelled: both.len() as u64,
            judge: crate::contender::mean(&known),
            human: of(&|(_, _, label)| *label),
            bias: of(&|(_, grade, label)| grade - label).filter(|_| !is_exact),
            lambda: found.map(|found| found.lambda),
            slices: slices(&board, &trials.slices, &grades, labels, is_exact),
        });
        if !is_exact {
            pairs.extend(both.into_iter().map(|pair| (at, pair)));
        }
    }
    trials.rectified = any.then_some(corrected);
    if pairs.is_empty() {
        candidates.iter_mut().for_each(|one| one.slices.clear());
    }
    let favours_family = favours(&candidates, &pairs);
    let pairs: Vec<(usize, f64, f64)> = pairs.into_iter().map(|(_, pair)| pair).collect();
    let agreed = agreement(&pairs);
    let mut judge = Judge {
        graded: candidates.iter().map(|one| one.graded).sum(),
        human: pairs.len() as u64,
        agreement: agreed.map(|found| JudgeAgreement {
            share: found.share,
            kappa: found.kappa,
            correlation: found.correlation,
        }),
        favours_family,
        candidates,
        ..about
    };
    judge.warnings = warnings(&judge);
    judge
}

/// The judge's grades of a candidate slice by slice, corrected where people graded enough of them.
fn slices(
    board: &Board,
    names: &[String],
    grades: &[f64],
    labels: &[f64],
    is_exact: bool,
) -> BTreeMap<String, JudgedSlice> {
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); names.len()];
    for (at, (slice, grade)) in board.slice_of.iter().zip(grades).enumerate() {
        if let Some(own) = rows.get_mut(*slice as usize).filter(|_| grade.is_finite()) {
            own.push(at);
        }
    }
    let of_slice = |(name, rows): (&String, Vec<usize>)| {
        let pick = |column: &[f64]| -> Vec<f64> {
            rows.iter().map(|at| column.get(*at).copied().unwrap_or(f64::NAN)).collect()
        };
        let (grades, labels) = (pick(grades), pick(labels));
        let groups: Option<Vec<u32>> =
            board.clusters.as_ref().map(|of| rows.iter().map(|at| of[*at]).collect());
        let corrected = if is_exact { None } else { on_slice(&grades, &labels, groups.as_deref()) };
        let slice = JudgedSlice {
            graded: rows.len() as u64,
            labelled: labels.iter().filter(|label| label.is_finite()).count() as u64,
            judge: crate::contender::mean(&grades)?,
            corrected,
        };
        Some((name.clone(), slice))
    };
    names.iter().zip(rows).filter_map(of_slice).collect()
}

/// The grades of a column; an error has none, and is 0 whoever grades.
fn graded(column: &Column) -> Vec<f64> {
    column.quality.iter().zip(&column.failed).map(|(q, failed)| if *failed { f64::NAN } else { *q }).collect()
}

/// By how much more the judge is above people with candidates of its family than with others: the paired mean over items where both
/// are known, else the difference of the two means.
fn favours(candidates: &[JudgedCandidate], pairs: &[(usize, (usize, f64, f64))]) -> Option<Estimate> {
    let off = |own: bool| -> Vec<(usize, f64)> {
        let some = pairs.iter().filter(|(at, _)| candidates[*at].own_family == own);
        some.map(|(_, (item, grade, label))| (*item, grade - label)).collect()
    };
    let (own, others) = (by_item(off(true)), by_item(off(false)));
    let paired: Vec<f64> = own
        .iter()
        .filter_map(|(item, off)| {
            let other = others.binary_search_by_key(item, |(item, _)| *item).ok()?;
            Some(off - others[other].1)
        })
        .collect();
    if paired.len() >= FEWEST {
        return by_student(&paired);
    }
    let values = |of: &[(usize, f64)]| by_student(&of.iter().map(|(_, off)| *off).collect::<Vec<_>>());
    let (own, others) = (values(&own)?, values(&others)?);
    let mean = own.mean - others.mean;
    let half = (own.high - own.mean).hypot(others.high - others.mean);
    Some(Estimate { mean, low: mean - half, high: mean + half })
}

/// The mean of each item, by item.
fn by_item(mut all: Vec<(usize, f64)>) -> Vec<(usize, f64)> {
    all.sort_by_key(|(item, _)| *item);
    all.chunk_by(|a, b| a.0 == b.0)
        .map(|own| (own[0].0, own.iter().map(|(_, off)| off).sum::<f64>() / own.len() as f64))
        .collect()
}

fn listed<'n>(names: impl Iterator<Item = &'n CandidateName>) -> String {
    names.map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What is to be known before the grades are believed.
fn warnings(judge: &Judge) -> Vec<String> {
    let mut all = Vec::new();
    let is_exact = |one: &&JudgedCandidate| judge.against.as_ref() == Some(&one.name);
    let corrected = judge.candidates.iter().filter(|one| one.lambda.is_some()).count();
    let alone: Vec<&JudgedCandidate> = judge
        .candidates
        .iter()
        .filter(|one| one.lambda.is_none() && one.graded > 0 && !is_exact(one))
        .collect();
    if corrected == 0 {
        all.push(format!(
            "Qualities are the opinion of the judge ({}) alone: {}. Grade at least {FEWEST} answers of each candidate, of items drawn \
             at random, and name them in [judge] human.",
            judge.name,
            match judge.human {
                0 => "no grades of people hold it to anything".to_owned(),
                some => format!("the {} grades of people are too few to correct it", count(some)),
            }
        ));
    } else {
        all.push(format!(
            "Qualities of {} are corrected by {} grades of people (prediction-powered inference){}; where a policy chooses, the grades \
             are the judge's as they are.",
            listed(judge.candidates.iter().filter(|one| one.lambda.is_some()).map(|one| &one.name)),
            count(judge.human),
            match judge.candidates.iter().any(|one| !one.slices.is_empty()) {
                true => format!(", on a slice too from {FEWEST_ON_SLICE} grades of a candidate's answers there"),
                false => String::new(),
            },
        ));
        if !alone.is_empty() {
            all.push(format!(
                "Qualities of {} are the judge's opinion alone: fewer than {FEWEST} of their answers have grades of people, so that \
                 comparisons with the others are not fair. Grade answers of all candidates to the same items.",
                listed(alone.iter().map(|one| &one.name))
            ));
        }
        if !judge.human_is_random {
            all.push(
                "Corrected qualities hold where the items that people graded are a random draw of the items, which nobody says. What was \
                 graded because it is hard, or because candidates differ there, makes them wrong. Draw at random, as `ordinate label` does, and say \
                 human_is_random = true."
                    .to_owned(),
            );
        }
    }
    let family = || listed(judge.candidates.iter().filter(|one| one.own_family).map(|one| &one.name));
    let has_family = judge.candidates.iter().any(|one| one.own_family);
    match &judge.favours_family {
        Some(more) if more.low > 0.0 => all.push(format!(
            "The judge favours its own family ({}): it grades these higher than people do by {} more than it does others{}.",
            family(),
            told(more),
            if corrected > 0 { "; corrected qualities are not moved by it" } else { "" },
        )),
        None if has_family => all.push(format!(
            "{} is of the judge's own family, and nothing shows whether it is favoured: grade answers of it and of others.",
            family()
        )),
        _ => {}
    }
    if let Some(share) = judge.orders_disagree.filter(|share| *share > OFTEN) {
        all.push(format!(
            "In {:.0} % of the pairs the judge says otherwise when the two answers change places: these are ties, and say little.",
            100.0 * share
        ));
    }
    if let Some(kappa) =
        judge.agreement.and_then(|agreement| agreement.kappa).filter(|kappa| kappa.mean < POOR)
    {
        all.push(format!(
            "The judge and people hardly grade alike: kappa {}. Its grades add little; a clearer rubric or another judge would.",
            level(&kappa)
        ));
    }
    all
}

/// Pairs whose order matters, from which it is said.
const OFTEN: f64 = 0.2;
/// Kappa below which agreement is called poor (fair and below: Landis and Koch 1977).
const POOR: f64 = 0.4;

fn told(estimate: &Estimate) -> String {
    let [mean, low, high] = [estimate.mean, estimate.low, estimate.high].map(signed_number);
    format!("{mean} [{low}, {high}]")
}
