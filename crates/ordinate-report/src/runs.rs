//! Pages about several runs: all of a folder, those of a task, and two side by side. They have no script.

use askama::Template;
use ordinate_core::verdict::{Estimate, Verdict};

use crate::error::ReportError;
use crate::figures;
use crate::page::STYLE;
use crate::text::clean;
use crate::words;

/// The content policy that these pages are to be served under.
pub const RUNS_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// A run, as it is listed. Addresses are made of the two ids alone, which are letters and digits.
#[derive(Debug, Clone, Copy)]
pub struct ListedRun<'v> {
    /// Its id in addresses.
    pub id: &'v str,
    /// The id of its task.
    pub task_id: &'v str,
    /// The folder, from the one that is looked at.
    pub name: &'v str,
    /// When the verdict was written.
    pub written: &'v str,
    /// The verdict.
    pub verdict: &'v Verdict,
}

/// A difference of the second run to the first, and on how many items of both; `None` where each has items of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunDifference {
    /// The difference.
    pub estimate: Estimate,
    /// Items of both.
    pub items: Option<usize>,
}

/// Two runs.
#[derive(Debug, Clone)]
pub struct TwoRuns<'v> {
    /// The first.
    pub first: ListedRun<'v>,
    /// The second.
    pub second: ListedRun<'v>,
    /// Of what is recommended; `None` where one of the two recommends nothing.
    pub recommended: Option<RunDifference>,
    /// Of the candidates of both, by name.
    pub candidates: Vec<(String, RunDifference)>,
    /// Why items could not be paired, where that is so.
    pub unpaired: Option<String>,
}

#[derive(Template)]
#[template(path = "runs.html")]
struct Runs {
    style: &'static str,
    folder: String,
    task: Option<String>,
    rows: Vec<Row>,
    broken: Vec<(String, String)>,
}

struct Row {
    id: String,
    task_id: String,
    name: String,
    task: String,
    written: String,
    outcome: &'static str,
    recommended: String,
    quality: String,
    cost: String,
    items: String,
    /// The run before of the same task, and what changed.
    before: Option<String>,
    change: String,
}

#[derive(Template)]
#[template(path = "compare.html")]
struct Compare {
    style: &'static str,
    tone: &'static str,
    first: Row,
    second: Row,
    headline: &'static str,
    said: Vec<String>,
    sides: Vec<(&'static str, String, String)>,
    rows: Vec<Both>,
    /// Candidates of one of the two.
    alone: Vec<String>,
}

struct Both {
    name: String,
    first: String,
    second: String,
    difference: String,
    how: String,
    told: &'static str,
}

/// What an absent name reads.
const NOTHING: &str = "nothing";

/// The page that lists `runs`, the last first; with `task` those of one task, and what changed from one to the next. `broken` are the
/// folders whose verdict cannot be read, and why.
///
/// # Errors
/// [`ReportError`] when the template cannot be rendered.
pub fn runs_page(
    folder: &str,
    task: Option<&str>,
    runs: &[ListedRun<'_>],
    broken: &[(String, String)],
) -> Result<String, ReportError> {
    let rows = runs.iter().enumerate().map(|(at, run)| {
        let before = runs.get(at + 1);
        Row {
            before: before.map(|before| before.id.to_owned()),
            change: before.map_or_else(String::new, |before| change(before.verdict, run.verdict)),
            ..row(run)
        }
    });
    let page = Runs {
        style: STYLE,
        folder: clean(folder),
        task: task.map(clean),
        rows: rows.collect(),
        broken: broken.iter().map(|(name, problem)| (clean(name), clean(problem))).collect(),
    };
    Ok(page.render()?)
}

/// The page of two runs: whether the verdict changed, and whether what changed is more than noise.
///
/// # Errors
/// [`ReportError`] when the template cannot be rendered.
pub fn compare_page(two: &TwoRuns<'_>) -> Result<String, ReportError> {
    let (a, b) = (two.first.verdict, two.second.verdict);
    let same = a.outcome == b.outcome && name_of(a) == name_of(b);
    let headline = if same { "The verdict is the same" } else { "The verdict changed" };
    let quality = |verdict: &Verdict, name: &str| {
        verdict
            .candidates
            .iter()
            .find(|row| row.name.as_str() == name)
            .map(|row| figures::estimate(&row.quality))
    };
    let both = two.candidates.iter().map(|(name, difference)| Both {
        name: clean(name),
        first: quality(a, name).unwrap_or_default(),
        second: quality(b, name).unwrap_or_default(),
        difference: signed(&difference.estimate),
        how: difference.items.map_or_else(|| "items of their own".to_owned(), |n| figures::count(n as u64)),
        told: if is_noise(&difference.estimate) { "no" } else { "yes" },
    });
    let is_both = |name: &str| two.candidates.iter().any(|(other, _)| other == name);
    let alone =
        a.candidates.iter().chain(&b.candidates).map(|row| row.name.as_str()).filter(|name| !is_both(name));
    let page = Compare {
        style: STYLE,
        tone: if same { "none-changed" } else { b.outcome.as_str() },
        first: row(&two.first),
        second: row(&two.second),
        headline,
        said: said(two),
        sides: sides(two),
        rows: both.collect(),
        alone: alone.map(clean).collect(),
    };
    Ok(page.render()?)
}

fn row(run: &ListedRun<'_>) -> Row {
    let verdict = run.verdict;
    let recommended = verdict.recommended.as_ref();
    Row {
        id: run.id.to_owned(),
        task_id: run.task_id.to_owned(),
        name: clean(run.name),
        task: clean(&verdict.task),
        written: clean(run.written),
        outcome: outcome(verdict),
        recommended: name_of(verdict).map_or_else(|| NOTHING.to_owned(), clean),
        quality: recommended.map_or_else(String::new, |one| figures::estimate(&one.quality)),
        cost: recommended.map_or_else(String::new, |one| figures::price(one.cost_per_1k, one.not_priced)),
        items: figures::count(verdict.basis.items),
        before: None,
        change: String::new(),
    }
}

fn outcome(verdict: &Verdict) -> &'static str {
    if verdict.recommended.is_some() { verdict.outcome.as_str() } else { "no policy" }
}

fn name_of(verdict: &Verdict) -> Option<&str> {
    verdict.recommended.as_ref().map(|recommended| recommended.name.as_str())
}

/// What changed, without weighing it.
fn change(before: &Verdict, now: &Verdict) -> String {
    let mut changes = Vec::new();
    if outcome(before) != outcome(now) {
        changes.push(format!("{}, was {}", outcome(now), outcome(before)));
    }
    if name_of(before) != name_of(now) {
        let shown = |verdict: &Verdict| name_of(verdict).map_or_else(|| NOTHING.to_owned(), clean);
        changes.push(format!("{}, was {}", shown(now), shown(before)));
    }
    if before.needs != now.needs {
        changes.push("other needs".to_owned());
    }
    if changes.is_empty() { "the same verdict".to_owned() } else { changes.join("; ") }
}

/// Whether the interval of a difference holds zero.
fn is_noise(difference: &Estimate) -> bool {
    !(difference.low > 0.0 || difference.high < 0.0)
}

fn signed(difference: &Estimate) -> String {
    format!("{} {}", figures::difference(difference.mean), figures::interval(difference))
}

fn said(two: &TwoRuns<'_>) -> Vec<String> {
    let (a, b) = (two.first.verdict, two.second.verdict);
    let shown = |verdict: &Verdict| match name_of(verdict) {
        Some(name) => format!("{} ({})", outcome(verdict), clean(name)),
        None => "nothing that meets the needs".to_owned(),
    };
    let mut said = vec![if outcome(a) == outcome(b) && name_of(a) == name_of(b) {
        format!("Both say {}.", shown(b))
    } else {
        format!("The first says {}, the second {}.", shown(a), shown(b))
    }];
    if let Some(RunDifference { estimate, items }) = &two.recommended {
        let how = match items {
            Some(items) => format!("paired on {} items of both", figures::count(*items as u64)),
            None => "with items of their own each".to_owned(),
        };
        let margin = b.basis.margin;
        let weighed = if estimate.mean == 0.0 && estimate.low == 0.0 && estimate.high == 0.0 {
            "not a score differs"
        } else if is_noise(estimate) {
            "no more than noise: the interval holds zero"
        } else if margin > 0.0 && (estimate.low > margin || estimate.high < -margin) {
            "more than noise, and more than the margin"
        } else {
            "more than noise"
        };
        said.push(format!(
            "What is recommended in the second scores {} against what is in the first, {how}: {weighed}.",
            signed(estimate)
        ));
    }
    if a.needs != b.needs {
        said.push("Their needs differ, which may change a verdict without any answer.".to_owned());
    }
    if let Some(problem) = &two.unpaired {
        said.push(format!("Items could not be paired: {}.", clean(problem)));
    }
    if a.task != b.task {
        said.push("They are runs of two tasks.".to_owned());
    }
    said
}

/// The figures of both, line by line.
fn sides(two: &TwoRuns<'_>) -> Vec<(&'static str, String, String)> {
    const WHAT: [&str; 12] = [
        "Task",
        "Written",
        "Outcome",
        "Recommended",
        "Quality",
        "$ per 1,000 items",
        "Latency, 95th percentile",
        "Memory",
        "Items",
        "Candidates",
        "Needs",
        "Ordinate",
    ];
    let of = |run: &ListedRun<'_>| {
        let (shown, verdict) = (row(run), run.verdict);
        let recommended = verdict.recommended.as_ref();
        let needs = words::needs(&verdict.needs, verdict.basis.margin);
        let needs: Vec<String> = needs.into_iter().map(|(name, limit)| format!("{name}: {limit}")).collect();
        [
            shown.task,
            shown.written,
            shown.outcome.to_owned(),
            shown.recommended,
            shown.quality,
            shown.cost,
            recommended.map_or_else(String::new, |one| figures::latency(one.p95_ms)),
            recommended.map_or_else(String::new, |one| figures::memory(one.memory_gb)),
            shown.items,
            verdict.candidates.len().to_string(),
            needs.join("; "),
            clean(&verdict.basis.ordinate),
        ]
    };
    let pairs = of(&two.first).into_iter().zip(of(&two.second));
    WHAT.into_iter().zip(pairs).map(|(what, (a, b))| (what, a, b)).collect()
}
