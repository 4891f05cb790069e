//! The page on which a person labels items, one after the other.

use askama::Template;
use ordinate_core::image::is_image;

use super::{ITEMS_STYLE, cut};
use crate::error::ReportError;
use crate::figures;
use crate::page::STYLE;
use crate::text::clean;

/// Presses the button of a key; nothing needs it.
const SCRIPT: &str = include_str!("../../templates/label.js");

/// The content policy that the page is to be served under: its one script, and no other (a test holds the digest to it).
pub const LABEL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-m28cvtTnIEI6PZqtY8+gCqQQLUZ7H6/6khugsG+FBMw='; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// Characters of a text that are shown: a person reads no more.
const MOST: usize = 50_000;

/// How a label is given.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelForm {
    /// One of these: what is written, and what is shown.
    One {
        /// What is written, and what is shown.
        labels: Vec<(String, String)>,
        /// Whether another one may be typed.
        or_typed: bool,
    },
    /// Any number of these, or others, parted by commas.
    Several {
        /// The labels that are known.
        labels: Vec<String>,
    },
    /// A number.
    Number,
    /// A text.
    Text,
}

/// What a candidate said to the item.
#[derive(Debug, Clone, Copy)]
pub struct LabelAnswer<'a> {
    /// The candidate.
    pub name: &'a str,
    /// What it said.
    pub output: &'a str,
}

/// An answer that is to be graded.
#[derive(Debug, Clone)]
pub struct LabelGrading<'a> {
    /// What a good answer is.
    pub rubric: Option<&'a str>,
    /// A right answer.
    pub right: Option<&'a str>,
    /// What is graded, or held against each other, with titles in place of names: a name sways.
    pub answers: Vec<LabelAnswer<'a>>,
}

/// An item that is to be labelled.
#[derive(Debug, Clone)]
pub struct LabelPage<'a> {
    /// The task's name.
    pub task: &'a str,
    /// What shows that a form is of this server's making.
    pub token: &'a str,
    /// The item's number in the queue.
    pub number: usize,
    /// Its id.
    pub id: &'a str,
    /// Its text.
    pub input: &'a str,
    /// The passage that it is about.
    pub context: Option<&'a str>,
    /// Its slice.
    pub slice: Option<&'a str>,
    /// Why it comes now, in words.
    pub why: Option<String>,
    /// What candidates said; hidden until it is asked for, since it sways.
    pub said: Vec<LabelAnswer<'a>>,
    /// The answer to it that is graded, where no label is asked for.
    pub grading: Option<LabelGrading<'a>>,
    /// How it is labelled.
    pub form: LabelForm,
    /// How many have a label by now, and how many have none.
    pub labelled: usize,
    /// See `labelled`.
    pub left: usize,
    /// What was done last, in words.
    pub last: Option<String>,
    /// Whether it can be taken back.
    pub can_undo: bool,
    /// What was wrong with what was sent.
    pub problem: Option<String>,
    /// The file of labels.
    pub file: &'a str,
}

/// Nothing is left to label.
#[derive(Debug, Clone)]
pub struct LabelDone<'a> {
    /// The task's name.
    pub task: &'a str,
    /// What shows that a form is of this server's making.
    pub token: &'a str,
    /// Whether they are grades of answers.
    pub are_grades: bool,
    /// How many have a label.
    pub labelled: usize,
    /// How many were passed over.
    pub skipped: usize,
    /// What was done last, in words.
    pub last: Option<String>,
    /// Whether it can be taken back.
    pub can_undo: bool,
    /// The file of labels.
    pub file: &'a str,
    /// What to write into the task file.
    pub toml: &'a str,
}

#[derive(Template)]
#[template(path = "label.html")]
struct LabelTemplate<'a> {
    style: &'static str,
    more: &'static str,
    script: &'static str,
    task: String,
    token: &'a str,
    number: usize,
    id: String,
    image: bool,
    input: String,
    context: Option<String>,
    slice: Option<String>,
    why: Option<String>,
    said: Vec<(String, String)>,
    grading: Option<GradingShown>,
    form: &'a LabelForm,
    keyed: Vec<Keyed>,
    or_typed: bool,
    progress: String,
    last: Option<String>,
    can_undo: bool,
    problem: Option<String>,
    file: String,
}

struct GradingShown {
    rubric: Option<String>,
    right: Option<String>,
    answers: Vec<(String, String)>,
}

/// A label with the key that gives it.
struct Keyed {
    key: Option<usize>,
    value: String,
    shown: String,
}

#[derive(Template)]
#[template(path = "label-done.html")]
struct DoneTemplate<'a> {
    style: &'static str,
    more: &'static str,
    script: &'static str,
    task: String,
    token: &'a str,
    are_grades: bool,
    labelled: String,
    skipped: Option<String>,
    last: Option<String>,
    can_undo: bool,
    file: String,
    toml: String,
}

/// The page of an item that is to be labelled.
///
/// # Errors
/// [`ReportError`] when the template cannot be rendered.
pub fn label_page(page: &LabelPage<'_>) -> Result<String, ReportError> {
    let (labels, or_typed) = match &page.form {
        LabelForm::One { labels, or_typed } => (labels.clone(), *or_typed),
        LabelForm::Several { labels } => {
            (labels.iter().map(|label| (label.clone(), label.clone())).collect(), true)
        }
        LabelForm::Number | LabelForm::Text => (Vec::new(), false),
    };
    let keyed = labels.into_iter().enumerate().map(|(at, (value, shown))| Keyed {
        key: (at < 9).then_some(at + 1),
        shown: clean(&shown),
        value,
    });
    let count = |n: usize| figures::count(n as u64);
    let template = LabelTemplate {
        style: STYLE,
        more: ITEMS_STYLE,
        script: SCRIPT,
        task: clean(page.task),
        token: page.token,
        number: page.number,
        id: clean(page.id),
        image: is_image(page.input),
        input: cut(page.input, MOST).0,
        context: page.context.map(|context| cut(context, MOST).0),
        slice: page.slice.map(clean),
        why: page.why.as_deref().map(clean),
        said: shown(&page.said),
        grading: page.grading.as_ref().map(|grading| GradingShown {
            rubric: grading.rubric.map(|rubric| cut(rubric, MOST).0),
            right: grading.right.map(|right| cut(right, MOST).0),
            answers: shown(&grading.answers),
        }),
        form: &page.form,
        keyed: keyed.collect(),
        or_typed,
        progress: format!(
            "{} {}, {} to go",
            count(page.labelled),
            if page.grading.is_some() { "graded" } else { "labelled" },
            count(page.left)
        ),
        last: page.last.as_deref().map(clean),
        can_undo: page.can_undo,
        problem: page.problem.as_deref().map(clean),
        file: clean(page.file),
    };
    Ok(template.render()?)
}

fn shown(answers: &[LabelAnswer<'_>]) -> Vec<(String, String)> {
    answers.iter().map(|one| (clean(one.name), cut(one.output, MOST).0)).collect()
}

/// The page where nothing is left.
///
/// # Errors
/// [`ReportError`] when the template cannot be rendered.
pub fn label_done_page(page: &LabelDone<'_>) -> Result<String, ReportError> {
    let count = |n: usize| figures::count(n as u64);
    let template = DoneTemplate {
        style: STYLE,
        more: ITEMS_STYLE,
        script: SCRIPT,
        task: clean(page.task),
        token: page.token,
        are_grades: page.are_grades,
        labelled: count(page.labelled),
        skipped: (page.skipped > 0).then(|| count(page.skipped)),
        last: page.last.as_deref().map(clean),
        can_undo: page.can_undo,
        file: clean(page.file),
        toml: page.toml.to_owned(),
    };
    Ok(template.render()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use sha2::Digest as _;

    #[test]
    fn the_policy_lets_in_the_script_of_the_page_alone() {
        let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(SCRIPT));
        assert!(LABEL_POLICY.contains(&format!("script-src 'sha256-{digest}'")), "sha256-{digest}");
    }
}
