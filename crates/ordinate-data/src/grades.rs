//! Grades of answers in a file: what people gave, or what a judge gave elsewhere.

use std::collections::HashMap;

use ordinate_core::nearest;
use ordinate_core::task::{JudgeMode, JudgeSection};

use crate::error::{DataError, Problem, quoted};
use crate::source;
use crate::table::{self, Column, Fault, Layout, Row, Want};
use crate::task::{Key, Task};

/// The column of grades.
const GRADE: &str = "grade";

/// Grades as scores in `[0, 1]`, by the item's id and the candidate's name; the mean where there are several of one answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Grades(HashMap<(String, String), (f64, u32)>);

impl Grades {
    /// The grade of a candidate's answer to an item.
    #[must_use]
    pub fn of(&self, id: &str, candidate: &str) -> Option<f64> {
        let (sum, count) = self.0.get(&(id.to_owned(), candidate.to_owned()))?;
        Some(sum / f64::from(*count))
    }

    /// How many answers are graded.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The ids of items that are graded.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|(id, _)| id.as_str())
    }
}

/// Reads the grades of `[judge] human`; none where it is not said.
///
/// # Errors
/// [`DataError`] where a file cannot be read, a candidate is not known, or a grade is outside of the scale.
pub fn read_human_grades(task: &Task) -> Result<Grades, DataError> {
    let path = task.file.judge.as_ref().and_then(|judge| judge.human.as_deref());
    path.map_or_else(
        || Ok(Grades::default()),
        |path| read(task, path, &[Key::Name("judge"), Key::Name("human")]),
    )
}

/// Reads the grades of `[judge] recorded`; `None` where the judge is asked.
///
/// # Errors
/// As [`read_human_grades`].
pub fn read_recorded_grades(task: &Task) -> Result<Option<Grades>, DataError> {
    let recorded = task.file.judge.as_ref().and_then(|judge| judge.recorded.as_ref());
    let keys = [Key::Name("judge"), Key::Name("recorded"), Key::Name("path")];
    recorded.map(|recorded| read(task, &recorded.path, &keys)).transpose()
}

fn read(task: &Task, path: &str, keys: &[Key<'_>]) -> Result<Grades, DataError> {
    let files = source::resolve(task.dir(), path).map_err(|problem| task.error_at(keys, problem))?;
    let judge = task.file.judge.clone().unwrap_or_default();
    let names: Vec<&str> = task.file.candidate.iter().map(|entry| entry.name.as_str()).collect();
    let layout = Layout::of(&[
        (Column::Id, Want::Required),
        (Column::Candidate, Want::Required),
        (Column::Score, Want::Required),
    ])
    .named(Column::Score, Some(GRADE));
    let mut all = HashMap::new();
    for file in &files {
        table::read(file, &layout, &mut |row: &Row<'_>| {
            let id = row.required_text(Column::Id)?.into_owned();
            let candidate = row.required_text(Column::Candidate)?.into_owned();
            if !names.contains(&candidate.as_str()) {
                let nearest = nearest(&candidate, names.iter().copied()).map(str::to_owned);
                let allowed = format!("the name of a candidate of the task: {}", names.join(", "));
                let problem = Problem::BadValue { found: quoted(&candidate), allowed, nearest };
                return Err(Fault::new(Column::Candidate, problem));
            }
            // Who graded nothing left the cell empty.
            if let Some(grade) = grade(&judge, row)? {
                let (sum, count) = all.entry((id, candidate)).or_insert((0.0, 0));
                *sum += grade;
                *count += 1;
            }
            Ok(())
        })?;
    }
    Ok(Grades(all))
}

/// The grade in a row as a score.
fn grade(judge: &JudgeSection, row: &Row<'_>) -> Result<Option<f64>, Fault> {
    let Some(text) = row.text(Column::Score)? else { return Ok(None) };
    let [worst, best] = judge.scale();
    let is_pairwise = judge.mode() == JudgeMode::Pairwise;
    let in_words = match text.trim().to_lowercase().as_str() {
        "win" | "better" => Some(1.0),
        "tie" | "equal" => Some(0.5),
        "loss" | "worse" => Some(0.0),
        _ => None,
    };
    if let Some(grade) = in_words.filter(|_| is_pairwise) {
        return Ok(Some(grade));
    }
    let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
    let score = number.and_then(|number| judge.score(number));
    let bad = || {
        let words = if is_pairwise { ", or win, tie or loss" } else { "" };
        let allowed = format!("a grade from {worst} to {best}{words}, as [judge] says");
        Fault::new(Column::Score, Problem::BadValue { found: quoted(&text), allowed, nearest: None })
    };
    score.map(Some).ok_or_else(bad)
}
