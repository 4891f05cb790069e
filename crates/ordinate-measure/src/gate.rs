//! How many requests to have in flight: as many as help, and no more.
//!
//! Additive increase and multiplicative decrease, as TCP does it (Chiu and Jain 1989), with a slow start, and
//! with latency as the second signal (as in TCP Vegas): where twice the requests only take twice as long, the
//! server is full, and more of them would spoil the latencies that are measured.

use std::time::{Duration, Instant};

use crate::retry::Waits;

/// Requests in flight at the start.
const START: f64 = 8.0;
/// The limit shrinks to this share when the server says that it has too much to do.
const BACK_OFF: f64 = 0.5;
/// The limit shrinks to this share when latency says so.
const EASE: f64 = 0.9;
/// Latency may grow by this factor over the best seen before the server counts as full.
const TOLERANCE: f64 = 2.0;
/// Latency below this says nothing about a server (milliseconds): it is our own.
const NOISE_MS: f64 = 20.0;
/// Answers over which latency is averaged, at least.
const WINDOW: usize = 16;

/// The limit of one candidate.
#[derive(Debug)]
pub(crate) struct Gate {
    limit: f64,
    most: f64,
    slow_start: bool,
    /// Requests sent before this say nothing new about an overload.
    decreased: Option<Instant>,
    paused_until: Option<Instant>,
    /// What the server has asked to wait until now.
    waits: Waits,
    window: Vec<f64>,
    window_size: usize,
    best_ms: Option<f64>,
}

impl Gate {
    pub(crate) fn new(most: usize) -> Self {
        let most = most.max(1) as f64;
        Self {
            limit: START.min(most),
            most,
            slow_start: true,
            decreased: None,
            paused_until: None,
            waits: Waits::default(),
            window: Vec::new(),
            window_size: WINDOW,
            best_ms: None,
        }
    }

    /// The most requests to have in flight now.
    pub(crate) fn limit(&self) -> usize {
        self.limit as usize
    }

    /// Until when no new request is to be sent, if the server asked for a pause.
    pub(crate) fn paused(&self, now: Instant) -> Option<Instant> {
        self.paused_until.filter(|until| *until > now)
    }

    /// A request that was sent at `sent` was answered after `latency`.
    pub(crate) fn answered(&mut self, sent: Instant, latency: Duration, now: Instant) {
        self.waits.in_a_row = Duration::ZERO;
        self.limit = (self.limit + if self.slow_start { 1.0 } else { 1.0 / self.limit }).min(self.most);
        if self.window.is_empty() {
            // About a round trip's worth: as many answers as are in flight now.
            self.window_size = WINDOW.max(self.limit());
        }
        self.window.push(latency.as_secs_f64() * 1e3);
        if self.window.len() < self.window_size {
            return;
        }
        let mean = self.window.drain(..).sum::<f64>() / self.window_size as f64;
        let best = self.best_ms.map_or(mean, |best| best.min(mean));
        self.best_ms = Some(best);
        if mean > TOLERANCE * best.max(NOISE_MS) && self.decreased.is_none_or(|at| sent > at) {
            self.shrink(EASE, now);
        }
    }

    /// How long the server has asked to wait, if it now asks for `pause`: what is waited for anyhow is no more.
    pub(crate) fn waits(&self, pause: Duration, now: Instant) -> Waits {
        let further = match self.paused(now) {
            Some(until) => pause.saturating_sub(until - now),
            None => pause,
        };
        Waits {
            in_a_row: self.waits.in_a_row.saturating_add(further),
            in_all: self.waits.in_all.saturating_add(further),
        }
    }

    /// A request that was sent at `sent` met an overload; the server asks for a pause of this length.
    pub(crate) fn overloaded(&mut self, sent: Instant, pause: Option<Duration>, now: Instant) {
        if let Some(pause) = pause {
            self.waits = self.waits(pause, now);
        }
        if let Some(until) = pause.and_then(|pause| now.checked_add(pause)) {
            self.paused_until = self.paused_until.max(Some(until));
        }
        if self.decreased.is_none_or(|at| sent > at) {
            self.shrink(BACK_OFF, now);
        }
    }

    fn shrink(&mut self, share: f64, now: Instant) {
        self.limit = (self.limit * share).max(1.0);
        self.slow_start = false;
        self.decreased = Some(now);
        self.window.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server that works on `slots` requests at a time, `ms` each: rounds of as many requests as are allowed.
    fn rounds(gate: &mut Gate, slots: usize, ms: f64, rounds: usize) {
        let mut now = Instant::now();
        for _ in 0..rounds {
            let sent = now;
            let open = gate.limit();
            let latency = Duration::from_secs_f64(ms / 1e3 * (open as f64 / slots as f64).max(1.0));
            now += latency;
            for _ in 0..open {
                gate.answered(sent, latency, now);
            }
        }
    }

    #[test]
    fn it_grows_to_the_most_where_latency_stays() {
        let mut gate = Gate::new(512);
        rounds(&mut gate, 10_000, 100.0, 8);
        assert_eq!(gate.limit(), 512);
    }

    #[test]
    fn it_stays_near_what_the_server_can_do() {
        let mut gate = Gate::new(512);
        rounds(&mut gate, 16, 100.0, 200);
        assert!((8..=48).contains(&gate.limit()), "{}", gate.limit());
    }

    #[test]
    fn waiting_is_counted_once_and_forgiven_with_an_answer() {
        let mut gate = Gate::new(8);
        let (now, minute) = (Instant::now(), Duration::from_secs(60));
        for _ in 0..8 {
            gate.overloaded(now, Some(minute), now);
        }
        assert_eq!(gate.waits(minute, now), Waits { in_a_row: minute, in_all: minute });
        let later = now + minute;
        gate.overloaded(later, Some(minute), later);
        let two = 2 * minute;
        assert_eq!(gate.waits(Duration::ZERO, later), Waits { in_a_row: two, in_all: two });
        gate.answered(later, Duration::from_millis(5), later);
        assert_eq!(gate.waits(Duration::ZERO, later), Waits { in_a_row: Duration::ZERO, in_all: two });
    }

    #[test]
    fn one_overload_halves_once() {
        let mut gate = Gate::new(64);
        rounds(&mut gate, 10_000, 100.0, 8);
        let (sent, now) =
            (Instant::now() + Duration::from_secs(60), Instant::now() + Duration::from_secs(61));
        for _ in 0..10 {
            gate.overloaded(sent, Some(Duration::from_secs(2)), now);
        }
        assert_eq!(gate.limit(), 32);
        assert!(gate.paused(now + Duration::from_secs(1)).is_some());
        assert!(gate.paused(now + Duration::from_secs(3)).is_none());
        for round in 1..20 {
            let later = now + Duration::from_secs(round);
            gate.overloaded(later, None, later + Duration::from_millis(1));
        }
        assert_eq!(gate.limit(), 1, "one request is always allowed");
    }
}
