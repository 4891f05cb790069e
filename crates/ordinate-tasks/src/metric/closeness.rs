//! How near a number is.

use std::sync::Arc;

use ordinate_core::{Output, OutputKind};

use super::{Metric, MetricError, Target};

/// `1 - |output - target| / range`, at least 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Closeness {
    /// The largest target less the smallest, of those that [`Metric::fitted`] saw and models learn from; 1 before.
    pub range: f64,
}

fn number(text: &str) -> Option<f64> {
    match OutputKind::Number.read(text) {
        Some(Output::Number(number)) => Some(number),
        _ => None,
    }
}

impl Metric for Closeness {
    fn name(&self) -> &'static str {
        "closeness"
    }

    fn about(&self) -> &'static str {
        "1 less the distance of the two numbers as a share of the range of the targets learnt from, at least 0."
    }

    fn score(&self, output: &Output, target: &str) -> f64 {
        match (output, number(target)) {
            (Output::Number(output), Some(target)) => (1.0 - (output - target).abs() / self.range).max(0.0),
            _ => 0.0,
        }
    }

    fn needs_targets(&self) -> bool {
        true
    }

    fn fitted(
        &self,
        targets: &mut dyn Iterator<Item = Target<'_>>,
    ) -> Result<Option<Arc<dyn Metric>>, MetricError> {
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for target in targets {
            let value = number(target.text).ok_or_else(|| MetricError::NotANumber {
                id: target.id.to_owned(),
                target: target.text.chars().take(60).collect(),
            })?;
            if target.learnt_from {
                (least, most) = (least.min(value), most.max(value));
            }
        }
        let range = most - least;
        if range > 0.0 && range.is_finite() {
            return Ok(Some(Arc::new(Self { range })));
        }
        Err(MetricError::NoRange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_scored_by_the_range_of_what_was_learnt_from() {
        let target = |(id, text, learnt_from)| Target { id, text, input: None, learnt_from };
        let fitted = |targets: &[(&'static str, &'static str, bool)]| {
            Closeness { range: 1.0 }.fitted(&mut targets.iter().copied().map(target))
        };
        let metric = fitted(&[("1", "10", true), ("2", " 30.0", true), ("3", "90", false)]).unwrap().unwrap();
        let score = |output: f64, target| metric.score(&Output::Number(output), target);
        assert!((score(25.0, "30") - 0.75).abs() < 1e-12);
        assert!(score(-90.0, "90").abs() < 1e-12);
        assert!(metric.score(&Output::Text("25".into()), "30").abs() < 1e-12);
        assert!(fitted(&[("1", "1", true), ("b7", "two", false)]).unwrap_err().to_string().contains("b7"));
        assert!(
            fitted(&[("1", "1", true), ("2", "1", true)]).unwrap_err().to_string().contains("do not differ")
        );
    }
}
