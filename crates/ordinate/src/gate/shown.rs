//! What came of a gate, for people and for programs.

use std::fmt::{self, Write as _};

use ordinate_report::markdown_text as cell;

use super::{Gate, GateCheck, State};

impl State {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Undecided => "undecided",
        }
    }
}

/// A line a check, and the outcome.
impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
        for GateCheck { name, state, found } in &self.checks {
            writeln!(f, "{:<9}  {name:<width$}  {found}", state.as_str())?;
        }
        write!(f, "{}: {} says {}", self.state().as_str(), self.verdict.task, self.verdict.outcome)
    }
}

impl Gate {
    /// A summary as Markdown, for the page of a job.
    #[must_use]
    pub fn markdown(&self) -> String {
        let verdict = &self.verdict;
        let mut text = format!("### {}: {}\n\n", cell(&verdict.task), verdict.outcome);
        if let Some(recommended) = &verdict.recommended {
            let quality = recommended.quality;
            let cost = recommended
                .cost_per_1k
                .map_or("cost not known".to_owned(), |usd| format!("${usd:.2} per 1,000 items"));
            let name = cell(&recommended.name);
            let _ = writeln!(
                text,
                "{name}: quality {:.3} \\[{:.3}, {:.3}\\], {cost}.\n",
                quality.mean, quality.low, quality.high
            );
        }
        text.push_str("| check | | found |\n|---|---|---|\n");
        for GateCheck { name, state, found } in &self.checks {
            let _ = writeln!(text, "| {} | {} | {} |", cell(name), state.as_str(), cell(found));
        }
        text.push('\n');
        text
    }

    /// A JUnit file with a test for each check. What is undecided is an error there, as the format knows no third state.
    #[must_use]
    pub fn junit(&self) -> String {
        let count = |state: State| self.checks.iter().filter(|check| check.state == state).count();
        let task = xml(&self.verdict.task);
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"{task}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">\n",
            self.checks.len(),
            count(State::Failed),
            count(State::Undecided)
        );
        for GateCheck { name, state, found } in &self.checks {
            let (name, found) = (xml(name), xml(found));
            let inner = match state {
                State::Passed => format!("<system-out>{found}</system-out>"),
                State::Failed => format!("<failure message=\"{found}\"/>"),
                State::Undecided => format!("<error type=\"undecided\" message=\"{found}\"/>"),
            };
            let _ =
                writeln!(text, "<testcase classname=\"ordinate.gate\" name=\"{name}\">{inner}</testcase>");
        }
        text.push_str("</testsuite>\n</testsuites>\n");
        text
    }
}

/// What XML 1.0 allows, with its marks escaped.
fn xml(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\r' | '\t' => safe.push(' '),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
