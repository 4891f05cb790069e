//! Which items are looked for: read from the query of an address, held against every item.

use std::sync::Arc;

use ordinate_core::image::words;
use ordinate_core::{OutputKind, Series};
use ordinate_judge::{Acts, Giver};
use ordinate_report::Mark;
use rayon::prelude::*;

use super::opened::OpenedRun;
use crate::query::Pairs;

/// From which score on an answer is called right, where nobody says otherwise.
pub(super) const RIGHT_FROM: f64 = 0.5;
/// Candidates whose answers are shown, where nobody says which.
const SHOWN: usize = 4;
/// Items that are looked through at a time.
const PART: usize = 2_048;

/// How the answers that are shown differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Differ {
    /// Some right and some not.
    Scores,
    /// Not the same answer.
    Answers,
    /// One alone is right.
    One,
    /// Nobody is.
    Nobody,
    /// All are.
    Everybody,
}

impl Differ {
    pub(super) const ALL: [(Self, &'static str, &'static str); 5] = [
        (Self::Scores, "scores", "some right, some wrong"),
        (Self::Answers, "answers", "not the same answer"),
        (Self::One, "one", "one alone is right"),
        (Self::Nobody, "nobody", "nobody is right"),
        (Self::Everybody, "everybody", "everybody is right"),
    ];
}

/// In which order items are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// That of the data.
    Data,
    /// Where scores are furthest apart first.
    Apart,
    /// Where scores are lowest first.
    Hard,
}

impl Order {
    pub(super) const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Data, "", "as in the data"),
        (Self::Apart, "apart", "scores furthest apart first"),
        (Self::Hard, "hard", "lowest scores first"),
    ];
}

/// How an answer is to have come out, in addresses and in forms.
pub(super) const MARKS: [(&str, &[Mark]); 5] = [
    ("right", &[Mark::Right]),
    ("wrong", &[Mark::Wrong]),
    ("error", &[Mark::Error]),
    ("wrong or error", &[Mark::Wrong, Mark::Error]),
    ("not asked", &[Mark::NotAsked]),
];

/// Which items are looked for.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) text: String,
    /// The slice's name; its code where there is such a slice.
    pub(super) slice: Option<(String, Option<u32>)>,
    pub(super) right_from: f64,
    /// By candidate, one of [`MARKS`].
    pub(super) marks: Vec<(usize, &'static str, &'static [Mark])>,
    pub(super) differ: Option<Differ>,
    pub(super) order: Order,
    /// The candidates whose answers are shown.
    pub(super) shown: Vec<usize>,
    /// The policy that is looked at, where there is one.
    pub(super) policy: Option<(String, Arc<Acts>)>,
    pub(super) asked: Option<usize>,
    pub(super) gave: Option<Giver>,
    /// The right label.
    pub(super) target: Option<String>,
    /// What a candidate said.
    pub(super) said: Vec<(usize, String)>,
}

impl Filter {
    /// The filter that a query asks for. What it does not know, as an address of an earlier run may have it, asks for nothing.
    pub(super) fn read(pairs: &Pairs, run: &OpenedRun) -> Self {
        let candidates = run.best_first.len();
        let column = |text: &str| text.parse().ok().filter(|column: &usize| *column < candidates);
        let slice = pairs
            .get("slice")
            .map(|name| (name.to_owned(), run.evidence.items().slices().names().find(name)));
        let marks = (0..candidates).filter_map(|column| {
            let word = pairs.get(&format!("c{column}"))?;
            let (word, marks) = MARKS.iter().find(|(own, _)| *own == word)?;
            Some((column, *word, *marks))
        });
        let mut shown: Vec<usize> = pairs.all("show").filter_map(column).collect();
        shown.sort_by_key(|column| run.best_first.iter().position(|own| own == column));
        shown.dedup();
        if shown.is_empty() {
            shown = run.best_first.iter().copied().take(SHOWN).collect();
        }
        let recommended = run.verdict.recommended.as_ref().map(|one| one.name.as_str());
        let policy = pairs.get("policy").or(recommended);
        let policy = policy.and_then(|name| Some((name.to_owned(), run.acts(name)?)));
        let gave = pairs.get("gave").and_then(|text| match text {
            "several" => Some(Giver::Several),
            "nobody" => Some(Giver::Nobody),
            text => column(text).map(Giver::Candidate),
        });
        let said = pairs.all("said").filter_map(|text| {
            let (number, label) = text.split_once(':')?;
            Some((column(number)?, label.to_owned()))
        });
        let right_from = pairs.get("right").and_then(|text| text.parse().ok());
        let named = |key: &str| pairs.get(key).unwrap_or_default().to_owned();
        let (differ, order) = (named("differ"), named("order"));
        Self {
            text: named("q"),
            slice,
            right_from: right_from.filter(|from| (0.0..=1.0).contains(from)).unwrap_or(RIGHT_FROM),
            marks: marks.collect(),
            differ: Differ::ALL.iter().find(|(_, word, _)| *word == differ).map(|(differ, ..)| *differ),
            order: Order::ALL
                .iter()
                .find(|(_, word, _)| *word == order)
                .map_or(Order::Data, |(order, ..)| *order),
            shown,
            policy,
            asked: pairs.get("asked").and_then(column),
            gave,
            target: pairs.get("target").map(str::to_owned),
            said: said.collect(),
        }
    }

    /// The items that are looked for, in their order.
    pub(super) fn found(&self, run: &OpenedRun) -> Vec<usize> {
        let needle = Needle::new(&self.text);
        let looked = |part: &[usize]| -> Vec<usize> {
            part.iter().copied().filter(|&at| self.takes(run, at, needle.as_ref())).collect()
        };
        let mut found: Vec<usize> = run.order.par_chunks(PART).flat_map_iter(looked).collect();
        let scores = |at: usize| {
            let all = self.shown.iter().map(move |&column| run.score(column, at));
            all.filter(|score| !score.is_nan())
        };
        // Equal ones stay in the order of the data.
        match self.order {
            Order::Data => {}
            Order::Apart => {
                let apart = |at: usize| {
                    let (low, high) = scores(at)
                        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), score| {
                            (score.min(low), score.max(high))
                        });
                    high - low
                };
                found.sort_by(|&one, &other| apart(other).total_cmp(&apart(one)));
            }
            Order::Hard => {
                let mean = |at: usize| {
                    let (sum, count) =
                        scores(at).fold((0.0, 0.0), |(sum, count), score| (sum + score, count + 1.0));
                    if count > 0.0 { sum / count } else { f64::INFINITY }
                };
                found.sort_by(|&one, &other| mean(one).total_cmp(&mean(other)));
            }
        }
        found
    }

    /// What costs little is looked at first.
    fn takes(&self, run: &OpenedRun, at: usize, needle: Option<&Needle>) -> bool {
        let (items, row) = (run.evidence.items(), run.rows[at]);
        let slice = items.slices().codes().get(row).copied();
        self.slice.as_ref().is_none_or(|(_, code)| code.is_some() && slice == *code)
            && self
                .marks
                .iter()
                .all(|(column, _, marks)| marks.contains(&run.mark(*column, at, self.right_from)))
            && self.did(at)
            && self.differs(run, at)
            && self
                .target
                .as_deref()
                .is_none_or(|wanted| items.target(row).is_some_and(|own| own.trim() == wanted))
            && self.said.iter().all(|(column, label)| {
                let answers = run.evidence.answers(*column);
                answers.error(row).is_none() && answers.output(row).is_some_and(|own| own.trim() == label)
            })
            && needle.is_none_or(|needle| {
                let input = items.input(row).map(words).filter(|text| !is_series(text));
                let texts = [Some(items.id(row)), input, items.target(row)].into_iter().flatten();
                let said = run.evidence.columns().iter().filter_map(|answers| answers.output(row));
                texts.chain(said).any(|text| needle.is_in(text))
            })
    }

    fn did(&self, at: usize) -> bool {
        if self.asked.is_none() && self.gave.is_none() {
            return true;
        }
        let Some((_, acts)) = &self.policy else { return true };
        let act = &acts.acts[acts.of[at] as usize];
        self.asked.is_none_or(|column| act.asked.iter().any(|(own, _)| *own == column))
            && self.gave.is_none_or(|giver| act.given.first().is_some_and(|(own, _)| *own == giver))
    }

    fn differs(&self, run: &OpenedRun, at: usize) -> bool {
        let Some(differ) = self.differ else { return true };
        let marks = || {
            let marks = self.shown.iter().map(|&column| run.mark(column, at, self.right_from));
            marks.filter(|mark| *mark != Mark::NotAsked)
        };
        let right = marks().filter(|mark| *mark == Mark::Right).count();
        let all = marks().count();
        match differ {
            Differ::Scores => right > 0 && right < all,
            Differ::One => right == 1 && all > 1,
            Differ::Nobody => right == 0 && all > 0,
            Differ::Everybody => right == all && all > 0,
            Differ::Answers => {
                let row = run.rows[at];
                let mut said =
                    self.shown.iter().filter_map(|&column| run.evidence.answers(column).output(row));
                let Some(first) = said.next() else { return false };
                said.any(|other| !is_same(run.evidence.output_kind(), first, other))
            }
        }
    }
}

/// Whether two answers say the same.
fn is_same(kind: OutputKind, one: &str, other: &str) -> bool {
    one.trim() == other.trim()
        || (matches!(kind, OutputKind::Number | OutputKind::Labels | OutputKind::Series)
            && kind.read(one).zip(kind.read(other)).is_some_and(|(one, other)| one == other))
}

/// Whether a text is a series of numbers, in which nobody looks for words.
fn is_series(text: &str) -> bool {
    text.starts_with("{\"values\":") && Series::read(text).is_some()
}

/// A text that is looked for, whether its letters are large or small.
struct Needle {
    lower: String,
}

impl Needle {
    fn new(text: &str) -> Option<Self> {
        let lower = text.trim().to_lowercase();
        (!lower.is_empty()).then_some(Self { lower })
    }

    fn is_in(&self, text: &str) -> bool {
        if !self.lower.is_ascii() {
            return text.contains(&self.lower) || text.to_lowercase().contains(&self.lower);
        }
        let (needle, text) = (self.lower.as_bytes(), text.as_bytes());
        let (small, large) = (needle[0], needle[0].to_ascii_uppercase());
        let Some(last) = text.len().checked_sub(needle.len()) else { return false };
        let mut from = 0;
        while from <= last {
            let Some(next) = text[from..=last].iter().position(|byte| *byte == small || *byte == large)
            else {
                return false;
            };
            from += next;
            if text[from..from + needle.len()].eq_ignore_ascii_case(needle) {
                return true;
            }
            from += 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_whatever_the_size_of_their_letters() {
        let is_in = |needle: &str, text: &str| Needle::new(needle).is_none_or(|needle| needle.is_in(text));
        assert!(is_in("Parcel", "where is my PARCEL?") && is_in("?", "my parcel?") && is_in("", "x"));
        assert!(is_in("aab", "aaab") && !is_in("parcels", "parcel") && !is_in("x", ""));
        assert!(is_in("ÉTÉ", "un été") && is_in("金价", "今日金价上涨") && !is_in("金价", "gold"));
    }

    #[test]
    fn answers_are_the_same_where_they_say_the_same() {
        assert!(is_same(OutputKind::Label, " up", "up\n") && !is_same(OutputKind::Label, "up", "Up"));
        assert!(is_same(OutputKind::Number, "1.0", "1") && !is_same(OutputKind::Text, "1.0", "1"));
        assert!(is_same(OutputKind::Labels, "b, a", "[\"a\",\"b\"]"));
    }
}
