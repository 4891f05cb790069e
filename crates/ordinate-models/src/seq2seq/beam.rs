//! Beam search as `transformers` does it (`GenerationMixin._beam_search`): the most probable texts side by side, and of those that ended the
//! one with the highest log-probability for its length.

use crate::decoder::log_sum;

/// When no more texts are looked for, once there are as many ended ones as beams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// At once.
    WhenFull,
    /// When none that is being written would be better if it ended now.
    WhenBeaten,
    /// When none that is being written could be better if it grew as long as may be.
    Never,
}

/// How a text is looked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Search {
    /// Texts that are written side by side.
    pub(super) beams: usize,
    /// The most tokens, with the one that begins.
    pub(super) longest: usize,
    /// Log-probabilities are divided by the length to this power.
    pub(super) length_penalty: f64,
    pub(super) ending: Ending,
    /// The token that begins a text.
    pub(super) start: u32,
    /// The token that ends one.
    pub(super) end: u32,
    /// The token that fills up.
    pub(super) pad: u32,
    /// The token that stands last in a text of the longest length.
    pub(super) forced_end: Option<u32>,
    /// Tokens that are never written.
    pub(super) banned: Vec<u32>,
    /// Whether the others share what banned tokens had.
    pub(super) renormalizes: bool,
}

/// Gives the logits behind the last token of each text, told for each which text of the step before it goes on with.
pub(super) type Step<'a, E> = dyn FnMut(&[u32], &[usize]) -> Result<Vec<Vec<f32>>, E> + 'a;

/// A text that is being written.
#[derive(Debug, Clone)]
struct Beam {
    tokens: Vec<u32>,
    log: f64,
}

impl Search {
    /// The tokens of the best text, without the one that begins it.
    ///
    /// # Errors
    /// As `step`.
    pub(super) fn run<E>(&self, step: &mut Step<'_, E>) -> Result<Vec<u32>, E> {
        let mut running = vec![Beam { tokens: vec![self.start], log: 0.0 }];
        let mut parents = vec![0];
        let mut ended: Vec<(f64, Vec<u32>)> = Vec::new();
        loop {
            let last: Vec<u32> =
                running.iter().map(|beam| beam.tokens.last().copied().unwrap_or(self.start)).collect();
            let length = running.first().map_or(0, |beam| beam.tokens.len());
            let logits = step(&last, &parents)?;
            let best = self.best(&running, &logits, length + 1 == self.longest);
            let ends = |token: u32| token == self.end || length + 1 >= self.longest;
            for (_, &(log, parent, token)) in (0..self.beams).zip(&best).filter(|(_, next)| ends(next.2)) {
                let mut tokens = running[parent].tokens[1..].to_vec();
                tokens.push(token);
                ended.push((log / self.penalty(length), tokens));
            }
            ended.sort_by(|a, b| b.0.total_cmp(&a.0));
            ended.truncate(self.beams);
            let going_on: Vec<_> = best.iter().filter(|next| !ends(next.2)).take(self.beams).collect();
            parents = going_on.iter().map(|next| next.1).collect();
            running = going_on
                .iter()
                .map(|&&(log, parent, token)| {
                    let mut tokens = running[parent].tokens.clone();
                    tokens.push(token);
                    Beam { tokens, log }
                })
                .collect();
            if !self.goes_on(&running, &ended, length) {
                return Ok(ended.into_iter().next().map(|(_, tokens)| tokens).unwrap_or_default());
            }
        }
    }

    /// The most probable continuations, twice as many as beams: so that half of them may end.
    fn best(&self, running: &[Beam], logits: &[Vec<f32>], is_last: bool) -> Vec<(f64, usize, u32)> {
        // One text alone is written greedily.
        let kept = if self.beams == 1 { 1 } else { 2 * self.beams };
        let mut best: Vec<(f64, usize, u32)> = Vec::new();
        for (parent, (beam, logits)) in running.iter().zip(logits).enumerate() {
            if let Some(end) = self.forced_end.filter(|_| is_last) {
                best.push((beam.log, parent, end));
                continue;
            }
            let mut allowed = logits.clone();
            for &token in &self.banned {
                if let Some(logit) = allowed.get_mut(token as usize) {
                    *logit = f32::NEG_INFINITY;
                }
            }
            let sum = log_sum(if self.renormalizes { &allowed } else { logits });
            let mut own: Vec<(f64, usize, u32)> = allowed
                .iter()
                .zip(0..)
                .map(|(&logit, token)| (beam.log + f64::from(logit) - sum, parent, token))
                .collect();
            let larger =
                |a: &(f64, usize, u32), b: &(f64, usize, u32)| b.0.total_cmp(&a.0).then(a.2.cmp(&b.2));
            if own.len() > kept {
                own.select_nth_unstable_by(kept, larger);
                own.truncate(kept);
            }
            best.extend(own);
        }
        best.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
        best.truncate(kept);
        best
    }

    fn penalty(&self, length: usize) -> f64 {
        (length as f64).powf(self.length_penalty)
    }

    /// Whether a better text may still come. `length` counts the tokens that were written.
    fn goes_on(&self, running: &[Beam], ended: &[(f64, Vec<u32>)], length: usize) -> bool {
        let Some(best) = running.first() else { return false };
        if ended.len() < self.beams {
            return true;
        }
        let worst = ended.last().map_or(f64::NEG_INFINITY, |(score, _)| *score);
        match self.ending {
            Ending::WhenFull => false,
            Ending::Never if self.length_penalty > 0.0 => best.log / self.penalty(self.longest - 1) > worst,
            Ending::WhenBeaten | Ending::Never => best.log / self.penalty(length) > worst,
        }
    }
}
