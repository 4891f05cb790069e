//! Whether what is served keeps what the verdict said of it: a test that may be looked at after every score.
//!
//! Somebody claims that the mean score is at least `claimed`. Against that we bet a share of our fortune on every score before it
//! comes; while the claim is right no way of betting is expected to gain, so that a fortune of 20 out of 1 comes at any time
//! with a probability of at most 5 % (Ville's inequality; Waudby-Smith and Ramdas 2024, "Estimating means of bounded random
//! variables by betting"). The fortune is the mean over a few fixed bets: which one is good depends on how wrong the claim is.

use serde::Serialize;

/// Bets, as shares of the largest that cannot lose everything at once.
const BETS: [f64; 6] = [0.02, 0.05, 0.1, 0.2, 0.4, 0.8];
/// The fortune at which the claim is given up.
pub const REFUTED: f64 = 20.0;

/// A test of one claim.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    /// What is claimed of the mean score.
    claimed: f64,
    /// Logarithm of the fortune of each bet.
    fortunes: [f64; BETS.len()],
    /// The largest fortune so far.
    most: f64,
    scores: u64,
    sum: f64,
}

/// How a test stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Standing {
    /// The mean that is claimed to be reached: the lower end of the verdict's interval.
    pub claimed: f64,
    /// Scores that came.
    pub scores: u64,
    /// Their mean; `None` before the first.
    pub mean: Option<f64>,
    /// The largest fortune that betting against the claim has had, out of 1.
    pub evidence: f64,
    /// Whether the claim still stands: the evidence never reached 20.
    pub holds: bool,
}

impl Watch {
    /// A test of whether the mean score is at least this.
    #[must_use]
    pub fn new(claimed: f64) -> Self {
        Self { claimed: claimed.clamp(0.0, 1.0), fortunes: [0.0; BETS.len()], most: 1.0, scores: 0, sum: 0.0 }
    }

    /// Takes the next score, in `[0, 1]`. Says whether the claim fell with it.
    pub fn see(&mut self, score: f64) -> bool {
        let held = self.most < REFUTED;
        let score = score.clamp(0.0, 1.0);
        let most = 1.0 / (1.0 - self.claimed).max(1e-3);
        for (fortune, bet) in self.fortunes.iter_mut().zip(BETS) {
            *fortune += (bet * most * (self.claimed - score)).ln_1p();
        }
        let mean = self.fortunes.iter().map(|fortune| fortune.exp()).sum::<f64>() / BETS.len() as f64;
        self.most = self.most.max(mean);
        self.scores += 1;
        self.sum += score;
        held && self.most >= REFUTED
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            claimed: self.claimed,
            scores: self.scores,
            mean: (self.scores > 0).then(|| self.sum / self.scores as f64),
            evidence: self.most,
            holds: self.most < REFUTED,
        }
    }
}

/// A test of whether a policy scores at least as much as a candidate that was asked about the same items, but for a margin that
/// does not matter: the bets are on `(1 + of the policy - of the candidate) / 2`.
#[derive(Debug, Clone, PartialEq)]
pub struct Paired {
    watch: Watch,
    margin: f64,
    policy: f64,
    candidate: f64,
}

/// How a paired test stands.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PairedStanding {
    /// Items that both were scored on.
    pub items: u64,
    /// Mean score of the policy on them; `None` before the first.
    pub policy: Option<f64>,
    /// Mean score of the candidate on them.
    pub candidate: Option<f64>,
    /// How much less the policy may score.
    pub margin: f64,
    /// The largest fortune that betting on the candidate has had, out of 1.
    pub evidence: f64,
    /// Whether the policy is still to be held for as good: the evidence never reached 20.
    pub holds: bool,
}

impl Paired {
    /// A test with this margin, in `[0, 1)`.
    #[must_use]
    pub fn new(margin: f64) -> Self {
        let margin = margin.clamp(0.0, 1.0);
        Self { watch: Watch::new((1.0 - margin) / 2.0), margin, policy: 0.0, candidate: 0.0 }
    }

    /// Takes the scores of the next item, in `[0, 1]`. Says whether the candidate is now shown to be better.
    pub fn see(&mut self, policy: f64, candidate: f64) -> bool {
        let (policy, candidate) = (policy.clamp(0.0, 1.0), candidate.clamp(0.0, 1.0));
        self.policy += policy;
        self.candidate += candidate;
        self.watch.see((1.0 + policy - candidate) / 2.0)
    }

    /// How it stands.
    #[must_use]
    pub fn standing(&self) -> PairedStanding {
        let Standing { scores: items, evidence, holds, .. } = self.watch.standing();
        let mean = |sum: f64| (items > 0).then(|| sum / items as f64);
        let (policy, candidate) = (mean(self.policy), mean(self.candidate));
        PairedStanding { items, policy, candidate, margin: self.margin, evidence, holds }
    }
}
