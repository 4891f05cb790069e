//! Pieces of words, learned from texts, and the SentencePiece file that they are written as.
//!
//! Pairs of pieces that come most often side by side are joined, again and again (byte-pair encoding, Sennrich et al. 2016); how often
//! each piece is needed then is its probability in a unigram model (Kudo 2018), by which texts are cut. The trainer of the crate
//! `tokenizers` walks over hash maps in an order that differs from run to run, so that the same texts do not give it the same pieces.

use std::collections::{BTreeMap, HashMap};

use super::pieces::SPACE;

/// Characters that are pieces at most: rarer ones are unknown.
const CHARACTERS: usize = 6_000;
/// Joined pairs have to come so often.
const LEAST: u64 = 2;
/// The longest piece, in characters.
const LONGEST: usize = 16;

/// A word as the numbers of its pieces, and how often it comes.
struct Word {
    pieces: Vec<u32>,
    count: u64,
}

/// Pieces of these texts and the logarithm of the probability of each: characters, and at most `joined` joined ones. The same for the
/// same texts.
pub(super) fn learn<'a>(texts: impl IntoIterator<Item = &'a str>, joined: usize) -> Vec<(String, f64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for word in texts.into_iter().flat_map(|text| text.split(' ')).filter(|word| !word.is_empty()) {
        *counts.entry(word).or_default() += 1;
    }
    let mut pieces = characters(&counts);
    let numbers: HashMap<char, u32> =
        (0..).zip(&pieces).filter_map(|(at, text)| Some((text.chars().next()?, at))).collect();
    let mut words: Vec<Word> = counts
        .iter()
        .map(|(word, &count)| {
            let spaced = std::iter::once(SPACE).chain(word.chars());
            Word { pieces: spaced.filter_map(|c| numbers.get(&c).copied()).collect(), count }
        })
        .collect();
    let mut pairs: HashMap<(u32, u32), u64> = HashMap::new();
    for word in &words {
        for pair in word.pieces.windows(2) {
            *pairs.entry((pair[0], pair[1])).or_default() += word.count;
        }
    }
    for _ in 0..joined {
        let short = |&(a, b): &(u32, u32)| {
            let length = |at: u32| pieces[at as usize].chars().count();
            length(a) + length(b) <= LONGEST
        };
        // Of pairs that come as often the first.
        let best = pairs
            .iter()
            .filter(|(pair, count)| **count >= LEAST && short(pair))
            .max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
        let Some((&pair, _)) = best else { break };
        let made = pieces.len() as u32;
        pieces.push(format!("{}{}", pieces[pair.0 as usize], pieces[pair.1 as usize]));
        words.iter_mut().for_each(|word| join(word, pair, made, &mut pairs));
        pairs.remove(&pair);
    }
    let mut needed = vec![0_u64; pieces.len()];
    for word in &words {
        word.pieces.iter().for_each(|&at| needed[at as usize] += word.count);
    }
    let total: u64 = needed.iter().sum();
    // What is needed no more, because it always stands within something longer, is kept for words that are new.
    let log = |count: u64| ((count as f64).max(0.5) / (total as f64).max(1.0)).ln();
    pieces.into_iter().zip(needed).map(|(piece, count)| (piece, log(count))).collect()
}

/// The most frequent characters, and the sign for a space, each a piece.
fn characters(words: &BTreeMap<&str, u64>) -> Vec<String> {
    let mut counts: BTreeMap<char, u64> = BTreeMap::new();
    for (word, count) in words {
        word.chars().for_each(|c| *counts.entry(c).or_default() += count);
    }
    counts.remove(&SPACE);
    let mut found: Vec<(char, u64)> = counts.into_iter().collect();
    found.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    found.truncate(CHARACTERS);
    std::iter::once(SPACE).chain(found.into_iter().map(|(c, _)| c)).map(String::from).collect()
}

/// Joins a pair in a word, and counts the pairs that it then has.
fn join(word: &mut Word, pair: (u32, u32), made: u32, pairs: &mut HashMap<(u32, u32), u64>) {
    if !word.pieces.windows(2).any(|two| (two[0], two[1]) == pair) {
        return;
    }
    for two in word.pieces.windows(2) {
        if let Some(count) = pairs.get_mut(&(two[0], two[1])) {
            *count = count.saturating_sub(word.count);
        }
    }
    let mut joined = Vec::with_capacity(word.pieces.len());
    let mut at = 0;
    while at < word.pieces.len() {
        let is_pair = word.pieces.get(at + 1).is_some_and(|&next| (word.pieces[at], next) == pair);
        joined.push(if is_pair { made } else { word.pieces[at] });
        at += if is_pair { 2 } else { 1 };
    }
    word.pieces = joined;
    for two in word.pieces.windows(2) {
        *pairs.entry((two[0], two[1])).or_default() += word.count;
    }
}

/// The bytes of a SentencePiece file (`ModelProto`) with these pieces: unigram, characters as they are, spaces at the ends and in a row
/// left out.
pub(super) fn file(pieces: &[(String, f64)]) -> Vec<u8> {
    /// `SentencePiece.Type`.
    const NORMAL: u64 = 1;
    const UNKNOWN: u64 = 2;
    const CONTROL: u64 = 3;
    let special =
        [("<unk>", UNKNOWN), ("<s>", CONTROL), ("</s>", CONTROL)].map(|(text, kind)| (text, 0.0, kind));
    let normal = pieces.iter().map(|(text, score)| (text.as_str(), *score, NORMAL));
    let mut file = Vec::new();
    for (text, score, kind) in special.into_iter().chain(normal) {
        let mut piece = Vec::new();
        bytes(&mut piece, 1, text.as_bytes());
        number(&mut piece, 2 << 3 | 5);
        piece.extend((score as f32).to_le_bytes());
        number(&mut piece, 3 << 3);
        number(&mut piece, kind);
        bytes(&mut file, 1, &piece);
    }
    // TrainerSpec: model_type UNIGRAM. NormalizerSpec: name, add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces.
    bytes(&mut file, 2, &[3 << 3, 1]);
    let mut normalizer = Vec::new();
    bytes(&mut normalizer, 1, b"identity");
    normalizer.extend([3 << 3, 1, 4 << 3, 1, 5 << 3, 1]);
    bytes(&mut file, 3, &normalizer);
    file
}

/// A field of bytes.
fn bytes(to: &mut Vec<u8>, field: u64, value: &[u8]) {
    number(to, field << 3 | 2);
    number(to, value.len() as u64);
    to.extend(value);
}

/// A number of seven bits a byte.
fn number(to: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::super::pieces::Pieces;
    use super::*;

    #[test]
    fn what_was_learned_is_read_back_and_cuts() {
        let texts: Vec<String> = (0..200)
            .map(|at| format!("der {} Hund läuft {}mal", ["kleine", "große", "alte"][at % 3], at % 7))
            .collect();
        let learned = learn(texts.iter().map(String::as_str), 60);
        assert_eq!(learned, learn(texts.iter().map(String::as_str), 60));
        assert!(learned.iter().any(|(piece, _)| piece == "▁Hund") && learned.len() <= 61 + 30, "{learned:?}");
        let pieces = Pieces::of(&file(&learned)).unwrap();
        assert_eq!(pieces.cut("  der  alte Hund ").unwrap().concat(), "▁der▁alte▁Hund");
        assert!(pieces.cut("der alte Hund").unwrap().len() <= 4);
        // What was not seen is cut into what was, or is unknown.
        assert_eq!(pieces.cut("Rund猫").unwrap().last().unwrap(), "猫");
        assert_eq!(pieces.cut("").unwrap(), [""; 0]);
    }
}
