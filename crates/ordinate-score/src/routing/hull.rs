//! The zero router: what mixing two candidates at random gives.

use crate::routing::Point;

/// The upper convex hull of points in the plane of cost and quality, up to the best quality: beyond its
/// cost nothing is gained, and nothing has to be paid.
#[derive(Debug, Clone, PartialEq)]
pub struct Hull {
    /// Point and its number, cheapest first; cost and quality both rise, slopes fall.
    vertices: Vec<(Point, usize)>,
}

/// Two points mixed at random. Points are numbered as given to [`Hull::new`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mix {
    /// The cheaper point.
    pub cheap: usize,
    /// The dearer point; `cheap` again where one point does.
    pub dear: usize,
    /// Share of items that go to the dearer point.
    pub dear_share: f64,
}

impl Hull {
    /// The hull of those points whose cost and quality are finite.
    #[must_use]
    pub fn new(points: &[Point]) -> Self {
        let finite = |point: &Point| point.cost.is_finite() && point.quality.is_finite();
        let mut sorted: Vec<(Point, usize)> =
            points.iter().copied().zip(0..).filter(|(point, _)| finite(point)).collect();
        sorted.sort_by(|(a, _), (b, _)| a.cost.total_cmp(&b.cost).then(b.quality.total_cmp(&a.quality)));
        let mut vertices: Vec<(Point, usize)> = Vec::new();
        for (point, number) in sorted {
            // Dearer and no better.
            if vertices.last().is_some_and(|(last, _)| point.quality <= last.quality) {
                continue;
            }
            while let [.., (before, _), (last, _)] = vertices[..] {
                let rise = (last.quality - before.quality) * (point.cost - before.cost);
                if rise > (point.quality - before.quality) * (last.cost - before.cost) {
                    break;
                }
                vertices.pop();
            }
            vertices.push((point, number));
        }
        Self { vertices }
    }

    /// The points on the hull with their numbers, cheapest first.
    pub fn vertices(&self) -> impl ExactSizeIterator<Item = (Point, usize)> {
        self.vertices.iter().copied()
    }

    /// The mix that is best for at most this cost; `None` below the cheapest point.
    #[must_use]
    pub fn mix_at(&self, cost: f64) -> Option<Mix> {
        let dearer = self.vertices.partition_point(|(point, _)| point.cost <= cost);
        let &(left, cheap) = self.vertices.get(dearer.checked_sub(1)?)?;
        Some(match self.vertices.get(dearer) {
            Some(&(right, dear)) => {
                Mix { cheap, dear, dear_share: (cost - left.cost) / (right.cost - left.cost) }
            }
            None => Mix { cheap, dear: cheap, dear_share: 0.0 },
        })
    }

    /// The best quality for at most this cost; `None` below the cheapest point.
    #[must_use]
    pub fn quality_at(&self, cost: f64) -> Option<f64> {
        let dearer = self.vertices.partition_point(|(point, _)| point.cost <= cost);
        let (left, _) = self.vertices.get(dearer.checked_sub(1)?)?;
        Some(self.vertices.get(dearer).map_or(left.quality, |(right, _)| {
            let share = (cost - left.cost) / (right.cost - left.cost);
            left.quality + share * (right.quality - left.quality)
        }))
    }

    /// The mean quality over all costs between `low` and `high`; see [`crate::routing::aiq`].
    #[must_use]
    pub fn mean_over(&self, low: f64, high: f64) -> Option<f64> {
        if !(low < high && high.is_finite()) {
            return None;
        }
        let inside = self.vertices.iter().map(|(point, _)| point.cost);
        let mut area = 0.0;
        let (mut last, mut height) = (low, self.quality_at(low)?);
        for cost in inside.filter(|&cost| low < cost && cost < high).chain([high]) {
            let next = self.quality_at(cost)?;
            area += (cost - last) * (height + next) / 2.0;
            (last, height) = (cost, next);
        }
        Some(area / (high - low))
    }
}
