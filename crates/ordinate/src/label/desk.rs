//! The pages of labelling, and what comes of their forms.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ordinate_core::{Item, Output, OutputKind};
use ordinate_data::Task;
use ordinate_report::{
    LABEL_POLICY, LabelAnswer, LabelDone, LabelForm, LabelGrading, LabelPage, label_done_page, label_page,
};
use ordinate_serve::{FormToken, Page, Pages};

use super::Labelled;
use super::answers::Grading;
use super::queue::Queued;
use super::sheet::Sheet;
use crate::error::Error;
use crate::query::Pairs;
use crate::view::{picture, problem};

/// What is labelled here.
#[derive(Debug)]
pub(super) struct Desk {
    task: String,
    kind: OutputKind,
    /// Whether an item brings the labels that it may have.
    is_choice: bool,
    items: Vec<Queued>,
    token: FormToken,
    asked: Asked,
    state: Mutex<State>,
}

/// What a person is asked for.
#[derive(Debug)]
pub(super) enum Asked {
    Labels {
        /// What the task file is to say.
        toml: String,
    },
    Grades(Box<Grading>),
}

/// How far it came.
#[derive(Debug)]
struct State {
    sheet: Sheet,
    /// The item that comes next.
    next: usize,
    /// What was done, the last last.
    done: Vec<Done>,
    labels: BTreeSet<String>,
    /// The last thing that was done, in words.
    last: Option<String>,
}

#[derive(Debug)]
struct Done {
    item: usize,
    /// What stood for it before; `None` where it was passed over.
    before: Option<Before>,
    /// The item that was to come next.
    next: usize,
}

#[derive(Debug)]
struct Before(Option<String>);

impl Desk {
    pub(super) fn new(
        task: &Task,
        mut items: Vec<Queued>,
        mut labels: BTreeSet<String>,
        sheet: Sheet,
        token: FormToken,
        asked: Asked,
    ) -> Self {
        items.retain(|queued| !sheet.is_done(queued));
        if task.kind.has_labels() && task.kind.output() == Some(OutputKind::Label) {
            labels.extend(sheet.labels().map(str::to_owned));
        }
        Self {
            task: task.file.task.name.clone(),
            kind: task.kind.output().unwrap_or(OutputKind::Text),
            is_choice: task.kind.output() == Some(OutputKind::Label) && !task.kind.has_labels(),
            items,
            token,
            asked,
            state: Mutex::new(State { sheet, next: 0, done: Vec::new(), labels, last: None }),
        }
    }

    pub(super) fn left(&self) -> usize {
        self.items.len() - self.state().next
    }

    pub(super) fn labelled(&self) -> Labelled {
        let state = self.state();
        Labelled {
            file: state.sheet.path().to_owned(),
            labels: state.sheet.len(),
            given: state.done.iter().filter(|done| done.before.is_some()).count(),
            toml: self.toml(&state),
            are_grades: self.are_grades(),
        }
    }

    pub(super) fn are_grades(&self) -> bool {
        matches!(self.asked, Asked::Grades(_))
    }

    /// What the task file is to say.
    fn toml(&self, state: &State) -> String {
        match &self.asked {
            Asked::Labels { toml } => toml.clone(),
            Asked::Grades(grading) => grading.lines(state.skipped()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page of an item, or that nothing is left.
    fn shown(&self, state: &State, at: usize, wrong: Option<String>) -> Page {
        let file = state.sheet.path().display().to_string();
        let toml = self.toml(state);
        let made = match self.items.get(at) {
            Some(queued) => label_page(&LabelPage {
                task: &self.task,
                token: self.token.text(),
                number: at,
                id: &queued.item.id,
                input: &queued.item.input.text,
                context: queued.item.context.as_deref(),
                slice: queued.item.slice.as_deref(),
                why: queued.why.clone(),
                said: queued.said.iter().map(|(name, output)| LabelAnswer { name, output }).collect(),
                grading: self.grading(queued),
                form: self.form(&queued.item, &state.labels),
                labelled: state.sheet.len(),
                left: self.items.len() - state.next,
                last: state.last.clone(),
                can_undo: !state.done.is_empty(),
                problem: wrong,
                file: &file,
            }),
            None => label_done_page(&LabelDone {
                task: &self.task,
                token: self.token.text(),
                are_grades: self.are_grades(),
                labelled: state.sheet.len(),
                skipped: state.skipped(),
                last: state.last.clone(),
                can_undo: !state.done.is_empty(),
                file: &file,
                toml: &toml,
            }),
        };
        match made {
            Ok(html) => Page::html(200, html, LABEL_POLICY),
            Err(error) => problem(500, &Error::from(error).to_string()),
        }
    }

    /// The answer that is graded, and by what.
    fn grading<'d>(&'d self, queued: &'d Queued) -> Option<LabelGrading<'d>> {
        let (Asked::Grades(grading), Some(answer)) = (&self.asked, &queued.answer) else { return None };
        Some(LabelGrading {
            rubric: grading.judge.rubric.as_deref(),
            right: answer.right.as_deref(),
            answers: answer.shown.iter().map(|(name, output)| LabelAnswer { name, output }).collect(),
        })
    }

    fn form(&self, item: &Item, labels: &BTreeSet<String>) -> LabelForm {
        if let Asked::Grades(grading) = &self.asked {
            return match grading.buttons() {
                Some(labels) => LabelForm::One { labels, or_typed: false },
                None => LabelForm::Number,
            };
        }
        if self.chooses(item) {
            let option =
                |one: &ordinate_core::Choice| (one.key.clone(), format!("{}: {}", one.key, one.text));
            return LabelForm::One { labels: item.options.iter().map(option).collect(), or_typed: false };
        }
        match self.kind {
            OutputKind::Label => {
                let labels = labels.iter().map(|label| (label.clone(), label.clone())).collect();
                LabelForm::One { labels, or_typed: true }
            }
            OutputKind::Labels => LabelForm::Several { labels: labels.iter().cloned().collect() },
            OutputKind::Number => LabelForm::Number,
            OutputKind::Text | OutputKind::Series => LabelForm::Text,
        }
    }

    /// The target that a form says, as the data would have it.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    fn target(&self, queued: &Queued, form: &Pairs) -> Result<String, String> {
        let item = &queued.item;
        let typed = form.get("typed").unwrap_or_default();
        let pressed: Vec<&str> = form.all("target").collect();
        if let (Asked::Grades(grading), Some(answer)) = (&self.asked, &queued.answer) {
            return grading.read(pressed.first().copied().unwrap_or(typed), answer);
        }
        if self.chooses(item) {
            let key = pressed.first().copied().unwrap_or(typed);
            return match item.options.iter().any(|option| option.key == key) {
                true => Ok(key.to_owned()),
                false => Err("Take one of the options.".to_owned()),
            };
        }
        let read = match self.kind {
            OutputKind::Labels => {
                let typed = typed.split([',', ';']).map(str::trim).filter(|label| !label.is_empty());
                let all = pressed.into_iter().chain(typed).map(str::to_owned);
                return Ok(Output::labels(all).to_string());
            }
            OutputKind::Number => OutputKind::Number
                .read(typed)
                .ok_or_else(|| format!("{typed:?} is no number; write 3.5, for example."))?,
            kind => {
                let text = pressed.first().copied().unwrap_or(typed);
                kind.read(text)
                    .filter(|_| !text.trim().is_empty())
                    .ok_or("Nothing was said; press a label, or type one.")?
            }
        };
        Ok(read.to_string())
    }

    fn say(&self, form: &Pairs) -> Page {
        let mut state = self.state();
        let Some((at, queued)) = self.item_of(form) else { return no_item() };
        let item = &queued.item;
        let target = match self.target(queued, form) {
            Ok(target) => target,
            Err(wrong) => return self.shown(&state, at, Some(wrong)),
        };
        let before = Before(state.sheet.said(queued).map(str::to_owned));
        if let Err(error) = state.sheet.say(queued, Some(&target)) {
            return self.shown(&state, at, Some(error.to_string()));
        }
        if self.kind == OutputKind::Label && !self.chooses(item) && !self.are_grades() {
            state.labels.insert(target.clone());
        }
        if let (OutputKind::Labels, Some(Output::Labels(all))) = (self.kind, OutputKind::Labels.read(&target))
        {
            state.labels.extend(all);
        }
        state.last = Some(format!("{}: {}", item.id, brief(&target)));
        state.goes_on(at, Some(before));
        Page::see("/")
    }

    fn skip(&self, form: &Pairs) -> Page {
        let mut state = self.state();
        let Some((at, queued)) = self.item_of(form) else { return no_item() };
        state.last = Some(format!("{}: skipped", queued.item.id));
        state.goes_on(at, None);
        Page::see("/")
    }

    fn undo(&self) -> Page {
        let mut state = self.state();
        let Some(done) = state.done.pop() else { return Page::see("/") };
        let queued = &self.items[done.item];
        if let Some(Before(before)) = &done.before
            && let Err(error) = state.sheet.say(queued, before.as_deref())
        {
            let wrong = Some(error.to_string());
            state.done.push(done);
            return self.shown(&state, state.next, wrong);
        }
        state.last = Some(format!("{}: taken back", queued.item.id));
        state.next = done.next;
        Page::see("/")
    }

    /// Whether the label of an item is one of its options.
    fn chooses(&self, item: &Item) -> bool {
        self.is_choice && !item.options.is_empty()
    }

    fn item_of(&self, form: &Pairs) -> Option<(usize, &Queued)> {
        let at: usize = form.get("item")?.parse().ok()?;
        Some((at, self.items.get(at)?))
    }
}

impl State {
    /// Items that were passed over.
    fn skipped(&self) -> usize {
        self.done.iter().filter(|done| done.before.is_none()).count()
    }

    /// An item is done; who went back to an earlier one goes on where it was left.
    fn goes_on(&mut self, item: usize, before: Option<Before>) {
        self.done.push(Done { item, before, next: self.next });
        self.next = self.next.max(item + 1);
    }
}

impl Pages for Desk {
    fn page(&self, path: &str, query: Option<&str>) -> Page {
        let state = self.state();
        match path {
            "/" => self.shown(&state, state.next, None),
            "/image" => {
                let image = self
                    .item_of(&Pairs::read(query))
                    .and_then(|(_, queued)| picture(&queued.item.input.text));
                image.map_or_else(no_item, |(bytes, kind)| Page::picture(bytes, kind))
            }
            _ => problem(404, "There is no such page."),
        }
    }

    fn takes_forms(&self) -> bool {
        true
    }

    fn sent(&self, path: &str, form: &str) -> Page {
        let form = Pairs::read(Some(form));
        if !form.get("token").is_some_and(|token| self.token.is(token)) {
            return problem(
                403,
                "This page is from another start of `ordinate label`; nothing was kept. Open it anew.",
            );
        }
        match path {
            "/label" => self.say(&form),
            "/skip" => self.skip(&form),
            "/undo" => self.undo(),
            _ => problem(404, "There is no such page."),
        }
    }
}

fn no_item() -> Page {
    problem(404, "There is no such item in this start of `ordinate label`.")
}

/// A target in a few words.
fn brief(target: &str) -> String {
    const MOST: usize = 60;
    match target.char_indices().nth(MOST) {
        None => target.to_owned(),
        Some((end, _)) => format!("{}\u{2026}", &target[..end]),
    }
}
