//! How much of an item's outcome hangs on how items were dealt into folds.

/// An outcome per item: the mean over foldings, and each folding by itself; none for a candidate, or where there was only one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dealt<'a> {
    pub(crate) mean: &'a [f64],
    pub(crate) foldings: &'a [Vec<f64>],
}

impl Dealt<'_> {
    fn at(&self, folding: usize, item: usize) -> f64 {
        match self.foldings {
            [] => self.mean[item],
            foldings => foldings[folding % foldings.len()][item],
        }
    }
}

/// By how much the error of the mean of `a` less `b` is larger than their means over foldings show.
///
/// A fit that hangs on the dealing gives an item now this answer, now that one; the mean over foldings varies less from item to
/// item than any fit by itself. But what is served is one fit, and between samples the mean varies as one does: Nadeau and
/// Bengio (2003) and Bouckaert and Frank (2004) take the variance within a folding. From item to item that is V + v, with V the
/// variance of the mean over foldings, and v the mean over items of the variance between foldings; this is sqrt(1 + v / V).
pub(crate) fn widening(a: &Dealt<'_>, b: &Dealt<'_>) -> f64 {
    let foldings = a.foldings.len().max(b.foldings.len());
    if foldings < 2 {
        return 1.0;
    }
    let (mut count, mut sum, mut squares, mut between) = (0.0, 0.0, 0.0, 0.0);
    for item in 0..a.mean.len() {
        let mean = a.mean[item] - b.mean[item];
        if mean.is_nan() {
            continue;
        }
        count += 1.0;
        sum += mean;
        squares += mean * mean;
        // Around their own mean: under another reading of errors `mean` is of other outcomes.
        let each = || (0..foldings).map(|f| a.at(f, item) - b.at(f, item)).filter(|value| !value.is_nan());
        let own = each().sum::<f64>() / each().count().max(1) as f64;
        between += each().map(|value| (value - own).powi(2)).sum::<f64>() / foldings as f64;
    }
    let within = squares - sum * sum / count;
    if within > 1e-12 { (1.0 + between / within).sqrt() } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_that_hangs_on_the_dealing_varies_more_than_its_mean() {
        let of = |mean, foldings| Dealt { mean, foldings };
        let (single, steady) = ([0.0; 4], [1.0, 0.0, 1.0, 0.0]);
        let same = vec![steady.to_vec(), steady.to_vec()];
        assert!((widening(&of(&steady, &same), &of(&single, &[])) - 1.0).abs() < 1e-12);
        // Two of four items are right in one of two foldings: V = 0.125, and v = 0.25 on half of the items, 0.125.
        let foldings = vec![vec![1.0, 1.0, 0.0, 0.0], vec![1.0, 0.0, 1.0, 0.0]];
        let wide = widening(&of(&[1.0, 0.5, 0.5, 0.0], &foldings), &of(&single, &[]));
        assert!((wide - 2.0_f64.sqrt()).abs() < 1e-12, "{wide}");
        // Against what hangs on the dealing in just the same way there is nothing to vary.
        let both = of(&[1.0, 0.5, 0.5, 0.0], &foldings);
        assert!((widening(&both, &both) - 1.0).abs() < 1e-12);
    }
}
