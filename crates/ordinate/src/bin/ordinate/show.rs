//! What is told while a task runs: bars on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use ordinate::{Event, Observer, Progress, ended_line, estimate_lines, pace};

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
                self.line(&ended_line(summary));
            }
            _ => {}
        }
    }
}

fn name(progress: &Progress) -> String {
    let name: String = progress.name.as_str().chars().take(30).collect();
    ordinate_core::shown(&name)
}
