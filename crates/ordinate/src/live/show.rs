//! What is told while candidates are asked: a bar on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ordinate_measure::{Ended, Estimate, Observer, Progress, Summary};

use crate::output::tell;

/// How often a line is written where there is no terminal.
const PAUSE: Duration = Duration::from_secs(5);

/// Tells of progress on standard error.
pub(crate) struct Teller {
    quiet: bool,
    bar: bool,
    max_spend: Option<f64>,
    state: Mutex<State>,
}

struct State {
    last: Instant,
    /// Lines of the bar that stand on the terminal.
    drawn: usize,
}

impl Teller {
    pub(crate) fn new(quiet: bool, max_spend: Option<f64>) -> Self {
        let bar = !quiet && std::io::stderr().is_terminal();
        Self { quiet, bar, max_spend, state: Mutex::new(State { last: Instant::now(), drawn: 0 }) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wipes the bar, so that a line can be written.
    fn wipe(state: &mut State) {
        if state.drawn > 0 {
            let _ = write!(std::io::stderr().lock(), "\x1b[{}A\x1b[J", state.drawn);
            state.drawn = 0;
        }
    }
}

impl Observer for Teller {
    fn estimated(&self, estimates: &[Estimate]) {
        if self.quiet {
            return;
        }
        for line in estimate_lines(estimates, self.max_spend) {
            tell(&line);
        }
    }

    fn progress(&self, candidates: &[Progress], spent_usd: f64) {
        if self.quiet {
            return;
        }
        let mut state = self.state();
        if !self.bar {
            if state.last.elapsed() < PAUSE {
                return;
            }
            state.last = Instant::now();
        }
        Self::wipe(&mut state);
        let width =
            candidates.iter().map(|progress| progress.name.as_str().chars().count()).max().unwrap_or(0);
        for progress in candidates {
            tell(&line(progress, width.min(30), self.bar));
        }
        let limit = self.max_spend.map(|most| format!(" of at most {}", dollars(most))).unwrap_or_default();
        tell(&format!("  spent ${spent_usd:.4}{limit}"));
        if self.bar {
            state.drawn = candidates.len() + 1;
        }
    }

    fn ended(&self, summary: &Summary) {
        if self.quiet {
            return;
        }
        let mut state = self.state();
        Self::wipe(&mut state);
        let how = match &summary.ended {
            Ended::Complete => "done".to_owned(),
            Ended::Budget => "stopped by max_spend".to_owned(),
            Ended::Cancelled => "stopped".to_owned(),
            Ended::Dead(_) => "dead".to_owned(),
            Ended::Beaten { why, saved_items, .. } => format!("beaten ({why}); {saved_items} items saved"),
        };
        let errors: u64 = summary.errors.values().sum();
        let latency = summary.latency_ms.map(|ms| format!(", p50 {:.0} ms, p95 {:.0} ms", ms.p50, ms.p95));
        tell(&format!(
            "  {}: {how}; {} of {} items, {} of them kept from before, {errors} errors{}{}",
            summary.name,
            summary.done,
            summary.items,
            summary.kept,
            summary.cost_usd.map(|cost| format!(", ${cost:.4}")).unwrap_or_default(),
            latency.unwrap_or_default(),
        ));
    }
}

/// One candidate: how far, how fast, errors, money, time left.
fn line(progress: &Progress, width: usize, bar: bool) -> String {
    const CELLS: u64 = 20;
    let name: String = progress.name.as_str().chars().take(30).collect();
    let full = (progress.done * CELLS).checked_div(progress.items).unwrap_or(0).min(CELLS);
    let drawn = if bar {
        let cells: String = (0..CELLS).map(|cell| if cell < full { '#' } else { '.' }).collect();
        format!("[{cells}] ")
    } else {
        String::new()
    };
    let left = progress.left.map(|left| format!(", {} left", time(left))).unwrap_or_default();
    format!(
        "  {name:<width$} {drawn}{}/{} {:.0}/s, {} errors, ${:.4}{left}",
        progress.done, progress.items, progress.items_per_s, progress.errors, progress.cost_usd
    )
}

fn time(left: Duration) -> String {
    let seconds = left.as_secs();
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5_999 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// What is to be asked and what it will probably cost.
pub(crate) fn estimate_lines(estimates: &[Estimate], max_spend: Option<f64>) -> Vec<String> {
    let mut lines: Vec<String> = estimates
        .iter()
        .map(|estimate| {
            let cost = match (estimate.cost_usd, estimate.most_usd) {
                (Some(cost), Some(most)) => {
                    format!(", about ${cost:.4} (at most ${most:.4} without retries)")
                }
                _ if estimate.input_tokens > 0.0 => ", cost not known: no price".to_owned(),
                _ => String::new(),
            };
            let tokens = if estimate.input_tokens > 0.0 {
                format!(
                    ", about {:.0} tokens to read and {:.0} to write",
                    estimate.input_tokens, estimate.output_tokens
                )
            } else {
                String::new()
            };
            format!(
                "  {}: {} of {} items to ask, {} kept{tokens}{cost}",
                estimate.name, estimate.to_ask, estimate.items, estimate.kept
            )
        })
        .collect();
    let total: f64 = estimates.iter().filter_map(|estimate| estimate.cost_usd).sum();
    let paid: f64 = estimates.iter().map(|estimate| estimate.paid_usd).sum();
    if let Some(most) = max_spend {
        let short = if total + paid > most { "; it will probably not suffice" } else { "" };
        lines.push(format!(
            "  estimate ${total:.4}, paid before ${paid:.4}, max_spend {}{short}",
            dollars(most)
        ));
    } else if total > 0.0 || paid > 0.0 {
        lines.push(format!("  estimate ${total:.4}, paid before ${paid:.4}"));
    }
    lines
}

/// An amount as it was written, or what is left of one: without the dust of subtracting.
fn dollars(amount: f64) -> String {
    format!("${}", (amount * 1e6).round() / 1e6)
}
