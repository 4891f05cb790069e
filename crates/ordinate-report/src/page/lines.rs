//! The lines of the chart: frontier and zero router.

use ordinate_core::verdict::FrontierPoint;

use super::scale::{Costs, Qualities};

/// Steps in which a straight mixture of two candidates is drawn.
const STEPS: u32 = 24;

/// The frontier, as steps: between two of its points nothing better than the cheaper one can be had.
pub(super) fn frontier(points: &[FrontierPoint], costs: &Costs, qualities: &Qualities) -> String {
    let places =
        finite(points).filter_map(|p| Some((costs.x_or_left(p.cost_per_1k)?, qualities.y(p.quality))));
    path(places, true)
}

/// The zero router. A random mixture of two candidates is straight in cost and quality, so it is curved
/// where the axis of costs is logarithmic.
pub(super) fn zero_router(points: &[FrontierPoint], costs: &Costs, qualities: &Qualities) -> String {
    let ends: Vec<&FrontierPoint> = finite(points).collect();
    let mut places = Vec::new();
    for pair in ends.windows(2) {
        let [a, b] = pair else { continue };
        let from = a.cost_per_1k.max(costs.least());
        for step in 0..=STEPS {
            let cost = from * (b.cost_per_1k / from).powf(f64::from(step) / f64::from(STEPS));
            let part = (cost - a.cost_per_1k) / (b.cost_per_1k - a.cost_per_1k);
            let quality = a.quality + part * (b.quality - a.quality);
            if let (Some(x), true) = (costs.x(cost), quality.is_finite()) {
                places.push((x, qualities.y(quality)));
            }
        }
    }
    path(places.into_iter(), false)
}

fn finite(points: &[FrontierPoint]) -> impl Iterator<Item = &FrontierPoint> {
    points.iter().filter(|p| p.quality.is_finite() && p.cost_per_1k.is_finite() && p.cost_per_1k >= 0.0)
}

/// A path through places, straight or in steps.
pub(super) fn path(places: impl Iterator<Item = (f64, f64)>, steps: bool) -> String {
    let mut path = String::new();
    for (i, (x, y)) in places.enumerate() {
        path.push_str(&match (i, steps) {
            (0, _) => format!("M{x:.1} {y:.1}"),
            (_, true) => format!("H{x:.1}V{y:.1}"),
            (_, false) => format!("L{x:.1} {y:.1}"),
        });
    }
    path
}

#[cfg(test)]
mod tests {
    use super::super::scale::Span;
    use super::*;

    fn point(cost_per_1k: f64, quality: f64) -> FrontierPoint {
        FrontierPoint { name: "a".to_owned(), cost_per_1k, quality, low: None, high: None }
    }

    #[test]
    fn the_zero_router_sags_on_a_logarithmic_axis() {
        let costs = Costs::new(Span { from: 0.0, to: 600.0 }, [0.1, 10.0].into_iter(), 0, 0);
        let qualities = Qualities::new(Span { from: 0.0, to: 300.0 }, [0.0, 1.0].into_iter());
        let path = zero_router(&[point(0.1, 0.0), point(10.0, 1.0)], &costs, &qualities);
        // Half the quality costs half the money: far right of the middle.
        let y = qualities.y(0.5);
        let below = path
            .trim_start_matches('M')
            .split('L')
            .filter_map(|place| {
                let (x, y) = place.split_once(' ')?;
                Some((x.parse::<f64>().ok()?, y.parse::<f64>().ok()?))
            })
            .find(|place| place.1 < y)
            .unwrap();
        assert!(below.0 > costs.x(4.5).unwrap(), "{below:?}");
    }

    #[test]
    fn what_costs_nothing_starts_at_the_left() {
        let costs = Costs::new(Span { from: 0.0, to: 600.0 }, [1.0, 10.0].into_iter(), 1, 0);
        let qualities = Qualities::new(Span { from: 0.0, to: 300.0 }, [0.0, 1.0].into_iter());
        let left = costs.paid.unwrap().from;
        let points = [point(0.0, 0.5), point(10.0, 1.0)];
        assert!(frontier(&points, &costs, &qualities).starts_with(&format!("M{left:.1} ")));
        assert!(zero_router(&points, &costs, &qualities).starts_with(&format!("M{left:.1} ")));
    }
}
