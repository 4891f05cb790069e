//! Sentences of a text, and words of a sentence.

use unicode_segmentation::UnicodeSegmentation;

/// The sentences of a text as they stand, without the space around them; none of them empty.
pub(crate) fn sentences(text: &str) -> Vec<&str> {
    // Line ends part sentences too: turns of a dialogue, points of a list.
    text.lines()
        .flat_map(UnicodeSegmentation::unicode_sentences)
        .map(str::trim)
        .filter(|sentence| !sentence.is_empty())
        .collect()
}

/// The words of a text in lower case, in their order.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.unicode_words().map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_stand_as_they_are() {
        assert_eq!(
            sentences(" Was it so? It was.  He left at 3.5 p.m. sharp.\n- a point\n\n猫坐下了。狗走了。"),
            ["Was it so?", "It was.", "He left at 3.5 p.m. sharp.", "- a point", "猫坐下了。", "狗走了。"]
        );
        // The rules (UAX 29) part after every ! and ?, also within a sentence that goes on.
        assert_eq!(sentences("He said \"no!\" and left."), ["He said \"no!\"", "and left."]);
        assert!(sentences(" \n ").is_empty());
        assert_eq!(words("Don't STOP, 3.5 %"), ["don't", "stop", "3.5"]);
    }
}
