//! How near the quantiles of a forecast are.

use std::sync::Arc;

use ordinate_core::{DECILES, Output, Series};

use super::series::{errors, values, worth};
use super::{Metric, MetricError, Target};

/// `1 / (1 + WQL)`, WQL being the weighted quantile loss of the series: the quantile loss over the sum of the absolute values that
/// came (GluonTS's `mean_weighted_sum_quantile_loss`, by which GIFT-Eval ranks). A forecast without quantiles is taken to be sure
/// of its values: its WQL is the sum of its absolute errors over that of the values.
///
/// The levels are those that the item asks for, and the deciles where it asks for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wql;

impl Metric for Wql {
    fn name(&self) -> &'static str {
        "wql"
    }

    fn about(&self) -> &'static str {
        "1 / (1 + WQL), the weighted quantile loss over the levels of `[series] quantiles` as in GluonTS and GIFT-Eval: of a forecast without quantiles the sum of the absolute errors over that of the values."
    }

    fn score(&self, output: &Output, target: &str) -> f64 {
        self.score_of(output, target, None)
    }

    fn score_of(&self, output: &Output, target: &str, input: Option<&str>) -> f64 {
        let asked =
            input.and_then(Series::read).map(|series| series.quantiles).filter(|asked| !asked.is_empty());
        let levels = asked.as_deref().unwrap_or(&DECILES);
        let length = output.values().map_or(0, <[f64]>::len);
        let target = values(target).filter(|target| target.len() == length);
        worth(target.and_then(|target| {
            let magnitude = Some(errors::magnitude(&target)).filter(|magnitude| *magnitude > 0.0)?;
            Some(errors::quantile_loss(output, &target, levels)? / magnitude)
        }))
    }

    fn levels(&self) -> &'static [f64] {
        &DECILES
    }

    fn needs_targets(&self) -> bool {
        true
    }

    fn fitted(
        &self,
        targets: &mut dyn Iterator<Item = Target<'_>>,
    ) -> Result<Option<Arc<dyn Metric>>, MetricError> {
        for target in targets {
            let id = || target.id.to_owned();
            let values = values(target.text).ok_or_else(|| MetricError::NotASeries { id: id() })?;
            if errors::magnitude(&values) == 0.0 {
                return Err(MetricError::OnlyZeros { id: id() });
            }
        }
        Ok(None)
    }
}
