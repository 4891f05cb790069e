//! Images as the texts of items: what an item of a `classify-image` task is.

/// How the text of a PNG begins.
pub const PNG: &str = "data:image/png;base64,";
/// How the text of a JPEG begins.
pub const JPEG: &str = "data:image/jpeg;base64,";

/// Whether a text is an image: a data URL (RFC 2397) of a PNG or a JPEG, as browsers and chat APIs take it. Whether it can be
/// decoded is not looked at.
#[must_use]
pub fn is_image(text: &str) -> bool {
    text.starts_with(PNG) || text.starts_with(JPEG)
}

/// What a text says in words: nothing where it is an image, whose bytes are no words.
#[must_use]
pub fn words(text: &str) -> &str {
    if is_image(text) { "" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_say_nothing_in_words() {
        assert!(is_image("data:image/png;base64,iVBORw0KGgo=") && is_image("data:image/jpeg;base64,/9j/"));
        assert!(!is_image("image/png") && !is_image(" data:image/png;base64,") && !is_image(""));
        assert_eq!(words("data:image/png;base64,iVBORw0KGgo="), "");
        assert_eq!(words("a cat"), "a cat");
    }
}
