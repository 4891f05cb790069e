//! The sentence that shares most with a question.

use std::collections::{HashMap, HashSet};

use crate::words::words;

/// As in BM25 (Robertson and Zaragoza 2009): how soon a word that comes again counts no more, and how much a long sentence is held
/// back.
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// The place of the sentence with the highest BM25 for the question, the sentences of the text being the collection; of equal ones, and
/// where none shares a word, the first.
pub(crate) fn answering(sentences: &[&str], question: &str) -> usize {
    let tokens: Vec<Vec<String>> = sentences.iter().map(|sentence| words(sentence)).collect();
    let count = tokens.len() as f64;
    let mean = tokens.iter().map(Vec::len).sum::<usize>() as f64 / count.max(1.0);
    let mut with: HashMap<&str, f64> = HashMap::new();
    for sentence in &tokens {
        for word in sentence.iter().map(String::as_str).collect::<HashSet<_>>() {
            *with.entry(word).or_insert(0.0) += 1.0;
        }
    }
    let asked: Vec<String> = {
        let mut seen = HashSet::new();
        words(question).into_iter().filter(|word| seen.insert(word.clone())).collect()
    };
    let score = |sentence: &[String]| -> f64 {
        asked
            .iter()
            .map(|word| {
                let often = sentence.iter().filter(|other| *other == word).count() as f64;
                let held = with.get(word.as_str()).copied().unwrap_or(0.0);
                let rare = ((count - held + 0.5) / (held + 0.5)).ln_1p();
                let long = K1 * (1.0 - B + B * sentence.len() as f64 / mean.max(1.0));
                rare * often * (K1 + 1.0) / (often + long)
            })
            .sum()
    };
    let mut best = (0, f64::NEG_INFINITY);
    for (place, sentence) in tokens.iter().enumerate() {
        let score = score(sentence);
        if score > best.1 {
            best = (place, score);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::answering;

    #[test]
    fn rare_words_decide() {
        let sentences =
            ["The tower is in Paris.", "The tower was built by Eiffel.", "The tower is high.", "It rains."];
        assert_eq!(answering(&sentences, "Who built the tower?"), 1);
        assert_eq!(answering(&sentences, "Where does it rain, in Paris?"), 0);
        assert_eq!(answering(&sentences, "Why?"), 0, "the first, where none shares a word");
    }
}
