//! What is told while a task runs: bars on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use ordinate_core::shown;
use ordinate_measure::Progress;
use ordinate_models::TrainingProgress;

use crate::estimates::{ended_line, estimate_lines, pace, training_pace};
use crate::observe::{Event, Observer, Work};

/// How often a line is written where there is no terminal.
const PAUSE: Duration = Duration::from_secs(5);
/// Work that takes no longer has no bar.
const SOON: Duration = Duration::from_secs(2);

/// Tells of a run on standard error: an [`Observer`] for programs that people watch.
pub struct Teller {
    quiet: bool,
    started: Instant,
    terminal: Option<MultiProgress>,
    state: Mutex<State>,
}

struct State {
    told: Instant,
    /// A bar a candidate, and the line with the money.
    bars: Vec<ProgressBar>,
    /// What this machine works at, and since when.
    working: Option<(Work, Instant)>,
}

impl Teller {
    /// One that says nothing where `quiet`, from now on: steps are told with the seconds since.
    #[must_use]
    pub fn new(quiet: bool) -> Self {
        let started = Instant::now();
        let terminal = (!quiet && std::io::stderr().is_terminal()).then(MultiProgress::new);
        Self {
            quiet,
            started,
            terminal,
            state: Mutex::new(State { told: started, bars: Vec::new(), working: None }),
        }
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

    fn training(&self, name: &str, progress: &TrainingProgress) {
        let name: String = name.chars().take(30).collect();
        let mut state = self.state();
        let Some(terminal) = &self.terminal else {
            if state.told.elapsed() >= PAUSE {
                state.told = Instant::now();
                tell(&format!("  {name} {}", training_pace(progress)));
            }
            return;
        };
        if state.bars.len() != 1 {
            wipe(&mut state);
            let bar = terminal.add(ProgressBar::new(progress.steps));
            bar.set_style(style("  {prefix} [{bar:20}] {wide_msg}"));
            bar.set_prefix(name);
            state.bars.push(bar);
        }
        if let Some(bar) = state.bars.first() {
            bar.set_message(training_pace(progress));
            bar.set_position(progress.step);
        }
    }

    /// Work that is soon done is not told.
    fn working(&self, work: Work, done: usize, of: usize) {
        let mut state = self.state();
        if state.working.is_none_or(|(before, _)| before != work) || done == of {
            wipe(&mut state);
            state.working = (done < of).then(|| (work, Instant::now()));
            return;
        }
        let Some((_, began)) = state.working.filter(|(_, began)| began.elapsed() >= SOON) else { return };
        let (took, share) = (began.elapsed().as_secs_f64(), done as f64 / of as f64);
        let left =
            if done > 0 { format!(", about {:.0} s left", took / share - took) } else { String::new() };
        let pace = format!("{done}/{of} after {took:.0} s{left}");
        let Some(terminal) = &self.terminal else {
            if state.told.elapsed() >= PAUSE {
                state.told = Instant::now();
                tell(&format!("  {work} {pace}"));
            }
            return;
        };
        if state.bars.len() != 1 {
            wipe(&mut state);
            let bar = terminal.add(ProgressBar::new(of as u64));
            bar.set_style(style("  {prefix} [{bar:20}] {wide_msg}"));
            bar.set_prefix(work.to_string());
            state.bars.push(bar);
        }
        if let Some(bar) = state.bars.first() {
            bar.set_message(pace);
            bar.set_position(done as u64);
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

/// The templates are fixed: they cannot fail.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("#.")
}

fn wipe(state: &mut State) {
    for bar in state.bars.drain(..) {
        bar.finish_and_clear();
    }
}

/// Writes a line to standard error, without what a terminal would obey. Nothing can be done where that fails.
pub fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", shown(line));
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
            Event::Training { candidate, progress } => self.training(candidate.as_str(), progress),
            Event::Ended(summary) => {
                wipe(&mut self.state());
                self.line(&ended_line(summary));
            }
            Event::Working { work, done, of } => self.working(work, done, of),
        }
    }
}

fn name(progress: &Progress) -> String {
    let name: String = progress.name.as_str().chars().take(30).collect();
    shown(&name)
}
