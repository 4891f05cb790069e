//! What a task gives to whoever knows nothing of it: the score of guessing, and of saying always the same.

use std::collections::BTreeMap;

use ordinate_core::{Item, Items, Output, OutputKind};

use crate::kind::Kind;
use crate::scorer::Scorer;

/// The floors of a task, on the items that candidates are scored on.
#[derive(Debug, Clone, PartialEq)]
pub struct Floors {
    /// The mean score of one of the choices drawn at random, where answers are such.
    pub guessing: Option<f64>,
    /// The answer that scores most where it is given to every item, and its mean score.
    pub constant: Option<(Output, f64)>,
}

impl Floors {
    /// Of these rows of the items; of none where no item has a target.
    #[must_use]
    pub fn of(kind: &dyn Kind, scorer: &Scorer, labels: &[String], items: &Items, rows: &[usize]) -> Self {
        let targets: Vec<&str> = rows.iter().filter_map(|&row| items.target(row)).collect();
        let mean = |score: &dyn Fn(&str) -> f64| {
            targets.iter().map(|target| score(target)).sum::<f64>() / targets.len() as f64
        };
        let constant = constant(scorer.output(), &targets).map(|output| {
            let text = output.to_string();
            let score = mean(&|target| scorer.score(&text, target, None));
            (output, score)
        });
        Self { guessing: guessing(kind, labels, items, rows), constant }
    }
}

/// One over the number of choices, on the mean.
fn guessing(kind: &dyn Kind, labels: &[String], items: &Items, rows: &[usize]) -> Option<f64> {
    // A list of labels is the same for all items, however many there are.
    if kind.has_labels() {
        let choices = kind.choices(&Item::default(), labels)?.len();
        return (choices > 0 && !rows.is_empty()).then(|| 1.0 / choices as f64);
    }
    let mut sum = 0.0;
    for &row in rows {
        let item = items.item(row);
        let choices = kind.choices(&item, labels)?.len();
        if choices == 0 {
            return None;
        }
        sum += 1.0 / choices as f64;
    }
    (!rows.is_empty()).then(|| sum / rows.len() as f64)
}

/// The most frequent target; of numbers their median, which is nearest to all of them.
fn constant(kind: OutputKind, targets: &[&str]) -> Option<Output> {
    match kind {
        OutputKind::Label | OutputKind::Labels => {
            let mut counts: BTreeMap<String, (usize, Output)> = BTreeMap::new();
            for output in targets.iter().filter_map(|target| kind.read(target)) {
                counts.entry(output.to_string()).or_insert((0, output)).0 += 1;
            }
            // Of equal ones the first.
            let most = counts.into_values().rev().max_by_key(|(count, _)| *count);
            most.map(|(_, output)| output)
        }
        OutputKind::Number => {
            let number = |target: &&str| match kind.read(target) {
                Some(Output::Number(number)) => Some(number),
                _ => None,
            };
            let mut numbers: Vec<f64> = targets.iter().filter_map(number).collect();
            numbers.sort_unstable_by(f64::total_cmp);
            numbers.get(numbers.len() / 2).copied().map(Output::Number)
        }
        OutputKind::Series | OutputKind::Text => None,
    }
}

#[cfg(test)]
mod tests {
    use ordinate_core::Choice;
    use ordinate_core::evidence::{EvidenceBuilder, ItemFields};

    use super::*;
    use crate::kinds::{Choose, Classify, Generate, Regress, Tag};
    use crate::metric::Target;

    fn floors(kind: &'static dyn Kind, targets: &[&str], labels: &[&str]) -> Floors {
        let mut builder = EvidenceBuilder::default();
        let options = Choice::lettered(["a", "b", "c", "d"]);
        for (at, target) in targets.iter().enumerate() {
            let fields = ItemFields { target: Some(target), options: &options, ..ItemFields::default() };
            builder.add_item(&at.to_string(), fields).unwrap();
        }
        let items = builder.into_items();
        let all = targets.iter().map(|text| Target { id: "x", text, input: None, learnt_from: true });
        let scorer = Scorer::of(kind, None).unwrap().fitted(all).unwrap();
        let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        Floors::of(kind, &scorer, &labels, &items, &(0..targets.len()).collect::<Vec<_>>())
    }

    #[test]
    fn guessing_and_saying_always_the_same() {
        let found = floors(&Choose, &["A", "B", "A", "C"], &[]);
        assert_eq!(found, Floors { guessing: Some(0.25), constant: Some((Output::Label("A".into()), 0.5)) });
        let found = floors(&Classify, &["up", "down", "up", "up"], &["down", "none", "up"]);
        assert_eq!(found.constant, Some((Output::Label("up".into()), 0.75)));
        assert!((found.guessing.unwrap() - 1.0 / 3.0).abs() < 1e-12);
        let found = floors(&Tag, &["a,b", "b, a", "c"], &["a", "b", "c"]);
        assert_eq!(found.constant, Some((Output::labels(["a", "b"]), 2.0 / 3.0)));
        assert_eq!(found.guessing, None);
        let found = floors(&Regress, &["0", "10", "10", "20"], &[]);
        assert_eq!(found.constant, Some((Output::Number(10.0), 0.75)));
        assert_eq!(floors(&Generate, &["x", "y"], &[]), Floors { guessing: None, constant: None });
    }
}
