//! The shapes that learning curves have.

use std::fmt;

/// A family of functions of the number of labels n, none of which falls. Which of them suits a curve is not known beforehand
/// (Viering and Loog 2023, "The shape of learning curves"; Domhan et al. 2015 for the names).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// a - b n^-c.
    Pow3,
    /// 1 - b n^-c: every error goes away.
    Pow2,
    /// a - b exp(-c n).
    Exp3,
    /// a + b ln n.
    Log,
    /// a - b / ln n.
    Ilog,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pow3, Self::Pow2, Self::Exp3, Self::Ilog, Self::Log];

    /// How much a family counts before a curve is seen: a logarithm, which has no asymptote, a fifth of what others do.
    #[must_use]
    pub(super) fn prior(self) -> f64 {
        match self {
            Self::Log => 0.2,
            Self::Pow3 | Self::Pow2 | Self::Exp3 | Self::Ilog => 1.0,
        }
    }

    /// How many numbers say which function of the family it is.
    #[must_use]
    pub fn parameters(self) -> f64 {
        match self {
            Self::Pow3 | Self::Exp3 => 3.0,
            Self::Pow2 | Self::Log | Self::Ilog => 2.0,
        }
    }

    /// What falls with n and is subtracted, b times: for `c` where the family has one. `scale` is a number of labels that `c` is
    /// relative to.
    fn falling(self, n: f64, c: f64, scale: f64) -> f64 {
        let n = n.max(1.0);
        match self {
            Self::Pow3 | Self::Pow2 => (n / scale).powf(-c),
            Self::Exp3 => (-c * n / scale).exp(),
            Self::Log => -(n / scale).ln(),
            Self::Ilog => 1.0 / n.max(2.0).ln(),
        }
    }

    /// The values of c that are tried.
    fn shapes(self) -> &'static [f64] {
        match self {
            Self::Pow3 | Self::Pow2 => &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1.1, 1.4, 1.8, 2.4],
            Self::Exp3 => &[0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0, 12.0, 24.0],
            Self::Log | Self::Ilog => &[1.0],
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pow3 => "pow3",
            Self::Pow2 => "pow2",
            Self::Exp3 => "exp3",
            Self::Log => "log",
            Self::Ilog => "ilog",
        })
    }
}

/// A function of a family: a - b times what falls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Curve {
    /// The family.
    pub family: Family,
    a: f64,
    b: f64,
    c: f64,
    scale: f64,
}

/// What a curve is fitted to: labels, mean score, weight.
pub(super) type Knot = (f64, f64, f64);

impl Curve {
    /// The quality with so many labels, within `[0, 1]`.
    #[must_use]
    pub fn at(&self, labels: f64) -> f64 {
        (self.a - self.b * self.family.falling(labels, self.c, self.scale)).clamp(0.0, 1.0)
    }

    /// The function of a family with the least weighted squares: for each c that is tried by linear regression, with b held at
    /// nothing or above (more labels do no harm) and an asymptote at 1 or below. `None` without knots.
    pub(super) fn fit(family: Family, knots: &[Knot]) -> Option<Self> {
        let scale = knots.iter().map(|knot| knot.0).fold(1.0, f64::max);
        let fits = family.shapes().iter().map(|&c| Self::with_shape(family, c, scale, knots));
        fits.min_by(|one, other| one.squares(knots).total_cmp(&other.squares(knots)))
            .filter(|_| !knots.is_empty())
    }

    fn with_shape(family: Family, c: f64, scale: f64, knots: &[Knot]) -> Self {
        let falling = |n: f64| family.falling(n, c, scale);
        let sum = |of: &dyn Fn(&Knot) -> f64| knots.iter().map(|knot| knot.2 * of(knot)).sum::<f64>();
        let total = sum(&|_| 1.0).max(f64::MIN_POSITIVE);
        let (x, y) = (sum(&|knot| falling(knot.0)) / total, sum(&|knot| knot.1) / total);
        let spread = sum(&|knot| (falling(knot.0) - x).powi(2));
        let together = sum(&|knot| (falling(knot.0) - x) * (knot.1 - y));
        let b = if spread > 0.0 { (-together / spread).max(0.0) } else { 0.0 };
        let mut curve = Self { family, a: y + b * x, b, c, scale };
        // What a logarithm has is no asymptote.
        if family == Family::Pow2 || (curve.a > 1.0 && family != Family::Log) {
            let over = sum(&|knot| falling(knot.0).powi(2));
            let b = sum(&|knot| falling(knot.0) * (1.0 - knot.1)) / over.max(f64::MIN_POSITIVE);
            curve = Self { a: 1.0, b: b.max(0.0), ..curve };
        }
        curve
    }

    /// The weighted squares of what it misses.
    pub(super) fn squares(&self, knots: &[Knot]) -> f64 {
        knots.iter().map(|&(n, score, weight)| weight * (score - self.at(n)).powi(2)).sum()
    }
}
