//! Tables with a row an item: which columns hold the scores of a candidate, and which what else is known of its answers.

use std::path::Path;

use ordinate_core::task::AnswerColumns;

use crate::error::DataError;
use crate::infer::fields::{Fields, plain};
use crate::infer::look::parsed;
use crate::table::{self, Cell, Layout};

/// What a column says of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Score,
    Cost,
    /// Milliseconds; of other units nothing is made.
    Latency,
    Output,
    Error,
    /// Something that is no score, such as tokens or seconds.
    Other,
}

/// Words before or behind a candidate's name, in small letters and digits alone, longer ones first.
const WORDS: [(What, &[&str]); 6] = [
    (What::Cost, &["totalcost", "costusd", "priceusd", "cost", "price", "usd"]),
    (What::Latency, &["latencyms", "timems", "durationms"]),
    (What::Output, &["modelresponse", "response", "output", "answer", "completion", "prediction"]),
    (What::Error, &["error"]),
    (
        What::Other,
        &[
            "inputtokens",
            "outputtokens",
            "tokens",
            "latency",
            "latencys",
            "seconds",
            "time",
            "duration",
            "confidence",
            "probability",
            "probabilities",
            "rank",
            "votes",
        ],
    ),
    (What::Score, &["exactmatch", "iscorrect", "accuracy", "correct", "score", "acc", "em"]),
];

/// What a column says, and of whom, where a word before or behind the name tells: `gpt|total_cost`, `acc_gpt`, `Cost A`.
pub(super) fn told(column: &str) -> Option<(What, String)> {
    let parts = |c: char| matches!(c, '|' | '_' | '.' | ' ' | ':' | '/' | '-' | '(' | ')' | '[' | ']');
    let known = |word: &str| {
        let word = plain(word);
        WORDS.iter().find(|(_, words)| words.contains(&word.as_str())).map(|(what, _)| *what)
    };
    let places: Vec<usize> = column.match_indices(parts).map(|(at, _)| at).collect();
    let whose = |name: &str| {
        let name = name.trim_matches(parts);
        (!name.is_empty()).then(|| name.to_owned())
    };
    // The longest ending, or beginning, that is such a word: "total_cost" before "cost".
    let behind = places.iter().find_map(|&at| Some((known(&column[at..])?, whose(&column[..at])?)));
    behind
        .or_else(|| places.iter().rev().find_map(|&at| Some((known(&column[..at])?, whose(&column[at..])?))))
}

/// Whether two names are of one candidate: `A` in `Cost A` is `Model A`.
fn is_same(a: &str, b: &str) -> bool {
    let bare = |name: &str| {
        let name = plain(name);
        name.strip_prefix("model").filter(|rest| !rest.is_empty()).map_or(name.clone(), str::to_owned)
    };
    bare(a) == bare(b)
}

/// A candidate of a table with a row an item.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scored {
    pub(super) name: String,
    pub(super) columns: AnswerColumns,
}

/// The candidates whose scores stand in columns of their own: two at least, and either other columns say more of them, or
/// their names say that they are scores, or nothing is left besides what an item is made of.
pub(super) fn candidates(path: &Path, columns: &[String], fields: &Fields) -> Result<Vec<Scored>, DataError> {
    let others: Vec<String> =
        columns.iter().filter(|name| !name.is_empty() && !fields.has(name)).cloned().collect();
    if others.len() < 2 {
        return Ok(Vec::new());
    }
    let scores = are_scores(path, &others)?;
    let of: Vec<Option<(What, String)>> = others.iter().map(|name| told(name)).collect();
    let is_plain = |at: &usize| of[*at].is_none() && scores[*at];
    let says_score = |at: &usize| scores[*at] && matches!(&of[*at], Some((What::Score, _)));
    let mut found: Vec<Scored> = (0..others.len())
        .filter(|at| says_score(at) || is_plain(at))
        .map(|at| {
            let name = of[at].as_ref().map_or_else(|| others[at].clone(), |(_, whose)| whose.clone());
            Scored {
                name,
                columns: AnswerColumns { score: Some(others[at].clone()), ..AnswerColumns::default() },
            }
        })
        .collect();
    let mut companions = 0;
    for ((what, whose), column) in of.iter().zip(&others).filter_map(|(of, name)| Some((of.as_ref()?, name)))
    {
        let Some(candidate) = found.iter_mut().find(|one| is_same(&one.name, whose)) else { continue };
        let place = match what {
            What::Score => continue,
            What::Cost => &mut candidate.columns.cost_usd,
            What::Latency => &mut candidate.columns.latency_ms,
            What::Output => &mut candidate.columns.output,
            What::Error => &mut candidate.columns.error,
            What::Other => {
                companions += 1;
                continue;
            }
        };
        place.get_or_insert_with(|| column.clone());
        companions += 1;
    }
    // Where some say that they are scores, or others say more of them, what stands beside is no candidate.
    let named = (0..others.len()).filter(says_score).count();
    if named >= 2 {
        found.retain(|one| one.columns.score.as_deref().is_some_and(|column| told(column).is_some()));
    }
    // Fields of numbers that make up an item beside a label are no candidates.
    let rest_is_items =
        found.len() + companions == others.len() && fields.input.is_some() && fields.target.is_none();
    Ok(if found.len() >= 2 && (companions > 0 || named >= 2 || rest_is_items) { found } else { Vec::new() })
}

/// Which of these columns hold scores: numbers in [0, 1], yes and no.
fn are_scores(path: &Path, columns: &[String]) -> Result<Vec<bool>, DataError> {
    let mut scores = vec![true; columns.len()];
    let mut filled = vec![0_u64; columns.len()];
    let layout = Layout::default().with_fields(columns);
    table::read(path, &layout, &mut |row| {
        for ((score, filled), cell) in scores.iter_mut().zip(&mut filled).zip(row.fields) {
            if cell.is_not_known() {
                continue;
            }
            *score &= match cell {
                Cell::Bool(_) => true,
                Cell::Integer(number) => (0..=1).contains(number),
                Cell::Number(number) => (0.0..=1.0).contains(number),
                Cell::Text(text) => {
                    let text = text.trim();
                    ["true", "false", "yes", "no"].iter().any(|word| text.eq_ignore_ascii_case(word))
                        || parsed(text).is_some_and(|number| (0.0..=1.0).contains(&number))
                }
                Cell::Absent | Cell::Json(_) | Cell::Unusable(_) => false,
            };
            *filled += 1;
        }
        Ok(())
    })?;
    Ok(scores.into_iter().zip(filled).map(|(score, filled)| score && filled > 0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_before_and_behind_a_name() {
        for (column, expected) in [
            ("org/m|total_cost", Some((What::Cost, "org/m"))),
            ("cost_m", Some((What::Cost, "m"))),
            ("Cost A", Some((What::Cost, "A"))),
            ("acc_gpt", Some((What::Score, "gpt"))),
            ("gpt-4 score", Some((What::Score, "gpt-4"))),
            ("gpt-4|model_response", Some((What::Output, "gpt-4"))),
            ("m_latency_ms", Some((What::Latency, "m"))),
            ("m latency (s)", Some((What::Other, "m"))),
            ("org/big-model", None),
            ("gpt-4", None),
            ("cost", None),
        ] {
            let found = told(column);
            assert_eq!(found.as_ref().map(|(what, name)| (*what, name.as_str())), expected, "{column}");
        }
        assert!(is_same("Model A", "A") && !is_same("gpt-4", "gpt-4o") && is_same("model", "model"));
    }
}
