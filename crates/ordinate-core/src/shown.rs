//! What may be shown of text that others wrote.

/// Whether a character may be shown: no control character, none that is invisible, and none that turns the reading direction
/// (Unicode TR 9): these can forge what stands beside a text, in a terminal and in a page alike.
///
/// Joiners (U+200C, U+200D) stay: Persian and Indic words need them.
#[must_use]
pub fn can_be_shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}'..='\u{ffff}'
            | '\u{e0000}'..='\u{e007f}')
}

/// `text` with what cannot be shown replaced by U+FFFD; lines and tabs stay.
#[must_use]
pub fn shown(text: &str) -> String {
    text.chars().map(|c| if matches!(c, '\n' | '\t') || can_be_shown(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_moves_the_cursor_is_left() {
        assert_eq!(shown("a\u{1b}[2Jb\r\n\tc\u{9b}\u{202e}d"), "a\u{fffd}[2Jb\u{fffd}\n\tc\u{fffd}\u{fffd}d");
        assert_eq!(shown("通义\u{200d}千问"), "通义\u{200d}千问");
    }
}
