//! Where a text differs from another, word by word.

use unicode_segmentation::UnicodeSegmentation;

/// A piece of a text, and whether it is not in the other one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// Whether the other text has it not, at this place.
    pub differs: bool,
}

/// Words of either text up to which all of both are compared: the table of a longer pair takes too long to fill.
const MOST: usize = 400;

/// The pieces of a text that are, and are not, in the other text, in their order: what a longest common subsequence of words
/// (Wagner and Fischer 1974) leaves out differs. Without another text nothing does. Of texts of many words that begin and end
/// alike the middle is one piece.
#[must_use]
pub fn differing(text: &str, against: Option<&str>) -> Vec<Piece> {
    let whole = |differs: bool| {
        if text.is_empty() { Vec::new() } else { vec![Piece { text: text.to_owned(), differs }] }
    };
    let Some(against) = against else { return whole(false) };
    if text.trim() == against.trim() {
        return whole(false);
    }
    let own: Vec<&str> = text.split_word_bounds().collect();
    let other: Vec<&str> = against.split_word_bounds().collect();
    let begin = own.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let rest = own.len().min(other.len()) - begin;
    let end = own.iter().rev().zip(other.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let (own_middle, other_middle) = (&own[begin..own.len() - end], &other[begin..other.len() - end]);
    let mut differs = vec![false; own.len()];
    let kept = common(own_middle, other_middle);
    for (at, is_kept) in kept.into_iter().enumerate() {
        // White space alone is not worth a mark.
        differs[begin + at] = !is_kept && !own_middle[at].trim().is_empty();
    }
    let mut pieces: Vec<Piece> = Vec::new();
    for (at, word) in own.iter().enumerate() {
        // The space between two words that differ belongs to them.
        let is_between = word.trim().is_empty()
            && at > 0
            && differs[at - 1]
            && differs.get(at + 1).is_some_and(|differs| *differs);
        let differs = differs[at] || is_between;
        match pieces.last_mut() {
            Some(last) if last.differs == differs => last.text.push_str(word),
            _ => pieces.push(Piece { text: (*word).to_owned(), differs }),
        }
    }
    pieces
}

/// Which of these words are in a longest common subsequence with the others.
fn common(own: &[&str], other: &[&str]) -> Vec<bool> {
    let mut kept = vec![false; own.len()];
    if own.len() > MOST || other.len() > MOST {
        return kept;
    }
    let width = other.len() + 1;
    // The length of the longest common subsequence of what follows each pair of places.
    let mut longest = vec![0_u16; (own.len() + 1) * width];
    for i in (0..own.len()).rev() {
        for j in (0..other.len()).rev() {
            longest[i * width + j] = if own[i] == other[j] {
                longest[(i + 1) * width + j + 1] + 1
            } else {
                longest[(i + 1) * width + j].max(longest[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < own.len() && j < other.len() {
        if own[i] == other[j] {
            kept[i] = true;
            (i, j) = (i + 1, j + 1);
        } else if longest[(i + 1) * width + j] >= longest[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(text: &str, against: &str) -> String {
        let pieces = differing(text, Some(against));
        let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(whole, text, "nothing is lost");
        pieces.iter().map(|p| if p.differs { format!("[{}]", p.text) } else { p.text.clone() }).collect()
    }

    #[test]
    fn words_that_the_other_has_not_are_marked() {
        assert_eq!(marked("the cat sat", "the cat sat"), "the cat sat");
        assert_eq!(marked("the dog sat", "the cat sat"), "the [dog] sat");
        assert_eq!(marked("the old dog sat", "the cat sat"), "the [old dog] sat");
        assert_eq!(marked("the cat", "the cat sat"), "the cat");
        assert_eq!(marked("up", "down"), "[up]");
        assert_eq!(marked("", "down"), "");
        assert_eq!(marked("a a a", "a"), "a [a a]");
        assert_eq!(differing("up", None), [Piece { text: "up".to_owned(), differs: false }]);
        // Scripts without spaces are told apart too.
        assert_eq!(marked("金价上涨", "金价下跌"), "金价[上涨]");
    }

    #[test]
    fn long_texts_that_begin_and_end_alike_differ_in_the_middle() {
        let long = |middle: &str| format!("begin {} end", format!("{middle} ").repeat(2 * MOST));
        let pieces = differing(&long("x"), Some(&long("y")));
        assert_eq!(pieces.iter().map(|piece| piece.differs).collect::<Vec<_>>(), [false, true, false]);
    }
}
