//! What the words mean that stand in a verdict: for the page and for `ordinate explain`.

/// A word and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// The word, as the verdict has it.
    pub name: &'static str,
    /// What else it is looked for by.
    pub also: &'static [&'static str],
    /// What it means, in plain words.
    pub meaning: &'static str,
}

/// All words, in the order of the alphabet.
pub const TERMS: [Term; 26] = [
    Term {
        name: "agreement",
        also: &["kappa", "cohen's kappa", "correlation"],
        meaning: "How far a judge and people grade the same answers alike: the share of answers with just the same grade, the \
                  correlation, and Cohen's kappa, which leaves out what chance alone would bring (1: always alike, 0: no better than \
                  chance).",
    },
    Term {
        name: "bar",
        also: &["the bar", "clears the bar"],
        meaning: "What a combination has to beat to be worth its trouble: whatever would be recommended without it, by an interval that \
                  lies above zero with all counted that were tried.",
    },
    Term {
        name: "best single",
        also: &["single"],
        meaning: "The candidate that does best by itself. Policies are held against the one that the other folds would choose, since who \
                  is chosen on the items that he is scored on is flattered.",
    },
    Term {
        name: "by-slice",
        also: &["slice", "lookup"],
        meaning: "A policy that knows which candidate is best on each slice (a part of the items that the task names, such as a topic) and \
                  asks that one. Slices with few items borrow from the others.",
    },
    Term {
        name: "cascade",
        also: &[],
        meaning: "A policy that asks cheap candidates first, looks at what they say, and asks the dear one only where that is expected to pay.",
    },
    Term {
        name: "combined",
        also: &["combination", "crossing"],
        meaning: "The outcome where joining candidates of more than one lineage pays: the best that joins them beats the best within one \
                  lineage, clearly and by more than the margin.",
    },
    Term {
        name: "corrected",
        also: &["corrected figure", "rectified", "rectifier", "lambda", "judge followed", "bias"],
        meaning: "Of a judge's grades: the mean of all that it graded, shifted by how far it is off on the answers that people graded \
                  too (the rectifier). How far it is followed (lambda) is what makes the interval shortest: 0 where its grades say \
                  nothing, 1 where it is off by the same everywhere. A wrong judge makes the interval longer, and the figure not \
                  wrong, as long as people graded a random draw of the items.",
    },
    Term {
        name: "cross-fitted",
        also: &["cross-fitting", "fold", "folds", "folding"],
        meaning: "Learned on some of the items and scored on others, in turn, until every item has been scored by something that never saw \
                  it. The items are dealt into folds several times, and figures are means over these foldings.",
    },
    Term {
        name: "dial",
        also: &[],
        meaning: "How much quality a dollar (or a millisecond) has to buy before a policy spends it. Each dial is a point on the policy's \
                  curve of cost and quality; the needs choose one.",
    },
    Term {
        name: "frontier",
        also: &["pareto"],
        meaning: "The candidates and policies that nothing beats in quality and cost at once.",
    },
    Term {
        name: "interval",
        also: &["confidence interval", "95 %", "error bars"],
        meaning: "The range in square brackets: made in this way, 95 of 100 such ranges hold the true figure. What is undecided is a matter \
                  of intervals, not of the numbers before them.",
    },
    Term {
        name: "judge",
        also: &["grade", "grades", "grader", "own family"],
        meaning: "A model or a program that grades free answers by a rubric, where no formula tells a good one. Its grades are an \
                  opinion: people's grades of some answers say how far to believe it, and whether it favours the candidates of its own \
                  family.",
    },
    Term {
        name: "lineage",
        also: &["general", "vertical", "transferred"],
        meaning: "Where a candidate comes from: general (made for everything), vertical (made for this field), or transferred (a general one \
                  that learned from items of the task).",
    },
    Term {
        name: "margin",
        also: &["non-inferior", "as good as"],
        meaning: "The loss of quality that does not matter to you. What is shown to lose no more than that (non-inferior) is as good, and the \
                  cheapest of these is taken.",
    },
    Term {
        name: "needs",
        also: &["need"],
        meaning: "What you want: a goal (quality, cost or latency), a margin, and limits that must be kept. The same evidence gives another \
                  verdict under other needs, by `ordinate judge RUN --need KEY=VALUE`.",
    },
    Term {
        name: "oracle",
        also: &["oracle gap", "regret"],
        meaning: "Whoever knows for each item which candidate will be right. Nobody does; the gap to it is what a perfect policy could still \
                  gain.",
    },
    Term {
        name: "pairwise",
        also: &["pair", "tie", "orders disagree"],
        meaning: "A way to grade: the judge says which of two answers is better, the candidate's or the one it is held against. It is \
                  asked in both orders, and where the two orders disagree it is a tie. Qualities are shares of wins, ties counting \
                  half.",
    },
    Term {
        name: "policy",
        also: &["policies"],
        meaning: "A rule for whom to ask and whose answer to give: by slice, by text (route), by looking at answers (cascade, select), by vote, \
                  by weights, or by a model over the answers (stack).",
    },
    Term {
        name: "prediction-powered inference",
        also: &["ppi", "ppi++"],
        meaning: "A way to estimate from few grades of people and many of a judge: one interval that covers however wrong the judge \
                  is, and that is shorter than with people's grades alone where the judge agrees with them.",
    },
    Term {
        name: "provisional",
        also: &["leads for now"],
        meaning: "What is named while the verdict is undecided: it leads, and may be overtaken.",
    },
    Term {
        name: "route",
        also: &["router"],
        meaning: "A policy that reads the text of an item and foretells how well each candidate will do on it, before any of them is asked.",
    },
    Term {
        name: "rubric",
        also: &[],
        meaning: "What a good answer is, in words: the judge is told it as it stands in the task file, and so are people who grade.",
    },
    Term {
        name: "select",
        also: &[],
        meaning: "A policy that asks a few candidates and gives the answer that is expected to be best.",
    },
    Term {
        name: "stack",
        also: &["stacking"],
        meaning: "A policy that asks several candidates, and lets a model that knows how each of them errs choose among the labels that they gave.",
    },
    Term {
        name: "undecided",
        also: &["items needed"],
        meaning: "The items at hand cannot tell the leading outcomes apart. The verdict says how many would probably be enough, and the \
                  smallest difference that these could have shown.",
    },
    Term {
        name: "zero router",
        also: &["zero-router", "coin", "random mixture"],
        meaning: "A coin between two candidates that costs as much as a policy does. A policy that is no better than the coin has learned \
                  nothing.",
    },
];

/// The word that somebody asks for, by its name or what else it is called.
#[must_use]
pub fn term(asked: &str) -> Option<&'static Term> {
    let asked = asked.trim().to_lowercase();
    let is_it = |term: &&Term| term.name == asked || term.also.iter().any(|also| *also == asked);
    TERMS.iter().find(is_it)
}

/// The meaning of a word, or of all where none is given, for a terminal.
///
/// # Errors
/// Where it is no word of the verdict: which are.
pub fn explained(word: &str) -> Result<String, String> {
    let line = |term: &Term| format!("{}: {}", term.name, term.meaning);
    if word.is_empty() {
        return Ok(TERMS.iter().map(line).collect::<Vec<_>>().join("\n\n"));
    }
    term(word).map(line).ok_or_else(|| {
        let known: Vec<&str> = TERMS.iter().map(|term| term.name).collect();
        let words = TERMS.iter().flat_map(|term| term.also.iter().copied().chain([term.name]));
        let near = ordinate_core::nearest(&word.to_lowercase(), words);
        let near = near.map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default();
        format!("{word:?} is no word of the verdict{near}; known are {}", known.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_once_and_in_order() {
        assert!(TERMS.is_sorted_by_key(|term| term.name));
        let mut all: Vec<&str> =
            TERMS.iter().flat_map(|term| term.also.iter().copied().chain([term.name])).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(all.iter().all(|word| term(word).is_some() && *word == word.to_lowercase()));
        assert_eq!(term(" Vertical ").unwrap().name, "lineage");
        assert!(term("quux").is_none());
    }
}
