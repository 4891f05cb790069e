//! The pages of labelling, and what comes of their forms.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ordinate_core::{Item, Output, OutputKind};
use ordinate_data::Task;
use ordinate_report::{
    LABEL_POLICY, LabelAnswer, LabelDone, LabelForm, LabelPage, label_done_page, label_page,
};
use ordinate_serve::{FormToken, Page, Pages};

use super::Labelled;
use super::queue::Queued;
use super::store::Store;
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
    toml: String,
    state: Mutex<State>,
}

/// How far it came.
#[derive(Debug)]
struct State {
    store: Store,
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
        store: Store,
        token: FormToken,
        toml: String,
    ) -> Self {
        items.retain(|queued| store.label(&queued.item.id).is_none());
        if task.kind.has_labels() && task.kind.output() == Some(OutputKind::Label) {
            labels.extend(store.labels().map(str::to_owned));
        }
        Self {
            task: task.file.task.name.clone(),
            kind: task.kind.output().unwrap_or(OutputKind::Text),
            is_choice: task.kind.output() == Some(OutputKind::Label) && !task.kind.has_labels(),
            items,
            token,
            toml,
            state: Mutex::new(State { store, next: 0, done: Vec::new(), labels, last: None }),
        }
    }

    pub(super) fn left(&self) -> usize {
        self.items.len() - self.state().next
    }

    pub(super) fn labelled(&self) -> Labelled {
        let state = self.state();
        Labelled {
            file: state.store.path().to_owned(),
            labels: state.store.len(),
            given: state.done.iter().filter(|done| done.before.is_some()).count(),
            toml: self.toml.clone(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The page of an item, or that nothing is left.
    fn shown(&self, state: &State, at: usize, wrong: Option<String>) -> Page {
        let file = state.store.path().display().to_string();
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
                form: self.form(&queued.item, &state.labels),
                labelled: state.store.len(),
                left: self.items.len() - state.next,
                last: state.last.clone(),
                can_undo: !state.done.is_empty(),
                problem: wrong,
                file: &file,
            }),
            None => label_done_page(&LabelDone {
                task: &self.task,
                token: self.token.text(),
                labelled: state.store.len(),
                skipped: state.done.iter().filter(|done| done.before.is_none()).count(),
                last: state.last.clone(),
                can_undo: !state.done.is_empty(),
                file: &file,
                toml: &self.toml,
            }),
        };
        match made {
            Ok(html) => Page::html(200, html, LABEL_POLICY),
            Err(error) => problem(500, &Error::from(error).to_string()),
        }
    }

    fn form(&self, item: &Item, labels: &BTreeSet<String>) -> LabelForm {
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
    fn target(&self, item: &Item, form: &Pairs) -> Result<String, String> {
        let typed = form.get("typed").unwrap_or_default();
        let pressed: Vec<&str> = form.all("target").collect();
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
        let target = match self.target(item, form) {
            Ok(target) => target,
            Err(wrong) => return self.shown(&state, at, Some(wrong)),
        };
        let before = Before(state.store.label(&item.id).map(str::to_owned));
        if let Err(error) = state.store.say(&item.id, Some(&target), words_of(item)) {
            return self.shown(&state, at, Some(error.to_string()));
        }
        if self.kind == OutputKind::Label && !self.chooses(item) {
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
        let item = &self.items[done.item].item;
        if let Some(Before(before)) = &done.before
            && let Err(error) = state.store.say(&item.id, before.as_deref(), words_of(item))
        {
            let wrong = Some(error.to_string());
            state.done.push(done);
            return self.shown(&state, state.next, wrong);
        }
        state.last = Some(format!("{}: taken back", item.id));
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

/// The text of an item that goes into the file: not the bytes of an image.
fn words_of(item: &Item) -> Option<&str> {
    let text = item.input.text.as_str();
    (!ordinate_core::image::is_image(text)).then_some(text)
}

/// A target in a few words.
fn brief(target: &str) -> String {
    const MOST: usize = 60;
    match target.char_indices().nth(MOST) {
        None => target.to_owned(),
        Some((end, _)) => format!("{}\u{2026}", &target[..end]),
    }
}
