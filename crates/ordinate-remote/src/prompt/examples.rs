//! Examples drawn from train: random, as many of each label, or those nearest to the item.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ordinate_core::task::ChooseExamples;
use sha2::{Digest, Sha256};

use ordinate_core::Item;

/// Characters of an n-gram: long enough to carry words, short enough for Chinese.
const GRAM: usize = 3;

/// The train items of which examples are drawn, and the rule.
///
/// Which items are drawn depends on their ids and the seed, not on their order in the file, so that the same
/// task always makes the same prompts.
#[derive(Debug, Clone)]
pub struct Examples {
    items: Arc<[Item]>,
    rule: Rule,
}

#[derive(Debug, Clone)]
enum Rule {
    Fixed(Vec<usize>),
    Nearest { k: usize, index: Arc<NgramIndex> },
}

impl Examples {
    /// No examples.
    #[must_use]
    pub fn none() -> Self {
        Self { items: Arc::from([]), rule: Rule::Fixed(Vec::new()) }
    }

    /// `k` examples of those train items that have a target. Items that are asked about must not be among them.
    #[must_use]
    pub fn draw(train: Vec<Item>, k: usize, choose: ChooseExamples, seed: u64) -> Self {
        let items: Arc<[Item]> = train.into_iter().filter(|item| item.target.is_some()).collect();
        let mut order: Vec<usize> = (0..items.len()).collect();
        order.sort_by_cached_key(|&at| rank(seed, &items[at].id));
        let rule = match choose {
            ChooseExamples::Random => Rule::Fixed(order.into_iter().take(k).collect()),
            ChooseExamples::PerClass => Rule::Fixed(per_class(&items, &order, k)),
            ChooseExamples::Nearest => Rule::Nearest { k, index: Arc::new(NgramIndex::new(&items)) },
        };
        Self { items, rule }
    }

    /// The items that may be shown. Drawn from these alone, by the same rule, the examples are the same.
    #[must_use]
    pub fn drawn_from(&self) -> Vec<&Item> {
        match &self.rule {
            Rule::Fixed(chosen) => chosen.iter().map(|&at| &self.items[at]).collect(),
            Rule::Nearest { .. } => self.items.iter().collect(),
        }
    }

    /// The examples to show with `item`; never `item` itself.
    #[must_use]
    pub fn of(&self, item: &Item) -> Vec<&Item> {
        match &self.rule {
            Rule::Fixed(chosen) => {
                chosen.iter().map(|&at| &self.items[at]).filter(|example| example.id != item.id).collect()
            }
            // The nearest stands last: what is read last weighs most.
            Rule::Nearest { k, index } => {
                let not_itself =
                    |at: usize| self.items[at].id != item.id && self.items[at].input.text != item.input.text;
                let mut near = index.nearest(&item.input.text, *k, not_itself);
                near.reverse();
                near.into_iter().map(|at| &self.items[at]).collect()
            }
        }
    }
}

/// A random-looking number that depends on the seed and the id alone.
fn rank(seed: u64, id: &str) -> [u8; 32] {
    Sha256::new().chain_update(seed.to_le_bytes()).chain_update(id.as_bytes()).finalize().into()
}

/// Labels in turn, the items of each in drawn order, until there are `k`.
fn per_class(items: &[Item], order: &[usize], k: usize) -> Vec<usize> {
    let mut classes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &at in order {
        classes.entry(items[at].target.as_deref().unwrap_or_default()).or_default().push(at);
    }
    let deepest = classes.values().map(Vec::len).max().unwrap_or(0);
    (0..deepest)
        .flat_map(|depth| classes.values().filter_map(move |class| class.get(depth).copied()))
        .take(k)
        .collect()
}

/// Character n-grams of items, weighted by tf-idf, for cosine similarity.
#[derive(Debug)]
struct NgramIndex {
    /// For each n-gram its items and weights; weights of one item have length 1.
    postings: HashMap<u64, Vec<(u32, f32)>>,
    items: usize,
}

impl NgramIndex {
    fn new(items: &[Item]) -> Self {
        let mut postings: HashMap<u64, Vec<(u32, f32)>> = HashMap::new();
        for (at, item) in (0_u32..).zip(items) {
            for (gram, count) in grams(&item.input.text) {
                postings.entry(gram).or_default().push((at, count));
            }
        }
        let idf: HashMap<u64, f32> =
            postings.iter().map(|(gram, list)| (*gram, idf(list.len(), items.len()))).collect();
        let mut squares = vec![0_f32; items.len()];
        for (gram, list) in &mut postings {
            for (at, weight) in list {
                *weight = (1.0 + weight.ln()) * idf[gram];
                squares[*at as usize] += *weight * *weight;
            }
        }
        for list in postings.values_mut() {
            for (at, weight) in list {
                *weight /= squares[*at as usize].sqrt().max(f32::MIN_POSITIVE);
            }
        }
        Self { postings, items: items.len() }
    }

    /// The `k` items most like `text`, nearest first; ties to the earlier.
    fn nearest(&self, text: &str, k: usize, keep: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut scores = vec![0_f32; self.items];
        // Sorted, so that sums of floats come out alike in every run.
        let mut query: Vec<(u64, f32)> = grams(text).into_iter().collect();
        query.sort_unstable_by_key(|(gram, _)| *gram);
        for (gram, count) in query {
            let Some(list) = self.postings.get(&gram) else { continue };
            let weight = (1.0 + count.ln()) * idf(list.len(), self.items);
            for (at, own) in list {
                scores[*at as usize] += weight * own;
            }
        }
        let mut order: Vec<usize> = (0..self.items).filter(|&at| keep(at)).collect();
        let by_score = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b));
        if order.len() > k && k > 0 {
            order.select_nth_unstable_by(k - 1, by_score);
        }
        order.truncate(k);
        order.sort_unstable_by(by_score);
        order
    }
}

fn idf(having: usize, items: usize) -> f32 {
    (1.0 + items as f32 / having as f32).ln()
}

/// Hashes of the n-grams of the lower-cased words of `text`, with their counts.
fn grams(text: &str) -> HashMap<u64, f32> {
    let chars: Vec<char> = std::iter::once(' ')
        .chain(
            text.split_whitespace().flat_map(|word| word.chars().flat_map(char::to_lowercase).chain([' '])),
        )
        .collect();
    let mut counts = HashMap::new();
    for window in chars.windows(GRAM) {
        // FNV-1a over code points: stable between runs, unlike the standard hasher.
        let hash = window.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, c| {
            (hash ^ u64::from(u32::from(*c))).wrapping_mul(0x100_0000_01b3)
        });
        *counts.entry(hash).or_insert(0.0) += 1.0;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn train() -> Vec<Item> {
        let item = |id: usize, input: &str, target: Option<&str>| Item {
            id: id.to_string(),
            input: input.into(),
            target: target.map(String::from),
            ..Item::default()
        };
        let mut items: Vec<Item> = (0..40).map(|id| item(id, "gold price rises again", Some("up"))).collect();
        items.push(item(40, "silver futures fall sharply", Some("down")));
        items.push(item(41, "铜价下跌百分之三", Some("down")));
        items.push(item(42, "silver futures fall sharply", None));
        items
    }

    fn drawn(k: usize, choose: ChooseExamples, seed: u64, input: &str) -> Vec<String> {
        let item = Item { id: "q".into(), input: input.into(), ..Item::default() };
        let examples = Examples::draw(train(), k, choose, seed);
        examples.of(&item).into_iter().map(|example| example.id.clone()).collect()
    }

    #[test]
    fn drawn_again_from_what_may_be_shown() {
        for choose in [ChooseExamples::Random, ChooseExamples::PerClass, ChooseExamples::Nearest] {
            let first = Examples::draw(train(), 5, choose, 3);
            let kept = first.drawn_from().into_iter().cloned().collect();
            let again = Examples::draw(kept, 5, choose, 3);
            let item = Item { id: "q".into(), input: "what is it".into(), ..Item::default() };
            assert_eq!(first.of(&item), again.of(&item), "{choose:?}");
            assert!(!first.of(&item).is_empty());
        }
    }

    #[test]
    fn random_is_repeatable_and_depends_on_the_seed() {
        let of = |seed| drawn(5, ChooseExamples::Random, seed, "x");
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        let mut reversed = train();
        reversed.reverse();
        let item = Item::default();
        let ids: Vec<String> = Examples::draw(reversed, 5, ChooseExamples::Random, 1)
            .of(&item)
            .iter()
            .map(|item| item.id.clone())
            .collect();
        assert_eq!(ids, of(1), "the order of the file decides nothing");
    }

    #[test]
    fn per_class_shows_rare_labels() {
        let ids = drawn(4, ChooseExamples::PerClass, 0, "x");
        assert_eq!(ids.iter().filter(|id| ["40", "41"].contains(&id.as_str())).count(), 2, "{ids:?}");
    }

    #[test]
    fn nearest_is_last_and_never_the_item_itself() {
        let ids = drawn(2, ChooseExamples::Nearest, 0, "silver futures fall again");
        assert_eq!((ids.len(), ids[1].as_str()), (2, "40"));
        assert_eq!(drawn(1, ChooseExamples::Nearest, 0, "铜价上涨"), ["41"]);
        assert_ne!(drawn(1, ChooseExamples::Nearest, 0, "silver futures fall sharply"), ["40"]);
        assert!(drawn(0, ChooseExamples::Nearest, 0, "x").is_empty());
    }
}
