//! `ordinate gate`: an exit status for continuous integration, a JUnit file, and a summary.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueHint};
use ordinate::{CancellationToken, Expectations, Gate, GateCheck, State};
use ordinate_report::markdown_text as cell;

use crate::failure::Failure;
use crate::output::print;
use crate::runtime::wait;

/// `ordinate gate`.
#[derive(Debug, Args)]
pub(crate) struct GateArgs {
    /// The run folder
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    run: PathBuf,
    /// What the verdict is to say: outcome=general, recommended=NAME or lineage=vertical. May be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    expect: Vec<(String, String)>,
    /// Change a need for this verdict, such as goal=cost. May be given several times
    #[arg(long = "need", value_name = "KEY=VALUE")]
    needs: Vec<String>,
    /// The folder of an earlier run, than which what is recommended now may be worse by no more than the margin
    #[arg(long, value_name = "BASELINE", value_hint = ValueHint::DirPath)]
    against: Option<PathBuf>,
    /// Write a JUnit file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    junit: Option<PathBuf>,
    /// Add a summary in Markdown to this file, such as $GITHUB_STEP_SUMMARY
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    markdown: Option<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() && !value.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("give what is expected as KEY=VALUE, such as outcome=general".to_owned()),
    }
}

/// Exit status 0 where everything is as expected, 1 where something is not, 3 where the data cannot tell; 2 is for input that
/// cannot be read, as everywhere.
pub(crate) fn gate(args: GateArgs) -> Result<ExitCode, Failure> {
    let expected = Expectations { expect: args.expect, needs: args.needs, against: args.against };
    let gate = wait(ordinate::gate(&args.run, &expected), CancellationToken::new())?;
    if let Some(path) = &args.junit {
        written(path, std::fs::write(path, junit(&gate)))?;
    }
    if let Some(path) = &args.markdown {
        use std::io::Write as _;
        let file = std::fs::OpenOptions::new().append(true).create(true).open(path);
        written(path, file.and_then(|mut file| file.write_all(markdown(&gate).as_bytes())))?;
    }
    print(&lines(&gate))?;
    Ok(match gate.state() {
        State::Passed => ExitCode::SUCCESS,
        State::Failed => ExitCode::from(1),
        State::Undecided => ExitCode::from(3),
    })
}

fn written(path: &Path, done: std::io::Result<()>) -> Result<(), Failure> {
    done.map_err(|error| Failure::Run(format!("{}: cannot be written: {error}", path.display())))
}

fn word(state: State) -> &'static str {
    match state {
        State::Passed => "passed",
        State::Failed => "failed",
        State::Undecided => "undecided",
    }
}

fn lines(gate: &Gate) -> String {
    let width = gate.checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for GateCheck { name, state, found } in &gate.checks {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:<9}  {name:<width$}  {found}", word(*state));
    }
    let _ = write!(text, "{}: {} says {}", word(gate.state()), gate.verdict.task, gate.verdict.outcome);
    text
}

fn markdown(gate: &Gate) -> String {
    let verdict = &gate.verdict;
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
    for GateCheck { name, state, found } in &gate.checks {
        let _ = writeln!(text, "| {} | {} | {} |", cell(name), word(*state), cell(found));
    }
    text.push('\n');
    text
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

/// A test for each check. What is undecided is an error there, as the format knows no third state.
fn junit(gate: &Gate) -> String {
    let count = |state: State| gate.checks.iter().filter(|check| check.state == state).count();
    let task = xml(&gate.verdict.task);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"{task}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">\n",
        gate.checks.len(),
        count(State::Failed),
        count(State::Undecided)
    );
    for GateCheck { name, state, found } in &gate.checks {
        let (name, found) = (xml(name), xml(found));
        let inner = match state {
            State::Passed => format!("<system-out>{found}</system-out>"),
            State::Failed => format!("<failure message=\"{found}\"/>"),
            State::Undecided => format!("<error type=\"undecided\" message=\"{found}\"/>"),
        };
        let _ = writeln!(text, "<testcase classname=\"ordinate.gate\" name=\"{name}\">{inner}</testcase>");
    }
    text.push_str("</testsuite>\n</testsuites>\n");
    text
}
