//! Where the names in the chart stand: beside their marks, over as little else as possible.

use crate::text::width;

/// A rectangle in pixels of the drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rect {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Rect {
    /// A rectangle around a point.
    pub(super) fn around(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self { x: x - width / 2.0, y: y - height / 2.0, width, height }
    }

    fn shared(&self, other: &Self) -> f64 {
        let across = (self.x + self.width).min(other.x + other.width) - self.x.max(other.x);
        let down = (self.y + self.height).min(other.y + other.height) - self.y.max(other.y);
        across.max(0.0) * down.max(0.0)
    }

    fn holds(&self, other: &Self) -> bool {
        other.x >= self.x
            && other.y >= self.y
            && other.x + other.width <= self.x + self.width
            && other.y + other.height <= self.y + self.height
    }
}

/// A name that was placed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Label {
    /// Left end of the text.
    pub(super) x: f64,
    /// Base line of the text.
    pub(super) y: f64,
    pub(super) text: String,
    pub(super) recommended: bool,
    /// The line to its mark, where it stands apart: x and y of both ends.
    pub(super) leader: Option<[f64; 4]>,
}

/// Puts names beside points, one after the other.
pub(super) struct Labels {
    bounds: Rect,
    /// Pixels of a narrow character, and height of a line.
    character: f64,
    line: f64,
    /// What names should not cover.
    marks: Vec<Rect>,
    /// What names must not cover.
    names: Vec<Rect>,
}

/// Directions to try, best first: right, left, above, below, then the corners.
const DIRECTIONS: [(f64, f64); 8] =
    [(1.0, 0.0), (-1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (0.7, -0.7), (0.7, 0.7), (-0.7, -0.7), (-0.7, 0.7)];
/// Distances to try; from the second on, a line leads to the mark.
const DISTANCES: [f64; 6] = [10.0, 22.0, 36.0, 52.0, 72.0, 96.0];
/// The most of a name, as a part of its area, that may lie over marks and lines.
const TOLERATED: f64 = 0.02;

impl Labels {
    pub(super) fn new(bounds: Rect, font: f64, marks: Vec<Rect>) -> Self {
        Self { bounds, character: font * 0.56, line: font * 1.2, marks, names: Vec::new() }
    }

    /// Places `text` at the point; none where there is no room for it.
    pub(super) fn place(&mut self, x: f64, y: f64, text: &str) -> Option<Label> {
        let size = (width(text) as f64 * self.character + 4.0, self.line);
        let mut best: Option<(f64, Rect, bool)> = None;
        for (step, distance) in DISTANCES.into_iter().enumerate() {
            for (turn, direction) in DIRECTIONS.into_iter().enumerate() {
                let rect = beside(x, y, size, direction, distance);
                if !self.bounds.holds(&rect) || self.names.iter().any(|name| name.shared(&rect) > 0.0) {
                    continue;
                }
                let covered: f64 = self.marks.iter().map(|mark| mark.shared(&rect)).sum();
                let covered = covered / (size.0 * size.1);
                if covered > TOLERATED {
                    continue;
                }
                let cost = covered * 10.0 + step as f64 + turn as f64 * 0.05;
                if best.as_ref().is_none_or(|(least, _, _)| cost < *least) {
                    best = Some((cost, rect, step > 0));
                }
            }
        }
        let (_, rect, apart) = best?;
        self.names.push(rect);
        let end = (x.clamp(rect.x, rect.x + rect.width), y.clamp(rect.y, rect.y + rect.height));
        Some(Label {
            x: rect.x + 2.0,
            y: rect.y + rect.height * 0.78,
            text: text.to_owned(),
            recommended: false,
            leader: apart.then_some([x, y, end.0, end.1]),
        })
    }
}

/// The rectangle of a text whose nearest edge is `distance` from the point.
fn beside(x: f64, y: f64, (width, height): (f64, f64), (dx, dy): (f64, f64), distance: f64) -> Rect {
    let middle_x = x + dx * distance + f64::from(dx.partial_cmp(&0.0).map_or(0, |o| o as i8)) * width / 2.0;
    let middle_y = y + dy * distance + dy * height / 2.0;
    Rect::around(middle_x, middle_y, width, height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_overlap_and_stay_inside() {
        let bounds = Rect { x: 0.0, y: 0.0, width: 600.0, height: 300.0 };
        let mut labels = Labels::new(bounds, 12.0, Vec::new());
        let points: Vec<(f64, f64)> = (0..30).map(|i| (100.0 + f64::from(i) * 6.0, 150.0)).collect();
        let placed = points.iter().filter_map(|(x, y)| labels.place(*x, *y, "candidate-7b")).count();
        assert!((8..30).contains(&placed), "{placed} of 30 names were placed");
        for (i, a) in labels.names.iter().enumerate() {
            assert!(bounds.holds(a));
            assert!(labels.names[..i].iter().all(|b| a.shared(b) == 0.0));
        }
    }

    #[test]
    fn a_lone_name_stands_right_of_its_mark() {
        let bounds = Rect { x: 0.0, y: 0.0, width: 600.0, height: 300.0 };
        let label = Labels::new(bounds, 12.0, Vec::new()).place(100.0, 100.0, "GPT4").unwrap();
        assert!(label.x > 100.0 && label.x < 120.0 && label.leader.is_none(), "{label:?}");
    }
}
