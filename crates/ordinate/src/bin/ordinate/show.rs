//! What is told while a task runs: bars on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use ordinate::{Ended, Event, Observer, Progress, Summary, estimate_lines};

use crate::output::tell;

/// How often a line is written where there is no terminal.
const PAUSE: Duration = Duration::from_secs(5);

/// Tells of a run on standard error.
pub(crate) struct Teller {
    quiet: bool,
    started: Instant,
    terminal: Option<MultiProgress>,
    state: Mutex<State>,
}

struct State {
    told: Instant,
    /// A bar a candidate, and the line with the money.
    bars: Vec<ProgressBar>,
}

impl Teller {
    pub(crate) fn new(quiet: bool) -> Self {
        let started = Instant::now();
        let terminal = (!quiet && std::io::stderr().is_terminal()).then(MultiProgress::new);
        Self { quiet, started, terminal, state: Mutex::new(State { told: started, bars: Vec::new() }) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, line: &str) {
        match &self.terminal {
            Some(bars) => bars.suspend(|| tell(line)),
            None => tell(line),
        }
    }

    fn progress(&self, candidates: &[Progress], money: &str) {
        let width = candidates.iter().map(|one| one.name.as_str().chars().count()).max().unwrap_or(0).min(30);
        let mut state = self.state();
        let Some(terminal) = &self.terminal else {
            if state.told.elapsed() < PAUSE {
                return;
            }
            state.told = Instant::now();
            for one in candidates {
                tell(&format!("  {:<width$} {}/{} {}", name(one), one.done, one.items, pace(one)));
            }
            tell(money);
            return;
        };
        if state.bars.len() != candidates.len() + 1 {
            wipe(&mut state);
            // The templates are fixed: they cannot fail.
            let style = |template| {
                ProgressStyle::with_template(template)
                    .unwrap_or_else(|_| ProgressStyle::default_bar())
                    .progress_chars("#.")
            };
            for one in candidates {
                let bar = terminal.add(ProgressBar::new(one.items));
                bar.set_style(style("  {prefix} [{bar:20}] {pos}/{len} {wide_msg}"));
                bar.set_prefix(format!("{:<width$}", name(one)));
                state.bars.push(bar);
            }
            let bar = terminal.add(ProgressBar::new(0));
            bar.set_style(style("{wide_msg}"));
            state.bars.push(bar);
        }
        for (bar, one) in state.bars.iter().zip(candidates) {
            bar.set_message(pace(one));
            bar.set_position(one.done);
        }
        if let Some(bar) = state.bars.last() {
            bar.set_message(money.to_owned());
        }
    }
}

fn wipe(state: &mut State) {
    for bar in state.bars.drain(..) {
        bar.finish_and_clear();
    }
}

impl Observer for Teller {
    fn see(&self, event: Event<'_>) {
        if self.quiet {
            return;
        }
        match event {
            Event::Step(step) => {
                wipe(&mut self.state());
                self.line(&format!("[{:6.2} s] {step}", self.started.elapsed().as_secs_f64()));
            }
            Event::Estimated { estimates, max_spend } => {
                estimate_lines(estimates, max_spend).iter().for_each(|line| self.line(line));
            }
            Event::Progress { candidates, spent_usd, max_spend } => {
                let limit = max_spend
                    .map(|most| format!(" of at most ${}", (most * 1e6).round() / 1e6))
                    .unwrap_or_default();
                self.progress(candidates, &format!("  spent ${spent_usd:.4}{limit}"));
            }
            Event::Ended(summary) => {
                wipe(&mut self.state());
                self.line(&ended(summary));
            }
            _ => {}
        }
    }
}

fn ended(summary: &Summary) -> String {
    let how = match &summary.ended {
        Ended::Complete => "done".to_owned(),
        Ended::Budget => "stopped by max_spend".to_owned(),
        Ended::Cancelled => "stopped".to_owned(),
        Ended::Dead(_) => "dead".to_owned(),
        Ended::Beaten { why, saved_items, .. } => format!("beaten ({why}); {saved_items} items saved"),
    };
    let errors: u64 = summary.errors.values().sum();
    let latency = summary.latency_ms.map(|ms| format!(", p50 {:.0} ms, p95 {:.0} ms", ms.p50, ms.p95));
    format!(
        "  {}: {how}; {} of {} items, {} of them kept from before, {errors} errors{}{}",
        summary.name,
        summary.done,
        summary.items,
        summary.kept,
        summary.cost_usd.map(|cost| format!(", ${cost:.4}")).unwrap_or_default(),
        latency.unwrap_or_default(),
    )
}

fn name(progress: &Progress) -> String {
    progress.name.as_str().chars().take(30).collect()
}

/// How fast a candidate is, its errors, its money, the time left.
fn pace(progress: &Progress) -> String {
    let left = progress.left.map(|left| format!(", {} left", time(left))).unwrap_or_default();
    let Progress { items_per_s, errors, cost_usd, .. } = progress;
    format!("{items_per_s:.0}/s, {errors} errors, ${cost_usd:.4}{left}")
}

fn time(left: Duration) -> String {
    let seconds = left.as_secs();
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5_999 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}
