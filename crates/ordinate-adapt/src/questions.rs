//! Questions with passages, as an encoder with a head for spans learns from them.

use std::ops::Range;

use ordinate_models::encoder::{TrainableExtractor, Window};
use ordinate_models::{ModelError, TrainingSet, says_nothing};
use ordinate_tasks::metric::right_answers;

/// Tokens of the longest span, where all right ones are shorter: what `run_qa.py` of `transformers` has.
const LONGEST: usize = 30;

/// A window, and the places of its tokens where right answers begin and end: the first token's, where none stands in it.
pub(crate) struct Shown {
    pub(crate) window: Window,
    pub(crate) right: [Vec<usize>; 2],
}

impl Shown {
    /// Whether nothing in it answers.
    pub(crate) fn is_without(&self) -> bool {
        self.right[0].iter().all(|&place| place == 0)
    }
}

/// The questions that can be learned from.
pub(crate) struct Questions<'a> {
    pub(crate) shown: Vec<Shown>,
    /// The windows of each question.
    pub(crate) windows: Vec<Range<usize>>,
    /// The passage and the target of each.
    pub(crate) about: Vec<(&'a str, &'a str)>,
    /// Tokens of the longest right answer.
    pub(crate) longest: usize,
    /// Whether some have no answer in their passage.
    pub(crate) nothing: bool,
    /// How many are left out, and what is wrong with the first of them.
    pub(crate) left: Option<(usize, String)>,
}

impl<'a> Questions<'a> {
    /// Of train items. One whose answers do not stand in its passage is left out.
    ///
    /// # Errors
    /// [`ModelError::Setting`] where none can be learned from, [`ModelError::TooFew`] where one can.
    pub(crate) fn of(model: &TrainableExtractor, train: &TrainingSet<'a>) -> Result<Self, ModelError> {
        let mut all = Self {
            shown: Vec::new(),
            windows: Vec::new(),
            about: Vec::new(),
            longest: LONGEST,
            nothing: false,
            left: None,
        };
        for (sample, target) in train.samples().iter().zip(train.targets()) {
            let passage = sample.context.unwrap_or_default();
            match all.add(model, sample.text, passage, target) {
                Ok(()) => {}
                Err(ModelError::Failed(why)) => all.left.get_or_insert((0, why)).0 += 1,
                Err(error) => return Err(error),
            }
        }
        match (&all.left, all.about.len()) {
            (Some((_, why)), 0) => {
                Err(ModelError::Setting(format!("no train item can be learned from: {why}")))
            }
            (_, count @ (0 | 1)) => Err(ModelError::TooFew(count)),
            _ => Ok(all),
        }
    }

    fn add(
        &mut self,
        model: &TrainableExtractor,
        question: &str,
        passage: &'a str,
        target: &'a str,
    ) -> Result<(), ModelError> {
        let windows = model.windows(question, passage)?;
        let nothing = says_nothing(target);
        let bytes: Vec<Range<usize>> =
            right_answers(target, |right| right.iter().flat_map(|one| places(passage, one.trim())).collect());
        let mut found = false;
        let from = self.shown.len();
        for window in windows {
            let ends: Vec<(usize, usize)> = bytes.iter().filter_map(|bytes| window.places(bytes)).collect();
            let longest = ends.iter().map(|(start, end)| end - start + 1).max().unwrap_or(0);
            self.longest = self.longest.max(longest);
            found |= longest > 0;
            let (mut starts, mut ends): (Vec<usize>, Vec<usize>) = ends.into_iter().unzip();
            if starts.is_empty() {
                (starts, ends) = (vec![0], vec![0]);
            }
            self.shown.push(Shown { window, right: [starts, ends] });
        }
        if !found && !nothing {
            self.shown.truncate(from);
            return Err(ModelError::Failed(format!(
                "the passage does not have its target {}",
                short(target)
            )));
        }
        self.nothing |= nothing;
        self.windows.push(from..self.shown.len());
        self.about.push((passage, target));
        Ok(())
    }
}

/// A text as a message quotes it.
fn short(text: &str) -> String {
    const MOST: usize = 60;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// Where a passage has an answer, as words of its own where it has it so anywhere; if nowhere, whatever the case of its letters.
fn places(passage: &str, answer: &str) -> Vec<Range<usize>> {
    if answer.is_empty() {
        return Vec::new();
    }
    let exact = found(passage, answer);
    if !exact.is_empty() {
        return exact;
    }
    // Of the same length in bytes.
    found(&passage.to_ascii_lowercase(), &answer.to_ascii_lowercase())
}

fn found(passage: &str, answer: &str) -> Vec<Range<usize>> {
    let joins = |left: Option<char>, right: Option<char>| {
        let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        is_word(left) && is_word(right)
    };
    let is_apart = |place: &Range<usize>| {
        !joins(passage[..place.start].chars().next_back(), answer.chars().next())
            && !joins(answer.chars().next_back(), passage[place.end..].chars().next())
    };
    let all = passage.match_indices(answer).map(|(at, found)| at..at + found.len());
    let (apart, within): (Vec<_>, Vec<_>) = all.partition(is_apart);
    if apart.is_empty() { within } else { apart }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::single_range_in_vec_init)] // a list of one place

    use super::places;

    #[test]
    fn answers_are_words_where_they_can_be() {
        assert_eq!(places("often ten or ten", "ten"), [6..9, 13..16]);
        assert_eq!(places("it is often so", "ten"), [8..11]);
        assert_eq!(places("The Panthers won", "the panthers"), [0..12]);
        assert_eq!(places("黑豹队赢了", "豹队"), [3..9]);
        assert_eq!(places("3.5%, (3.5)", "3.5"), [0..3, 7..10]);
        assert!(places("red", "blue").is_empty() && places("red", "").is_empty());
    }
}
