//! The mean over items in few groups: a standard error and degrees of freedom that are right for them.
//!
//! The usual cluster-robust error is too small with few groups, and Student's t with groups - 1 degrees of freedom is too
//! sure where groups differ in size. CR2 (Bell and McCaffrey 2002) divides each group's residuals by what fitting the mean
//! took from them; the degrees of freedom are Satterthwaite's, under items that correlate within groups as these do (Imbens
//! and Kolesar 2016, "Robust standard errors in small samples").

/// Fewer groups than these take this error in place of the bootstrap, which is too sure of so few.
pub const FEW: usize = 20;
/// With fewer groups than these no interval is to be trusted, and whoever shows one should say so.
pub const FEWEST: usize = 8;

/// What the residuals of one group say of a mean over all items.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Group {
    /// Items.
    pub items: f64,
    /// The sum of their residuals, which are scores less the mean over all items.
    pub residuals: f64,
    /// The sum of their squares.
    pub squares: f64,
}

/// How a mean varies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Standard error.
    pub se: f64,
    /// Degrees of freedom of Student's t that goes with it; at least 1.
    pub freedom: f64,
}

/// The spread of the mean over the items of these groups, each with an item; `None` with fewer than two groups.
///
/// Takes time proportional to the square of the number of groups.
#[must_use]
pub fn spread(groups: &[Group]) -> Option<Spread> {
    if groups.len() < 2 {
        return None;
    }
    let items: f64 = groups.iter().map(|group| group.items).sum();
    let share = |group: &Group| group.items / items;
    let variance: f64 =
        groups.iter().map(|group| group.residuals * group.residuals / (1.0 - share(group))).sum();
    let se = variance.sqrt() / items;

    // The model of the degrees of freedom: items of a group share `common`, and have `own` besides.
    let squares: f64 = groups.iter().map(|group| group.squares).sum();
    let products: f64 = groups.iter().map(|group| group.residuals * group.residuals - group.squares).sum();
    let sizes: f64 = groups.iter().map(|group| group.items * group.items).sum();
    let common = if sizes > items { (products / (sizes - items)).max(0.0) } else { 0.0 };
    let own = (squares / items - common).max(0.0);
    // A model without any variance fits what does not vary: then as if items were independent.
    let (common, own) = if common + own > 0.0 { (common, own) } else { (0.0, 1.0) };
    let (mut trace, mut square) = (0.0, 0.0);
    for (i, a) in groups.iter().enumerate() {
        for (j, b) in groups.iter().enumerate() {
            let same = f64::from(u8::from(i == j));
            let between = a.items * b.items;
            let of_own = same * a.items - between / items;
            let of_common = between * (same - (a.items + b.items) / items + sizes / (items * items));
            let covariance =
                (own * of_own + common * of_common) / ((1.0 - share(a)) * (1.0 - share(b))).sqrt();
            if i == j {
                trace += covariance;
            }
            square += covariance * covariance;
        }
    }
    Some(Spread { se, freedom: (trace * trace / square).max(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_groups_have_the_usual_degrees_of_freedom() {
        let groups: Vec<Group> = [1.0, -1.0, 2.0, -2.0]
            .map(|residuals| Group { items: 3.0, residuals, squares: residuals * residuals / 3.0 })
            .to_vec();
        let spread = spread(&groups).unwrap();
        assert!((spread.freedom - 3.0).abs() < 1e-9, "{spread:?}");
        // sqrt(4 / 3 * 10) / 12
        assert!((spread.se - (40.0_f64 / 3.0).sqrt() / 12.0).abs() < 1e-12);
    }

    #[test]
    fn one_large_group_leaves_little_freedom() {
        let group = |items: f64| Group { items, residuals: 0.1 * items, squares: 0.01 * items };
        let mut groups = vec![group(100.0)];
        groups.extend([group(2.0); 9]);
        assert!(spread(&groups).unwrap().freedom < 3.0);
        assert_eq!(spread(&groups[..1]), None);
    }
}
