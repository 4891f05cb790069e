//! The summary for the terminal.

use anstyle::{AnsiColor, Style as Ansi};
use ordinate_core::verdict::{Outcome, Recommended, Verdict};
use textwrap::Options;

use crate::figures;
use crate::hosting;
use crate::text::{clean, shorten};
use crate::words;

mod table;

/// The widest summary, in columns.
pub const MAX_WIDTH: usize = 100;

/// The narrowest summary, in columns: below it the table could not name its rows.
pub const MIN_WIDTH: usize = 80;

/// Candidates that are named in one line of shares; the others are counted.
const SHARES_SHOWN: usize = 4;
/// Rows that miss a need and are told why; the others are counted.
const MISSES_SHOWN: usize = 6;
/// Candidates whose hosting is described, and pairs of which it is said when it pays; the others are counted.
const HOSTED_SHOWN: usize = 6;

/// How the summary looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colour, which is to say escape sequences; the caller knows the terminal and `NO_COLOR`.
    pub colour: bool,
    /// Columns to fill: taken as [`MIN_WIDTH`] where it is less, as [`MAX_WIDTH`] where it is more.
    pub width: usize,
}

impl Default for Style {
    /// Without colour, [`MAX_WIDTH`] wide.
    fn default() -> Self {
        Self { colour: false, width: MAX_WIDTH }
    }
}

impl Style {
    fn paint(self, ansi: Ansi, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("{ansi}{text}{ansi:#}") } else { text.to_owned() }
    }
}

const HEADING: Ansi = Ansi::new().bold();
const DIM: Ansi = Ansi::new().dimmed();
const GOOD: Ansi = AnsiColor::Green.on_default().bold();
const CAUTION: Ansi = AnsiColor::Yellow.on_default().bold();

pub(crate) fn summary(verdict: &Verdict, style: Style) -> String {
    let style = Style { width: style.width.clamp(MIN_WIDTH, MAX_WIDTH), ..style };
    let mut out = Writer { style, text: String::new() };
    verdict_first(&mut out, verdict);
    out.list("Why", &verdict.why);
    out.heading("Candidates and policies");
    for (line, ansi) in table::lines(verdict, style.width) {
        out.line(&style.paint(ansi, &line));
    }
    out.list("Grades", &verdict.judge.as_ref().map(words::judge).unwrap_or_default());
    out.list("Grades by slice", &verdict.judge.as_ref().map(words::judged_slices).unwrap_or_default());
    hosting_lists(&mut out, verdict);
    out.list("Needs that are missed", &misses(verdict));
    let notes: Vec<String> =
        words::distance_to_a_decision(verdict).into_iter().chain(words::other_reading(verdict)).collect();
    out.list("Undecided or open to reading", &notes);
    let basis = format!("Figures rest on {}.", words::basis(verdict));
    out.list("Assumed", &verdict.assumed.iter().cloned().chain([basis]).collect::<Vec<_>>());
    out.text
}

/// The verdict, what to use, and the figures that it stands on.
fn verdict_first(out: &mut Writer, verdict: &Verdict) {
    let width = out.style.width;
    let ansi = match verdict.outcome {
        _ if verdict.recommended.is_none() => CAUTION,
        Outcome::Undecided => CAUTION,
        _ => GOOD,
    };
    let headline = match verdict.recommended {
        Some(_) => format!("{}: {}", verdict.outcome, words::headline(verdict)),
        None => words::headline(verdict).to_owned(),
    };
    let task = shorten(&clean(&verdict.task), width.saturating_sub(headline.len() + 2));
    out.line(&format!("{}  {}", out.style.paint(ansi, &headline), out.style.paint(DIM, &task)));
    let Some(recommended) = &verdict.recommended else { return };
    out.line("");
    let what = words::kind_and_lineage(recommended);
    let label = if verdict.outcome == Outcome::Undecided { "Provisional" } else { "Use" };
    out.field(label, &format!("{} ({what})", clean(&recommended.name)));
    out.field("Quality", &figures::estimate(&recommended.quality));
    out.field("Cost", &per_1k(recommended));
    if recommended.p95_ms.is_some() || recommended.memory_gb.is_some() {
        let (p95, memory) = (figures::latency(recommended.p95_ms), figures::memory(recommended.memory_gb));
        out.field("Deployment", &format!("p95 latency {p95}, memory {memory}"));
    }
    out.field("Share", &share(verdict));
}

fn per_1k(recommended: &Recommended) -> String {
    match recommended.cost_per_1k {
        Some(0.0) if recommended.not_priced => {
            format!("{}: what its machine costs is not said (price.per_hour)", figures::NOT_PRICED)
        }
        Some(usd) if usd.is_finite() => {
            let least = if recommended.not_priced { "at least " } else { "" };
            format!("{least}{} per 1,000 items", figures::dollars(usd))
        }
        _ => figures::UNKNOWN.to_owned(),
    }
}

/// The largest shares by name, the others counted.
fn share(verdict: &Verdict) -> String {
    let shares = verdict.recommended.as_ref().map(|r| words::shares(&r.share)).unwrap_or_default();
    if shares.is_empty() {
        return figures::UNKNOWN.to_owned();
    }
    // One candidate alone is named: a name is as short as a count.
    let named = if shares.len() == SHARES_SHOWN + 1 { shares.len() } else { SHARES_SHOWN };
    let mut parts: Vec<String> = shares
        .iter()
        .take(named)
        .map(|(name, share)| format!("{} {}", shorten(&clean(name), 30), figures::percent(*share)))
        .collect();
    let others = shares.get(named..).unwrap_or_default();
    if !others.is_empty() {
        let rest = others.iter().map(|(_, share)| share).sum();
        parts.push(format!("{} others {}", others.len(), figures::percent(rest)));
    }
    parts.join(", ")
}

/// What hosting takes, and when it pays.
fn hosting_lists(out: &mut Writer, verdict: &Verdict) {
    let some = |lines: Vec<String>| {
        let others = lines.len().saturating_sub(HOSTED_SHOWN);
        let more = (others > 0).then(|| format!("{others} more; see the report."));
        lines.into_iter().take(HOSTED_SHOWN).chain(more).collect::<Vec<_>>()
    };
    if let Some(first) = verdict.deployment.first() {
        let heading = format!("Hosting, on {}", hosting::machine(&first.machine));
        let heading = shorten(&heading, out.style.width);
        out.list(&heading, &some(verdict.deployment.iter().map(hosting::deployment).collect()));
    }
    out.list("Break-even", &some(verdict.break_even.iter().map(hosting::break_even).collect()));
}

/// Who misses which need.
fn misses(verdict: &Verdict) -> Vec<String> {
    let candidates = verdict.candidates.iter().map(|row| (row.name.as_str(), row.meets_needs, &row.misses));
    let policies = verdict.policies.iter().map(|row| (row.name.as_str(), row.meets_needs, &row.misses));
    let missing: Vec<String> = candidates
        .chain(policies)
        .filter(|(_, meets, misses)| !meets && !misses.is_empty())
        .map(|(name, _, misses)| format!("{}: {}", shorten(&clean(name), 40), misses.join("; ")))
        .collect();
    let others = missing.len().saturating_sub(MISSES_SHOWN);
    let more = (others > 0).then(|| format!("{others} more; see the report."));
    missing.into_iter().take(MISSES_SHOWN).chain(more).collect()
}

struct Writer {
    style: Style,
    text: String,
}

impl Writer {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn heading(&mut self, heading: &str) {
        let heading = self.style.paint(HEADING, heading);
        self.line("");
        self.line(&heading);
    }

    /// `  Label       text`, wrapped under itself.
    fn field(&mut self, label: &str, text: &str) {
        let lines = wrap(text, self.style.width, "  ", 15);
        for (i, line) in lines.iter().enumerate() {
            let label = if i == 0 { label } else { "" };
            let label = self.style.paint(DIM, &format!("{label:<13}"));
            self.line(&format!("  {label}{}", line.trim_start()));
        }
    }

    /// A heading and one bullet an entry; nothing where there are none.
    fn list(&mut self, heading: &str, entries: &[String]) {
        if entries.is_empty() {
            return;
        }
        self.heading(heading);
        for entry in entries {
            for line in wrap(&clean(entry), self.style.width, "  - ", 4) {
                self.line(&line);
            }
        }
    }
}

/// `text` in lines of at most `width` columns, all but the first indented by `indent`.
fn wrap(text: &str, width: usize, first: &str, indent: usize) -> Vec<String> {
    let indent = " ".repeat(indent);
    let first = if first.len() < indent.len() { indent.as_str() } else { first };
    let options = Options::new(width).initial_indent(first).subsequent_indent(&indent);
    textwrap::wrap(text, options).into_iter().map(std::borrow::Cow::into_owned).collect()
}
