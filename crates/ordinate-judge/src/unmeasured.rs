//! Candidates of which nothing was measured: each of their answers is an error.

use ordinate_core::verdict::Outcome;

use crate::contender::Contender;
use crate::rules::Choice;
use crate::words::count;

/// The singles without a single usable answer, though they were asked.
pub(crate) fn unmeasured(contenders: &[Contender<'_>]) -> Vec<usize> {
    let is = |contender: &Contender<'_>| {
        let played = &contender.played;
        let answered =
            played.quality.iter().zip(played.failed.iter()).filter(|(quality, _)| !quality.is_nan());
        let (mut failed, mut usable) = (0, 0);
        answered.for_each(|(_, is_error)| if *is_error { failed += 1 } else { usable += 1 });
        contender.is_single() && failed > 0 && usable == 0
    };
    (0..contenders.len()).filter(|&at| is(&contenders[at])).collect()
}

/// Undecided, since nothing is known of who was not measured; and why.
pub(crate) fn doubt(mut choice: Choice, contenders: &[Contender<'_>]) -> (Choice, Vec<String>) {
    let all = unmeasured(contenders);
    if !all.is_empty() {
        choice.outcome = Outcome::Undecided;
    }
    let why = |&at: &usize| {
        let contender = &contenders[at];
        format!(
            "{} was not measured: each of its {} answers is an error, and says nothing of how good it is. Read what the errors \
             say, ask it again (an answer that is empty or cut needs a larger max_tokens), or remove it.",
            contender.name,
            count(contender.played.failed.iter().filter(|failed| **failed).count() as u64),
        )
    };
    let reasons = all.iter().map(why).collect();
    (choice, reasons)
}
