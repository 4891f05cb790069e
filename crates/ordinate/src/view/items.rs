//! Items of a run as pages: some of them behind a filter, or one with all that is known of it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ordinate_core::Row;
use ordinate_core::image::{JPEG, PNG};
use ordinate_judge::{Acts, Giver};
use ordinate_measure::CancellationToken;
use ordinate_report::{FilterForm, ItemsPage, Select, ShownAnswer, ShownItem, item_page, items_page};

use super::filter::{Differ, Filter, MARKS, Order, RIGHT_FROM};
use super::heat::looked_at;
use super::opened::OpenedRun;
use crate::error::Error;
use crate::query::Pairs;

/// Items on a page: what the eye sees, and a little more.
const ON_A_PAGE: usize = 20;
/// Slices that are offered.
const SLICES: usize = 1_000;

/// The page of the items that a query asks for.
pub(super) fn items(run: &OpenedRun, pairs: &Pairs) -> Result<String, Error> {
    let filter = Filter::read(pairs, run);
    let found = filter.found(run);
    let pages = found.len().div_ceil(ON_A_PAGE).max(1);
    let number = pairs.get("page").and_then(|text| text.parse().ok()).unwrap_or(1).clamp(1, pages);
    let path = format!("/run/{}/items", run.head().id);
    let to = |number: usize| pairs.with("page", &number.to_string()).address(&path);
    let first = (number - 1) * ON_A_PAGE;
    let shown = found.iter().skip(first).take(ON_A_PAGE);
    let page = ItemsPage {
        run: run.head(),
        form: form(run, &filter),
        of: run.rows.len(),
        found: found.len(),
        first: first + 1,
        means: means(run, &filter, &found),
        items: shown.map(|&at| item(run, at, &filter.shown, &filter)).collect(),
        before: (number > 1).then(|| to(number - 1)),
        after: (number < pages).then(|| to(number + 1)),
        notes: notes(run, &filter),
    };
    Ok(items_page(&page)?)
}

/// The page of the item in this row; `None` where there is none.
pub(super) fn one(run: &OpenedRun, pairs: &Pairs, stop: &CancellationToken) -> Option<Result<String, Error>> {
    let row: Row = pairs.get("row")?.parse().ok()?;
    let at = run.rows.iter().position(|own| *own == row)?;
    let filter = Filter::read(pairs, run);
    let shown = item(run, at, &run.best_first, &filter);
    let looked = looked_at(run, at, pairs, stop);
    Some(item_page(&run.head(), &shown, looked.as_ref()).map_err(Error::from))
}

/// The bytes of the image in this row, and their kind; `None` where there is none.
pub(super) fn image(run: &OpenedRun, pairs: &Pairs) -> Option<(Vec<u8>, &'static str)> {
    let row: Row = pairs.get("row")?.parse().ok()?;
    picture(run.evidence.items().input(row).filter(|_| row < run.evidence.len())?)
}

/// The bytes and the kind of an image that is a text.
pub(crate) fn picture(text: &str) -> Option<(Vec<u8>, &'static str)> {
    let of = |prefix: &str, kind| Some((text.strip_prefix(prefix)?, kind));
    let (packed, kind) = of(PNG, "image/png").or_else(|| of(JPEG, "image/jpeg"))?;
    Some((STANDARD.decode(packed).ok()?, kind))
}

/// What was said to an item by these candidates.
fn item<'r>(run: &'r OpenedRun, at: usize, columns: &[usize], filter: &Filter) -> ShownItem<'r> {
    let (items, row) = (run.evidence.items(), run.rows[at]);
    let answer = |&column: &usize| {
        let answers = run.evidence.answers(column);
        ShownAnswer {
            name: run.name_of(column),
            mark: run.mark(column, at, filter.right_from),
            score: answers.score(row),
            output: answers.output(row),
            error: answers.error(row),
            confidence: answers.confidence(row),
            cost_usd: answers.cost_usd(row),
            latency_ms: answers.latency_ms(row),
        }
    };
    let policy = joined(run, filter);
    ShownItem {
        row,
        id: items.id(row),
        slice: items.slices().get(row),
        group: items.groups().get(row),
        input: items.input(row),
        target: items.target(row),
        policy: policy.map(|(name, acts)| did(run, name, acts, at)),
        answers: columns.iter().map(answer).collect(),
    }
}

/// What a policy did with an item, in words.
fn did(run: &OpenedRun, name: &str, acts: &Acts, at: usize) -> String {
    let act = &acts.acts[acts.of[at] as usize];
    let times = |times: u32| {
        if times as usize == acts.foldings {
            String::new()
        } else {
            format!(" ({times} of {} times)", acts.foldings)
        }
    };
    let asked: Vec<String> =
        act.asked.iter().map(|(column, n)| format!("{}{}", run.name_of(*column), times(*n))).collect();
    let given: Vec<String> = act
        .given
        .iter()
        .map(|(giver, n)| {
            let whose = match giver {
                Giver::Candidate(column) => format!("the answer of {}", run.name_of(*column)),
                Giver::Several => "an answer made of theirs".to_owned(),
                Giver::Nobody => "no answer that was recorded".to_owned(),
            };
            format!("{whose}{}", times(*n))
        })
        .collect();
    let asked = if asked.is_empty() { "nobody".to_owned() } else { asked.join(", ") };
    let score = acts.scores[at];
    let scores = if score.is_nan() { String::new() } else { format!(": scores {score:.3}") };
    format!("{name} asks {asked} and gives {}{scores}", given.join(", or "))
}

/// Whether anything was tried that joins candidates.
fn has_policies(run: &OpenedRun) -> bool {
    !run.verdict.policies.is_empty()
}

/// The policy that is looked at, where it is more than one candidate.
fn joined<'f>(run: &OpenedRun, filter: &'f Filter) -> Option<(&'f str, &'f Acts)> {
    let (name, acts) = filter.policy.as_ref()?;
    let is_single = run.best_first.iter().any(|&column| run.name_of(column) == name);
    (!is_single).then_some((name.as_str(), acts.as_ref()))
}

/// The mean scores on these items: of all candidates, the best first, and of the policy.
fn means<'r>(run: &'r OpenedRun, filter: &'r Filter, found: &[usize]) -> Vec<(&'r str, f64, usize)> {
    let mean = |scores: &mut dyn Iterator<Item = f64>| {
        let (sum, count) = scores
            .filter(|score| !score.is_nan())
            .fold((0.0, 0_u32), |(sum, count), score| (sum + score, count + 1));
        (sum / f64::from(count), count as usize)
    };
    let mut means: Vec<(&str, f64, usize)> = Vec::new();
    if let Some((name, acts)) = joined(run, filter) {
        let (mean, count) = mean(&mut found.iter().map(|&at| acts.scores[at]));
        means.push((name, mean, count));
    }
    for &column in &run.best_first {
        let (mean, count) = mean(&mut found.iter().map(|&at| run.score(column, at)));
        means.push((run.name_of(column), mean, count));
    }
    means
}

fn notes(run: &OpenedRun, filter: &Filter) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some((name, None)) = &filter.slice {
        notes.push(format!("There is no slice {name:?} in this run."));
    }
    let others = run.evidence.len() - run.rows.len();
    if others > 0 {
        notes.push(format!("{others} further items are for learning alone; nothing is scored on them."));
    }
    if filter.policy.is_none()
        && has_policies(run)
        && let Some(problem) = run.no_trials()
    {
        notes.push(format!("What policies did with each item is not known: {problem}."));
    }
    notes
}

fn form(run: &OpenedRun, filter: &Filter) -> FilterForm {
    let any = || ("any".to_owned(), String::new());
    let select = |label: &str, key: &str, options: Vec<(String, String)>, chosen: &str| {
        let option = |(words, value): (String, String)| {
            let is_chosen = value == chosen;
            (value, words, is_chosen)
        };
        Select {
            label: label.to_owned(),
            key: key.to_owned(),
            options: options.into_iter().map(option).collect(),
        }
    };
    let mut selects = Vec::new();
    let slices = run.evidence.items().slices().names();
    if run.head().has_slices {
        let chosen = filter.slice.as_ref().map_or("", |(name, _)| name);
        let names =
            slices.iter().take(SLICES).chain(slices.iter().skip(SLICES).filter(|name| *name == chosen));
        let options =
            [any()].into_iter().chain(names.map(|name| (name.to_owned(), name.to_owned()))).collect();
        selects.push(select("Slice", "slice", options, chosen));
    }
    let mut names: Vec<(String, String)> = Vec::new();
    names.extend(run.best_first.iter().map(|&column| (run.name_of(column).to_owned(), column.to_string())));
    if names.len() > 1 {
        let words = Differ::ALL.map(|(_, value, words)| (words.to_owned(), value.to_owned()));
        let chosen =
            Differ::ALL.iter().find(|(own, ..)| Some(*own) == filter.differ).map_or("", |(_, word, _)| *word);
        let options = [any()].into_iter().chain(words).collect();
        selects.push(select("Of those that are shown", "differ", options, chosen));
    }
    if let Some((policy, _)) = filter.policy.as_ref().filter(|_| has_policies(run)) {
        let tried = run.verdict.policies.iter().map(|row| (row.name.clone(), row.name.clone()));
        let mut policies: Vec<(String, String)> = tried.collect();
        if !policies.iter().any(|(_, name)| name == policy) {
            policies.insert(0, (policy.clone(), policy.clone()));
        }
        selects.push(select("Policy", "policy", policies, policy));
        let asked = filter.asked.map_or_else(String::new, |column| column.to_string());
        let options = [any()].into_iter().chain(names.iter().cloned()).collect();
        selects.push(select("The policy asks", "asked", options, &asked));
        let gave = match filter.gave {
            None => String::new(),
            Some(Giver::Candidate(column)) => column.to_string(),
            Some(Giver::Several) => "several".to_owned(),
            Some(Giver::Nobody) => "nobody".to_owned(),
        };
        let further = [("several together", "several"), ("nobody", "nobody")];
        let further = further.map(|(words, value)| (words.to_owned(), value.to_owned()));
        let options = [any()].into_iter().chain(names.iter().cloned()).chain(further).collect();
        selects.push(select("It gives the answer of", "gave", options, &gave));
    }
    let orders = Order::ALL.map(|(_, value, words)| (words.to_owned(), value.to_owned()));
    let chosen = Order::ALL.iter().find(|(own, ..)| *own == filter.order).map_or("", |(_, word, _)| *word);
    selects.push(select("Order", "order", orders.into(), chosen));
    let by = |&column: &usize| {
        let marks = MARKS.map(|(word, _)| (word.to_owned(), word.to_owned()));
        let chosen = filter.marks.iter().find(|(own, ..)| *own == column).map_or("", |(_, word, _)| *word);
        let options = [any()].into_iter().chain(marks).collect();
        select(run.name_of(column), &format!("c{column}"), options, chosen)
    };
    let mut fixed = Vec::new();
    if let Some(target) = &filter.target {
        fixed.push(("target".to_owned(), target.clone(), format!("right is {target}")));
    }
    for (column, label) in &filter.said {
        let said = format!("{} said {label}", run.name_of(*column));
        fixed.push(("said".to_owned(), format!("{column}:{label}"), said));
    }
    let shown = |&column: &usize| (column, run.name_of(column).to_owned(), filter.shown.contains(&column));
    FilterForm {
        text: filter.text.clone(),
        selects,
        candidates: run.best_first.iter().map(by).collect(),
        by_candidate: !filter.marks.is_empty(),
        right_from: (run.is_graded || filter.right_from != RIGHT_FROM).then_some(filter.right_from),
        shown: run.best_first.iter().map(shown).collect(),
        fixed,
    }
}
