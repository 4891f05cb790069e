//! Rotary positions (Su et al. 2021), and the ways in which they were scaled for texts longer than those first trained
//! on. Formulas and defaults are those of `transformers` (`modeling_rope_utils.py`, 5.24).

/// How positions rotate the queries and keys of a layer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rope {
    /// The base of the wavelengths.
    pub(crate) theta: f32,
    pub(crate) scaling: Scaling,
}

/// How frequencies were scaled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scaling {
    None,
    /// All divided by a factor.
    Linear(f32),
    /// Low ones divided, high ones kept (Llama 3.1).
    Llama3 {
        factor: f32,
        low: f32,
        high: f32,
        before: f32,
    },
    /// Low ones divided, high ones kept, a ramp over the dimensions between them (Peng et al. 2023).
    Yarn {
        factor: f32,
        before: f32,
        /// Turns within the length before: above `fast` a dimension is kept, below `slow` divided.
        fast: f32,
        slow: f32,
        /// Whether the ramp begins and ends at whole dimensions.
        whole: bool,
        /// What cosines and sines are multiplied by.
        attention: f32,
    },
    /// A divisor for each frequency; others for texts longer than before (Ding et al. 2024).
    Long {
        short: Vec<f32>,
        long: Vec<f32>,
        before: usize,
        attention: f32,
    },
}

/// What a configuration may say of the scaling.
#[derive(Debug, Clone, Default)]
pub(crate) struct ScalingKeys {
    pub(crate) kind: Option<String>,
    pub(crate) factor: Option<f32>,
    pub(crate) low: Option<f32>,
    pub(crate) high: Option<f32>,
    /// The longest text before it was scaled, and after.
    pub(crate) before: Option<f32>,
    pub(crate) longest: Option<f32>,
    pub(crate) fast: Option<f32>,
    pub(crate) slow: Option<f32>,
    pub(crate) truncate: Option<bool>,
    pub(crate) attention: Option<f32>,
    pub(crate) scales: Option<(f32, f32)>,
    pub(crate) factors: Option<(Vec<f32>, Vec<f32>)>,
}

impl ScalingKeys {
    /// The scaling.
    ///
    /// # Errors
    /// A sentence that says what is missing or not known.
    pub(crate) fn scaling(self) -> Result<Scaling, String> {
        let need = |value: Option<f32>, key: &str| {
            value.filter(|value| *value > 0.0).ok_or_else(|| format!("the rope's {key} is missing"))
        };
        let before = || need(self.before, "original_max_position_embeddings");
        let grown = || self.factor.or(Some(self.longest? / self.before?)).filter(|factor| factor.is_finite());
        Ok(match self.kind.as_deref() {
            // `dynamic` changes nothing up to the longest text, and none is read beyond it.
            None | Some("default" | "none" | "dynamic") => Scaling::None,
            Some("linear") => Scaling::Linear(need(self.factor, "factor")?),
            Some("llama3") => Scaling::Llama3 {
                factor: need(self.factor, "factor")?,
                low: need(self.low, "low_freq_factor")?,
                high: need(self.high, "high_freq_factor")?,
                before: before()?,
            },
            Some("yarn") => {
                let factor = need(grown(), "factor")?;
                let scale = |by: f32| if factor <= 1.0 { 1.0 } else { 0.1 * by * factor.ln() + 1.0 };
                let attention = match self.scales {
                    Some((of, all)) => scale(of) / scale(all),
                    None => scale(1.0),
                };
                Scaling::Yarn {
                    factor,
                    before: before()?,
                    fast: self.fast.unwrap_or(32.0),
                    slow: self.slow.unwrap_or(1.0),
                    whole: self.truncate.unwrap_or(true),
                    attention: self.attention.unwrap_or(attention),
                }
            }
            Some("longrope" | "su") => {
                let factor = grown().unwrap_or(1.0);
                let before = before()?;
                let attention = (1.0 + factor.max(1.0).ln() / before.ln()).sqrt();
                let (short, long) =
                    self.factors.ok_or("the rope's short_factor and long_factor are missing")?;
                let before = before as usize;
                Scaling::Long { short, long, before, attention: self.attention.unwrap_or(attention) }
            }
            Some(other) => {
                return Err(format!(
                    "the rope is stretched by {other:?}, which is not known here (default, linear, dynamic, llama3, yarn \
                     and longrope are); take a model of the family without it, or put it behind a server (`openai = {{ \
                     ... }}`)"
                ));
            }
        })
    }
}

impl Rope {
    /// Whether it fits heads of which so many dimensions rotate.
    ///
    /// # Errors
    /// A sentence that says what is out of range.
    pub(crate) fn checked(&self, rotary: usize) -> Result<(), String> {
        if !(self.theta.is_finite() && self.theta > 1.0) {
            return Err(format!("a rope_theta of {} is out of range", self.theta));
        }
        let fine = |values: &[f32]| values.iter().all(|value| value.is_finite() && *value > 0.0);
        let good = match &self.scaling {
            Scaling::None => true,
            Scaling::Linear(factor) => fine(&[*factor]),
            Scaling::Llama3 { factor, low, high, before } => {
                fine(&[*factor, *low, *high, *before]) && high > low
            }
            Scaling::Yarn { factor, before, fast, slow, attention, .. } => {
                fine(&[*factor, *before, *fast, *slow, *attention])
            }
            Scaling::Long { short, long, before, attention } => {
                let right = rotary / 2;
                if short.len() != right || long.len() != right {
                    let (short, long) = (short.len(), long.len());
                    return Err(format!(
                        "the rope's short_factor and long_factor have {short} and {long} numbers, and {right} are \
                         expected: half of the dimensions that rotate"
                    ));
                }
                fine(short) && fine(long) && fine(&[*attention]) && *before > 1
            }
        };
        if good { Ok(()) } else { Err("a number of the rope is out of range: they are above 0".to_owned()) }
    }

    /// The length above which texts are read with other frequencies; `None` where all have the same.
    pub(crate) fn short_length(&self) -> Option<usize> {
        match &self.scaling {
            Scaling::Long { before, .. } => Some(*before),
            _ => None,
        }
    }

    /// What cosines and sines are multiplied by.
    pub(crate) fn attention(&self) -> f32 {
        match &self.scaling {
            Scaling::Yarn { attention, .. } | Scaling::Long { attention, .. } => *attention,
            _ => 1.0,
        }
    }

    /// The frequencies, one for each pair of the `rotary` dimensions that rotate; `long` texts may have others.
    pub(crate) fn frequencies(&self, rotary: usize, long: bool) -> Vec<f32> {
        let plain = (0..rotary).step_by(2).map(|at| 1.0 / self.theta.powf(at as f32 / rotary as f32));
        match &self.scaling {
            Scaling::None => plain.collect(),
            Scaling::Linear(factor) => plain.map(|frequency| frequency / factor).collect(),
            Scaling::Llama3 { factor, low, high, before } => {
                plain.map(|frequency| llama3(frequency, *factor, (*low, *high), *before)).collect()
            }
            Scaling::Yarn { factor, before, fast, slow, whole, .. } => {
                let (first, last) = ramp(rotary, self.theta, *before, (*fast, *slow), *whole);
                let divided = |at: usize| ((at as f32 - first) / (last - first)).clamp(0.0, 1.0);
                let mixed = |(at, frequency): (usize, f32)| {
                    frequency / factor * divided(at) + frequency * (1.0 - divided(at))
                };
                plain.enumerate().map(mixed).collect()
            }
            Scaling::Long { short, long: other, .. } => {
                let by = if long { other } else { short };
                plain.zip(by).map(|(frequency, by)| frequency / by).collect()
            }
        }
    }
}

fn llama3(frequency: f32, factor: f32, (low, high): (f32, f32), before: f32) -> f32 {
    let wave = 2.0 * std::f32::consts::PI / frequency;
    if wave < before / high {
        frequency
    } else if wave > before / low {
        frequency / factor
    } else {
        let share = (before / wave - low) / (high - low);
        (1.0 - share) * frequency / factor + share * frequency
    }
}

/// The dimensions between which yarn's ramp rises.
fn ramp(rotary: usize, theta: f32, before: f32, (fast, slow): (f32, f32), whole: bool) -> (f32, f32) {
    let size = rotary as f32;
    let place = |turns: f32| size * (before / (turns * 2.0 * std::f32::consts::PI)).ln() / (2.0 * theta.ln());
    let (first, last) = (place(fast), place(slow));
    let (first, last) = if whole { (first.floor(), last.ceil()) } else { (first, last) };
    let (first, last) = (first.max(0.0), last.min(size - 1.0));
    if (first - last).abs() < f32::EPSILON { (first, last + 0.001) } else { (first, last) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_unknown_is_said() {
        let said = |kind: &str| ScalingKeys { kind: Some(kind.to_owned()), ..ScalingKeys::default() };
        for (kind, part) in [
            ("linear", "factor"),
            ("llama3", "factor"),
            ("yarn", "factor"),
            ("longrope", "original_max_position_embeddings"),
            ("mrope", "\"mrope\", which is not known"),
        ] {
            let error = said(kind).scaling().unwrap_err();
            assert!(error.contains(part), "{kind}: {error}");
        }
        assert_eq!(said("dynamic").scaling(), Ok(Scaling::None));
        let long = |short: &[f32], before| {
            let scaling = Scaling::Long { short: short.to_vec(), long: vec![1.0; 4], before, attention: 1.0 };
            Rope { theta: 10.0, scaling }.checked(8)
        };
        assert!(long(&[1.0; 4], 9).is_ok());
        assert!(long(&[1.0; 3], 9).unwrap_err().contains("3 and 4 numbers, and 4 are expected"));
        assert!(long(&[1.0, 1.0, 1.0, 0.0], 9).unwrap_err().contains("out of range"));
        assert!(long(&[1.0; 4], 0).is_err());
        assert!(Rope { theta: f32::NAN, scaling: Scaling::None }.checked(8).is_err());
    }
}
