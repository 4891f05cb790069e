//! Text written by others, made safe to show.

use ordinate_core::can_be_shown;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// What stands for a text of which nothing can be shown.
const UNPRINTABLE: &str = "(unprintable)";

/// `text` on one line, without control characters and without characters that are invisible or turn the
/// reading direction ([`can_be_shown`]).
pub(crate) fn clean(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() {
            if !shown.ends_with(' ') {
                shown.push(' ');
            }
        } else if can_be_shown(c) {
            shown.push(c);
        }
    }
    let shown = shown.trim();
    if shown.is_empty() { UNPRINTABLE.to_owned() } else { shown.to_owned() }
}

/// Text that goes back as it is where a form is sent: only what cannot stand in HTML is replaced.
pub(crate) fn typed(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Columns that `text` takes in a terminal: 2 for wide characters such as Chinese ones.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// `text` in at most `columns`, with an ellipsis where something was cut off.
pub(crate) fn shorten(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut shown = String::new();
    for grapheme in text.graphemes(true) {
        if width(&shown) + width(grapheme) + 1 > columns {
            break;
        }
        shown.push_str(grapheme);
    }
    shown.truncate(shown.trim_end().len());
    shown.push('…');
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_the_cursor_or_the_eye_is_left() {
        assert_eq!(clean("a\u{1b}[2Jb\r\nc"), "a[2Jb c");
        assert_eq!(clean("a\u{202e}b\u{2066}\u{200b}\u{feff}\u{9b}31m"), "ab31m");
        assert_eq!(clean("\u{7}\u{202e} "), UNPRINTABLE);
        assert_eq!(clean("通义千问  7b"), "通义千问 7b");
    }

    #[test]
    fn shortened_text_fits_and_keeps_whole_characters() {
        assert_eq!(shorten("short", 5), "short");
        assert_eq!(shorten("shorter", 5), "shor…");
        assert_eq!(shorten("通义千问", 6), "通义…");
        assert_eq!(width(&shorten("通义千问", 6)), 5);
        assert_eq!(shorten("a\u{301}bc", 2), "a\u{301}…");
    }
}
