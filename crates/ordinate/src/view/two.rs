//! Two runs side by side.

use ordinate_core::verdict::Estimate;
use ordinate_report::{RunDifference, TwoRuns, compare_page};

use super::found::FoundRun;
use crate::compared::{Judged, apart, paired};
use crate::error::Error;

/// The page of two runs: the second against the first.
pub(super) fn compare(first: &FoundRun, second: &FoundRun) -> Result<String, Error> {
    let judged = Judged::as_kept(&first.path).and_then(|first| Ok((first, Judged::as_kept(&second.path)?)));
    // What a run of an older version, or a folder that was cut, lacks is said; its verdict is there all the same.
    let (judged, unpaired) = match judged {
        Ok(judged) => (Some(judged), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let difference = |name: Option<&str>, is: Estimate, was: Estimate| {
        let pairs = judged.as_ref().and_then(|(before, now)| match name {
            None => paired(&now.side(), &before.side(), f64::NAN),
            Some(name) => {
                let (is, was) = (now.scores_of(name)?, before.scores_of(name)?);
                paired(&now.side_of(&is), &before.side_of(&was), f64::NAN)
            }
        });
        match pairs {
            Some((estimate, items)) => RunDifference { estimate, items: Some(items) },
            None => RunDifference { estimate: apart(is, was), items: None },
        }
    };
    let recommended = second.verdict.recommended.as_ref().zip(first.verdict.recommended.as_ref());
    let recommended = recommended.map(|(is, was)| difference(None, is.quality, was.quality));
    let of_both = second.verdict.candidates.iter().filter_map(|is| {
        let was = first.verdict.candidates.iter().find(|row| row.name == is.name)?;
        let name = is.name.as_str();
        Some((name.to_owned(), difference(Some(name), is.quality, was.quality)))
    });
    let candidates = of_both.collect();
    let two = TwoRuns { first: first.listed(), second: second.listed(), recommended, candidates, unpaired };
    compare_page(&two).map_err(Error::from)
}
