//! Evidence for a task: from a table, or from items and recorded answers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ordinate_core::evidence::EvidenceError;
use ordinate_core::task::CandidateEntry;
use ordinate_core::{Answer, Candidate, Evidence, Price, Probabilities, Score, ScoreError, Status};

use crate::error::{At, DataError, Problem, quoted};
use crate::labels::label_twins;
use crate::memory::Kept;
use crate::recorded::Scorer;
use crate::table::{Column, Fault, Row};
use crate::task::{Key, Task};
use crate::{long, outputs, recorded};

/// Evidence, and what was assumed to get it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Items x candidates.
    pub evidence: Evidence,
    /// What was estimated, missing or left out: plain sentences for the user. The task's own `[data] notes` are
    /// not repeated here.
    pub notes: Vec<String>,
}

/// Reads the evidence of a task.
///
/// # Errors
/// [`DataError`] for the first thing that is wrong: with file, line or row, and field.
pub fn load_evidence(task: &Task) -> Result<Loaded, DataError> {
    load(task, None)
}

/// As [`load_evidence`], where answers may lack scores ([`crate::lacks_scores`]): `score` makes them from output and target.
///
/// # Errors
/// As [`load_evidence`]; and where an output without a score answers an item without a target.
pub fn load_scored(task: &Task, score: &Scorer<'_>) -> Result<Loaded, DataError> {
    load(task, Some(score))
}

fn load(task: &Task, score: Option<&Scorer<'_>>) -> Result<Loaded, DataError> {
    let file = &task.file;
    if file.candidate.is_empty() {
        return Err(no_candidates(task));
    }
    let Loaded { evidence, mut notes } = match &file.data.evidence {
        Some(path) => long::load(task, path, score)?,
        None => recorded::load(task, score)?,
    };
    let (evidence, note) = outputs::typed(task, evidence);
    notes.extend(note);
    notes.extend(label_twins(task, &evidence));
    let mut loaded = Loaded { evidence, notes };
    if loaded.evidence.len() == 1 {
        let key = [("evidence", &file.data.evidence), ("items", &file.data.items), ("test", &file.data.test)]
            .into_iter()
            .find(|(_, path)| path.is_some())
            .map_or("train", |(key, _)| key);
        return Err(task.error_at(&[Key::Name("data"), Key::Name(key)], Problem::OneItem));
    }
    loaded.notes.extend(lineage_note(&file.candidate));
    Ok(loaded)
}

/// What a verdict over candidates that are all of one lineage cannot say.
pub(crate) fn lineage_note(candidates: &[CandidateEntry]) -> Option<String> {
    let lineage = candidates.first()?.lineage;
    if candidates.len() < 2 || candidates.iter().any(|entry| entry.lineage != lineage) {
        return None;
    }
    Some(format!(
        "Every candidate is called {lineage}, so nothing is said about general against vertical models. If that is not so, \
         correct `lineage` in the task file."
    ))
}

fn no_candidates(task: &Task) -> DataError {
    let advice = match &task.file.data.evidence {
        None => {
            "Add a [[candidate]] block for each: name, lineage and recorded = { path = \"...\" }.".to_owned()
        }
        Some(path) => match long::candidate_names(task, path) {
            Err(error) => return error,
            Ok(names) => format!(
                "Add a block for each of {}: a line [[candidate]], then name = {} and lineage = \"general\" (or \
                 \"vertical\", or \"transferred\").",
                crate::error::list(&names),
                quoted(names.first().map_or("", String::as_str)),
            ),
        },
    };
    task.error_at(&[Key::Name("candidate")], Problem::NoCandidates(advice))
}

/// The candidate that an entry of the task file declares.
pub(crate) fn candidate(entry: &CandidateEntry) -> Candidate {
    Candidate {
        name: entry.name.clone(),
        lineage: entry.lineage,
        hosting: entry.hosting,
        price: price(entry),
        memory_gb: entry.memory_gb,
        parameters_billion: entry.parameters_billion,
    }
}

fn price(entry: &CandidateEntry) -> Option<Price> {
    entry.price.or_else(|| entry.openai.as_ref().and_then(|openai| openai.price))
}

/// What was assumed while the rows of one candidate were read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tally {
    /// Answers whose cost was estimated.
    estimated: u64,
    /// Scores below 0 that are read as 0, and the first of them.
    floored: u64,
    first_floored: Option<(PathBuf, At, f64)>,
    /// Scored answers.
    scored: u64,
    /// Answers whose scores were made here.
    made: u64,
    /// Answers that are errors, and those of them that have a score beside the error.
    errors: u64,
    both: u64,
    /// Whether one of those scores is no 0, and the first of the errors.
    both_above_zero: bool,
    first_both: Option<(PathBuf, At, String)>,
    /// Texts that are kept, of all candidates.
    kept: Kept,
}

impl Tally {
    /// The share of scores that may lie below 0. Some metrics are one minus a distance, and fall below 0 on a
    /// few hopeless answers (27 of LawBench's 135,632); where it is more, the scale is wrong.
    const MAX_FLOORED: f64 = 0.01;

    /// Holds a number to `[0, 1]`; from -1 up to 0 it counts as 0, the worst score, for the time being.
    fn score(&mut self, number: f64, file: &Path, at: At) -> Result<Score, Fault> {
        self.scored += 1;
        if (-1.0..0.0).contains(&number) {
            self.floored += 1;
            self.first_floored.get_or_insert_with(|| (file.to_owned(), at, number));
            return Ok(Score::ZERO);
        }
        Score::new(number).map_err(|error| Fault::new(Column::Score, error.into()))
    }

    /// Counts an answer whose score was made here.
    pub(crate) fn made(&mut self) {
        self.made += 1;
    }

    /// Counts an error; some tools write a score of 0 beside one, which is not a wrong answer.
    fn error(&mut self, error: &str, score: Option<f64>, file: &Path, at: At) {
        self.errors += 1;
        let Some(score) = score else { return };
        self.both += 1;
        self.both_above_zero |= score > 0.0;
        self.first_both.get_or_insert_with(|| (file.to_owned(), at, quoted(error)));
    }

    /// Whether so few scores lay below 0 that they may be read as 0, and whether what stands in `error` can be errors: to
    /// be asked after the last row.
    ///
    /// # Errors
    /// [`Problem::Score`] at the first such score; [`Problem::AllErrors`] where no answer is without an error, and the
    /// scores beside them say that there were answers.
    pub(crate) fn settle(&self) -> Result<(), DataError> {
        if let Some((file, at, error)) = &self.first_both
            && self.scored == 0
            && self.both == self.errors
            && self.both_above_zero
        {
            let problem = Problem::AllErrors { answers: self.both, error: error.clone() };
            return Err(DataError::new(file, problem).at(*at).field(Column::Error.name()));
        }
        let Some((file, at, number)) = &self.first_floored else { return Ok(()) };
        let share = self.floored as f64 / self.scored as f64;
        if share <= Self::MAX_FLOORED {
            return Ok(());
        }
        let problem = Problem::Score(ScoreError(*number));
        Err(DataError::new(file, problem).at(*at).field(Column::Score.name()))
    }
}

/// The texts of an answer, held while it is put into a cell.
pub(crate) struct AnswerTexts<'a> {
    output: Option<Cow<'a, str>>,
    error: Option<Cow<'a, str>>,
    probabilities: Vec<(String, f64)>,
}

impl<'a> AnswerTexts<'a> {
    /// The texts of a row of a user's table: what says that there was no error is none.
    pub(crate) fn of(row: &Row<'a>) -> Result<Self, Fault> {
        let (output, error) = (row.exact_text(Column::Output)?, row.error()?);
        Ok(Self { output, error, probabilities: Vec::new() })
    }

    pub(crate) fn is_error(&self) -> bool {
        self.error.is_some()
    }

    pub(crate) fn output(&self) -> Option<&str> {
        self.output.as_deref()
    }

    /// The texts of a row as it is.
    pub(crate) fn exact(row: &Row<'a>) -> Result<Self, Fault> {
        let probabilities = row.exact_text(Column::Probabilities)?.map(|json| serde_json::from_str(&json));
        let probabilities = probabilities.transpose().map_err(|error| {
            Fault::new(Column::Probabilities, Problem::NotAStore(format!("no probabilities: {error}")))
        })?;
        Ok(Self {
            output: row.exact_text(Column::Output)?,
            error: row.exact_text(Column::Error)?,
            probabilities: probabilities.unwrap_or_default(),
        })
    }
}

/// The answer in a row of `file`. Its cost is estimated from `price` where it is not given; `made` is a score
/// that was made from the output.
///
/// # Errors
/// When a number is none or out of range, or there is neither score nor error.
#[inline]
pub(crate) fn answer<'t>(
    row: &Row<'_>,
    file: &Path,
    texts: &'t AnswerTexts<'_>,
    price: Option<&Price>,
    made: Option<Score>,
    tally: &mut Tally,
) -> Result<Answer<'t>, Fault> {
    for text in [texts.output(), texts.error.as_deref()] {
        tally.kept.add(text).map_err(|problem| Fault::new(Column::Output, problem))?;
    }
    let score = match (&texts.error, made) {
        (Some(error), _) => {
            tally.error(error, row.raw_score().ok().flatten(), file, row.at);
            None
        }
        (None, Some(made)) => Some(made),
        (None, None) => {
            let number = row.raw_score()?.ok_or_else(|| Fault::new(Column::Score, Problem::NoScore))?;
            Some(tally.score(number, file, row.at)?)
        }
    };
    let input_tokens = row.count(Column::InputTokens)?;
    let output_tokens = row.count(Column::OutputTokens)?;
    let mut cost_usd = row.amount(Column::CostUsd)?;
    if cost_usd.is_none()
        && let Some(price) = price.filter(|price| price.per_hour.is_none())
    {
        cost_usd = list_cost(price, input_tokens, output_tokens);
        tally.estimated += u64::from(cost_usd.is_some());
    }
    Ok(Answer {
        score,
        output: texts.output.as_deref(),
        confidence: row.amount(Column::Confidence)?,
        probabilities: Probabilities::Listed(&texts.probabilities),
        cost_usd,
        latency_ms: row.amount(Column::LatencyMs)?,
        input_tokens,
        output_tokens,
        error: texts.error.as_deref(),
    })
}

/// The list price of an answer, if the counts that it needs are known.
fn list_cost(price: &Price, input_tokens: Option<u64>, output_tokens: Option<u64>) -> Option<f64> {
    let count =
        |tokens: Option<u64>, price: f64| if price == 0.0 { Some(tokens.unwrap_or(0)) } else { tokens };
    Some(price.cost_usd(count(input_tokens, price.input)?, count(output_tokens, price.output)?))
}

/// The fault of a row that would make the evidence inconsistent.
pub(crate) fn fault(mut error: EvidenceError) -> Fault {
    let column = match &error {
        EvidenceError::DuplicateItem(_) | EvidenceError::DuplicateCell { .. } => Some(Column::Id),
        EvidenceError::Inconsistent { field: "group", .. } => Some(Column::Group),
        EvidenceError::Inconsistent { .. } => Some(Column::Slice),
        _ => None,
    };
    // An id may be as long as a line; the message may not.
    if let EvidenceError::DuplicateItem(id)
    | EvidenceError::DuplicateCell { id, .. }
    | EvidenceError::Inconsistent { id, .. } = &mut error
        && let Some((end, _)) = id.char_indices().nth(60)
    {
        id.truncate(end);
        id.push('\u{2026}');
    }
    Fault::new(column, Problem::Evidence(error))
}

/// What the user should know of costs that were estimated, scores that were read as 0, and answers that are
/// missing.
pub(crate) fn common_notes(evidence: &Evidence, tallies: &[Tally]) -> Vec<String> {
    let mut notes = Vec::new();
    let names: Vec<&str> = evidence.candidates().iter().map(|candidate| candidate.name.as_str()).collect();
    let slices: Vec<&str> = evidence.items().slices().names().iter().collect();
    notes.extend(near_twins(&names, "candidate"));
    notes.extend(near_twins(&slices, "slice"));
    let of: Vec<&str> =
        names.iter().zip(tallies).filter(|(_, tally)| tally.estimated > 0).map(|(name, _)| *name).collect();
    if !of.is_empty() {
        notes.push(format!(
            "The cost of {} is estimated from token counts and list price.",
            crate::error::list(&of)
        ));
    }
    let floored: u64 = tallies.iter().map(|tally| tally.floored).sum();
    if floored > 0 {
        let scored = grouped(tallies.iter().map(|tally| tally.scored).sum());
        let (count, are) = (grouped(floored), if floored == 1 { "is" } else { "are" });
        notes.push(format!("{count} of {scored} scores lay below 0 and {are} read as 0, the worst score."));
    }
    let [made, given] = [|tally: &Tally| tally.made, |tally: &Tally| tally.scored]
        .map(|of| tallies.iter().map(of).sum::<u64>());
    if made > 0 && given > 0 {
        notes.push(format!(
            "{} of {} scores are not in the data and were made here, from outputs and targets; the others are as the data has them.",
            grouped(made),
            grouped(made + given)
        ));
    }
    let both: Vec<String> = names
        .iter()
        .zip(tallies)
        .filter(|(_, tally)| tally.both > 0)
        .map(|(name, tally)| format!("{name} ({})", grouped(tally.both)))
        .collect();
    if !both.is_empty() {
        notes.push(format!(
            "Some answers have an error and a score beside it: of {}. They count as errors, and their scores are left out.",
            crate::error::list(&both)
        ));
    }
    let missing: Vec<String> = names
        .iter()
        .zip(evidence.columns())
        .map(|(name, answers)| (name, answers.count(Status::Missing)))
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| format!("{name} ({})", grouped(count as u64)))
        .collect();
    if !missing.is_empty() {
        notes.push(format!(
            "Some of the {} items have no answer: of {}. They are left out of what is said of the candidate.",
            grouped(evidence.len() as u64),
            crate::error::list(&missing)
        ));
    }
    notes
}

/// What is to be known of names that differ in capitals or white space alone: they are probably one.
pub(crate) fn near_twins(names: &[&str], what: &str) -> Option<String> {
    let mut alike: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names {
        let folded = name.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        alike.entry(folded).or_default().push(name);
    }
    alike.retain(|_, names| names.len() > 1);
    let quoted = |names: &Vec<&str>| {
        let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        names.join(" and ")
    };
    let some: Vec<String> = alike.values().take(SHOWN).map(quoted).collect();
    let more = match alike.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    (!some.is_empty()).then(|| {
        format!(
            "{}{more}: names that differ in capitals or white space alone, and each is a {what} of its own. If they mean one, \
             write them alike.",
            some.join("; ")
        )
    })
}

/// Groups of names that a note names.
const SHOWN: usize = 3;

/// A number with thousands separators.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
