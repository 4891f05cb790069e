//! Equal and nearly equal texts are one group, so that no learner is scored on what it was shown.
//!
//! *Equal* are texts that differ in case and white space only. *Nearly equal* are those whose sets of character 4-grams have
//! a Jaccard similarity of at least [`THRESHOLD`], leaving out 4-grams that come in more than ten texts and in more than 1 % of
//! them: they are the wording of a task, not of an item. Candidates for that are found by MinHash (Broder 1997) with
//! banding (Leskovec, Rajaraman and Ullman 2014, chapter 3; 16 bands of 4 find a pair at the threshold 98 times in 100), and
//! every pair is then verified. Groups are what such pairs connect. Time and memory are linear in the length of all texts.

use std::collections::HashMap;

use ordinate_core::random::mix;
use rayon::prelude::*;

use crate::ngrams::normalised;

/// The least Jaccard similarity of the 4-grams of nearly equal texts. One letter changed among 30 leaves 0.74, a word of six
/// letters changed among 100 characters 0.83; two questions after the capital of two countries have 0.5.
pub const THRESHOLD: f64 = 0.7;

/// The fewest shingles of a text that can be nearly equal to another.
const MIN_SHINGLES: usize = 6;
/// Texts that a shingle may come in without being taken for the wording of the task, and their share.
const COMMON: usize = 10;
const COMMON_SHARE: f64 = 0.01;
/// Bits of the table that counts texts a shingle.
const COUNTER_BITS: u32 = 22;
const BANDS: usize = 16;
const ROWS: usize = 4;
/// Examples that are kept.
const EXAMPLES: usize = 5;

/// Two items that are one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Example {
    /// The earlier item.
    pub first: usize,
    /// The later item.
    pub second: usize,
    /// The Jaccard similarity of their shingles; 1 where the texts are equal.
    pub similarity: f64,
}

/// Items by group.
#[derive(Debug, Clone, PartialEq)]
pub struct Grouping {
    /// The group of each item, numbered from 0 in order of their first items.
    pub of_item: Vec<u32>,
    /// The number of groups.
    pub count: usize,
    /// Items whose text equals that of an earlier one.
    pub equal: usize,
    /// Further items whose text nearly equals that of another.
    pub near: usize,
    /// A few pairs, nearly equal ones first.
    pub examples: Vec<Example>,
}

/// Groups `items` items whose texts `text` gives; an item without one is like no other. Items that have one code of `given`
/// (not `u32::MAX`, which is none) stay together too.
///
/// # Panics
/// When `given` is not one code an item, or there are 2^32 items or more.
#[must_use]
pub fn group<'a>(
    items: usize,
    text: impl Fn(usize) -> Option<&'a str> + Sync,
    given: Option<&[u32]>,
) -> Grouping {
    assert!(items < u32::MAX as usize, "too many items");
    let mut sets = Sets::new(items);
    let (distinct, mut examples) = equal(items, &text, &mut sets);
    let with_text = (0..items).filter(|&item| text(item).is_some()).count();
    let equal = with_text - distinct.len();
    let common = Common::count(&distinct, &text);
    let mut near = 0;
    for (a, b, similarity) in pairs(&distinct, &text, &common, &mut sets) {
        if sets.join(a, b) {
            near += 1;
            if near <= EXAMPLES {
                examples.insert(near - 1, Example { first: a.min(b), second: a.max(b), similarity });
            }
        }
    }
    examples.truncate(EXAMPLES);
    if let Some(given) = given {
        assert_eq!(given.len(), items, "there must be one code per item");
        let mut first = HashMap::new();
        for (item, &code) in given.iter().enumerate().filter(|(_, code)| **code != u32::MAX) {
            sets.join(*first.entry(code).or_insert(item), item);
        }
    }
    let (of_item, count) = sets.numbered();
    Grouping { of_item, count, equal, near, examples }
}

/// Joins equal texts; gives the first item of each distinct text, and examples.
fn equal<'a>(
    items: usize,
    text: &(impl Fn(usize) -> Option<&'a str> + Sync),
    sets: &mut Sets,
) -> (Vec<usize>, Vec<Example>) {
    let hash = |item: usize| {
        let characters = normalised(text(item)?.trim());
        Some(characters.iter().fold(0, |hash, c| mix(hash ^ u64::from(u32::from(*c)))))
    };
    let hashes: Vec<Option<u64>> = (0..items).into_par_iter().map(hash).collect();
    let mut first: HashMap<u64, usize> = HashMap::with_capacity(items);
    let (mut distinct, mut examples) = (Vec::new(), Vec::new());
    for (item, hash) in hashes.into_iter().enumerate().filter_map(|(item, hash)| Some((item, hash?))) {
        let known = *first.entry(hash).or_insert(item);
        if known == item {
            distinct.push(item);
        } else {
            sets.join(known, item);
            if examples.len() < EXAMPLES {
                examples.push(Example { first: known, second: item, similarity: 1.0 });
            }
        }
    }
    (distinct, examples)
}

/// The hashes of the shingles (4-grams of characters) of a text, each once, sorted.
fn shingles(text: &str) -> Vec<u32> {
    let characters = normalised(text.trim());
    // Four characters of 21 bits each do not fit 64 bits: the last is mixed in.
    let code = |c: char| u64::from(u32::from(c));
    let mut hashes: Vec<u32> = characters
        .windows(4)
        .map(|of| {
            let first = code(of[0]) | code(of[1]) << 21 | code(of[2]) << 42;
            (mix(first ^ code(of[3]).wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 32) as u32
        })
        .collect();
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

/// How many texts have a shingle, by its hash: never too few, seldom too many.
struct Common {
    texts: Vec<u16>,
    most: u16,
}

impl Common {
    fn count<'a>(distinct: &[usize], text: &(impl Fn(usize) -> Option<&'a str> + Sync)) -> Self {
        let mut texts = vec![0_u16; 1 << COUNTER_BITS];
        for chunk in distinct.chunks(1 << 10) {
            let read: Vec<Vec<u32>> =
                chunk.par_iter().map(|&item| shingles(text(item).unwrap_or_default())).collect();
            for &hash in read.iter().flatten() {
                let count = &mut texts[Self::place(hash)];
                *count = count.saturating_add(1);
            }
        }
        // What cannot be counted further is common, however many texts there are.
        let most =
            (COMMON_SHARE * distinct.len() as f64).clamp(COMMON as f64, f64::from(u16::MAX - 1)) as u16;
        Self { texts, most }
    }

    fn place(hash: u32) -> usize {
        (hash >> (32 - COUNTER_BITS)) as usize
    }

    /// The shingles that tell a text from others.
    fn own(&self, text: &str) -> Vec<u32> {
        let mut hashes = shingles(text);
        hashes.retain(|&hash| self.texts[Self::place(hash)] <= self.most);
        hashes
    }
}

/// One MinHash a row of each band, folded into a key a band; `None` for texts with too few shingles.
fn keys(shingles: &[u32]) -> Option<[u32; BANDS]> {
    if shingles.len() < MIN_SHINGLES {
        return None;
    }
    let factors: [u32; BANDS * ROWS] = std::array::from_fn(|row| (mix(row as u64) >> 32) as u32 | 1);
    let offsets: [u32; BANDS * ROWS] = std::array::from_fn(|row| mix(row as u64 ^ 0xffff) as u32);
    let mut least = [u32::MAX; BANDS * ROWS];
    for &shingle in shingles {
        for row in 0..BANDS * ROWS {
            least[row] = least[row].min(shingle.wrapping_mul(factors[row]).wrapping_add(offsets[row]));
        }
    }
    Some(std::array::from_fn(|band| {
        let rows = &least[band * ROWS..(band + 1) * ROWS];
        (rows.iter().fold(0, |hash, value| mix(hash ^ u64::from(*value))) >> 32) as u32
    }))
}

/// Verified pairs of nearly equal texts, enough to connect what belongs together.
fn pairs<'a>(
    distinct: &[usize],
    text: &(impl Fn(usize) -> Option<&'a str> + Sync),
    common: &Common,
    sets: &mut Sets,
) -> Vec<(usize, usize, f64)> {
    let own = |item: usize| common.own(text(item).unwrap_or_default());
    let keyed: Vec<(usize, [u32; BANDS])> =
        distinct.par_iter().filter_map(|&item| Some((item, keys(&own(item))?))).collect();
    let mut found = Vec::new();
    let mut known = sets.clone();
    for band in 0..BANDS {
        let mut order: Vec<(u32, u32)> =
            keyed.iter().map(|(item, keys)| (keys[band], *item as u32)).collect();
        order.par_sort_unstable();
        let mut candidates = Vec::new();
        for run in order.chunk_by(|a, b| a.0 == b.0) {
            // To the one before and to the first: a run as long as the table must not cost its square.
            for (place, pair) in run.windows(2).enumerate() {
                candidates.push((pair[0].1 as usize, pair[1].1 as usize));
                if place > 0 {
                    candidates.push((run[0].1 as usize, pair[1].1 as usize));
                }
            }
        }
        candidates.retain(|&(a, b)| known.root(a) != known.root(b));
        let verified: Vec<(usize, usize, f64)> = candidates
            .into_par_iter()
            .filter_map(|(a, b)| {
                let similarity = jaccard(&own(a), &own(b));
                (similarity >= THRESHOLD).then_some((a, b, similarity))
            })
            .collect();
        for pair in verified {
            if known.join(pair.0, pair.1) {
                found.push(pair);
            }
        }
    }
    found
}

/// Elements in both over elements in either, of two sorted sets.
fn jaccard(a: &[u32], b: &[u32]) -> f64 {
    let (mut i, mut j, mut both) = (0, 0, 0_usize);
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        both += usize::from(x == y);
        i += usize::from(x <= y);
        j += usize::from(y <= x);
    }
    both as f64 / (a.len() + b.len() - both).max(1) as f64
}

/// Disjoint sets of items (Tarjan 1975): the smallest item stands for its set.
#[derive(Debug, Clone)]
struct Sets(Vec<u32>);

impl Sets {
    fn new(items: usize) -> Self {
        Self((0..items as u32).collect())
    }

    fn root(&mut self, item: usize) -> usize {
        let mut at = item;
        while self.0[at] as usize != at {
            // Paths are halved on the way.
            self.0[at] = self.0[self.0[at] as usize];
            at = self.0[at] as usize;
        }
        at
    }

    /// Whether they were apart.
    fn join(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        let (low, high) = (a.min(b), a.max(b));
        self.0[high] = low as u32;
        low != high
    }

    fn numbered(mut self) -> (Vec<u32>, usize) {
        let mut number = vec![u32::MAX; self.0.len()];
        let mut count = 0;
        let of_item = (0..self.0.len())
            .map(|item| {
                let root = self.root(item);
                if number[root] == u32::MAX {
                    number[root] = count;
                    count += 1;
                }
                number[root]
            })
            .collect();
        (of_item, count as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grouped(texts: &[&str]) -> Grouping {
        group(texts.len(), |item| Some(texts[item]), None)
    }

    #[test]
    fn equal_and_nearly_equal_texts_are_one() {
        let found = grouped(&[
            "Which river flows through the city of Dresden?",
            "A contract is void if it was signed under duress.",
            "which river  flows through\nthe city of Dresden?",
            "Which river flows through the city of Dresden",
            "A contract is void when it was signed under duress.",
            "Which mountain is the highest of the Alps?",
        ]);
        assert_eq!(found.of_item, [0, 1, 0, 0, 1, 2]);
        assert_eq!((found.count, found.equal, found.near), (3, 1, 2));
        assert_eq!(found.examples.len(), 3);
        assert!(found.examples[0].similarity < 1.0 && found.examples[2].similarity == 1.0);
    }

    #[test]
    fn short_texts_and_signs_are_not_confused() {
        assert_eq!(grouped(&["2 + 2", "2 - 2", "", "-", "yes", "no"]).count, 6);
        assert_eq!(grouped(&["What is the capital of France?", "What is the capital of Spain?"]).count, 2);
        let none = group(3, |_| None, Some(&[4, u32::MAX, 4]));
        assert_eq!((none.of_item, none.equal), (vec![0, 1, 0], 0));
    }

    #[test]
    fn the_wording_of_a_task_does_not_make_items_equal() {
        let wording = "Decide whether the following review of a product is positive or negative, and answer with one word: ";
        let own = [
            "it broke at once",
            "lovely colours",
            "arrived late but works",
            "never again",
            "my son likes it",
        ];
        let texts: Vec<String> =
            (0..60).map(|i| format!("{wording}{} {}", own[i % 5], mix(i as u64))).collect();
        let found = group(60, |item| Some(texts[item].as_str()), None);
        assert_eq!(found.count, 60);
    }

    #[test]
    fn groups_that_are_given_are_kept_and_joined() {
        let texts =
            ["the first question of all", "something else entirely", "the first question of all", "a fourth"];
        let found = group(4, |item| Some(texts[item]), Some(&[9, 9, 7, 7]));
        assert_eq!(found.of_item, [0; 4]);
    }

    #[test]
    fn planted_copies_are_found_in_many_texts() {
        // 2,000 random sentences; every tenth comes again with a word changed.
        let word = |seed: u64| format!("w{:x}", mix(seed) % 5000);
        let sentence = |s: u64| (0..14).map(|w| word(s * 100 + w)).collect::<Vec<_>>();
        let mut texts: Vec<String> = (0..2_000).map(|s| sentence(s).join(" ")).collect();
        for s in (0..2_000).step_by(10) {
            let mut words = sentence(s);
            words[(s / 10 % 14) as usize] = "other".to_owned();
            texts.push(words.join(" "));
        }
        let found = group(texts.len(), |item| Some(texts[item].as_str()), None);
        let recalled =
            (0..200).filter(|&copy| found.of_item[2_000 + copy] == found.of_item[10 * copy]).count();
        assert!(recalled >= 195, "{recalled} of 200");
        assert!(found.count >= 1_995, "{} groups", found.count);
    }
}
