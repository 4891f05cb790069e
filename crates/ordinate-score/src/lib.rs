//! Intervals and tests for paired scores, and the measures of routing. No I/O.
//!
//! Everything takes columns: one `&[f64]` per candidate or policy, one value per item, `NaN` where the
//! candidate was not asked. What an error counts as is decided by the caller, who writes 0 (errors as
//! failures) or `NaN` (errors left out) into the column.
//!
//! - [`Bootstrap`]: paired intervals of means and differences, whole groups resampled where items are
//!   clustered; [`Joint`]: bounds for several at once, and for the best of several.
//! - [`bounds`]: intervals that a claim may rest on, also from few items: [`tango`], [`betting`], Student's t.
//! - [`cluster`]: standard errors and degrees of freedom with few groups.
//! - [`compare`]: exact McNemar test, Holm and Benjamini-Hochberg corrections, non-inferiority.
//! - [`power`]: the smallest difference that could have been shown, and the items that it takes.
//! - [`mod@slice`], [`mean`], [`shrink`]: means per slice, with cheap intervals and shrunken by empirical Bayes.
//! - [`learning`]: quality against the number of labels, foretold beyond those at hand.
//! - [`ppi`]: the mean of few labels sharpened by a judge's many grades; [`agreement`] of the two.
//! - [`rescue`]: does one candidate know what the other does not?
//! - [`routing`]: zero router, oracle, PGR, APGR, CPT, AIQ, QNC, `PerfGain`, `CostSave`, regret.

pub mod agreement;
pub mod betting;
pub mod bootstrap;
pub mod bounds;
pub mod cluster;
pub mod compare;
pub mod groups;
pub mod learning;
pub mod mean;
pub mod normal;
pub mod power;
pub mod ppi;
pub mod quantile;
pub mod rescue;
pub mod routing;
pub mod shrink;
pub mod slice;
pub mod tango;

pub use bootstrap::{
    Bootstrap, Chosen, Estimated, Estimates, Joint, Memory, Statistic, by_student, student_later,
};
pub use groups::Groups;
