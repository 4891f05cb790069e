//! Pictures in a message: where a template has the input of an item that is one, the picture itself is sent in its place, as a part
//! of the message of its own.

use serde_json::{Value, json};

/// Stands on both sides of a picture's number while a template is rendered: no character, as Unicode has it, but for the use within a
/// program.
const MARK: char = '\u{FDD0}';

/// What a template is given for the picture with this number.
pub(super) fn mark(number: usize) -> String {
    format!("{MARK}{number}{MARK}")
}

/// A part of a message.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a str),
    Picture(&'a str),
}

/// A message as its parts: texts, and pictures where they are marked.
fn parts<'a>(text: &'a str, pictures: &'a [String]) -> Vec<Part<'a>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    let mut from = 0;
    while let Some(start) = rest[from..].find(MARK).map(|at| at + from) {
        let after = start + MARK.len_utf8();
        let marked = rest[after..].find(MARK).and_then(|length| {
            let picture = pictures.get(rest[after..after + length].parse::<usize>().ok()?)?;
            Some((picture, after + length + MARK.len_utf8()))
        });
        let Some((picture, end)) = marked else {
            from = after;
            continue;
        };
        if !rest[..start].trim().is_empty() {
            parts.push(Part::Text(rest[..start].trim()));
        }
        parts.push(Part::Picture(picture));
        (rest, from) = (&rest[end..], 0);
    }
    if !rest.trim().is_empty() {
        parts.push(Part::Text(rest.trim()));
    }
    parts
}

/// The content of a message, as the chat API takes it.
pub(crate) fn content(text: &str, pictures: &[String]) -> Value {
    if pictures.is_empty() {
        return Value::from(text);
    }
    let part = |part: Part<'_>| match part {
        Part::Text(text) => json!({ "type": "text", "text": text }),
        Part::Picture(url) => json!({ "type": "image_url", "image_url": { "url": url } }),
    };
    parts(text, pictures).into_iter().map(part).collect()
}

/// A message as people are shown it.
pub(super) fn shown(text: &str, pictures: &[String]) -> String {
    let part = |part: Part<'_>| match part {
        Part::Text(text) => text.to_owned(),
        Part::Picture(url) => {
            let kind = url.split([':', ';']).nth(1).unwrap_or("image");
            format!("[{kind}, {} characters]", url.len())
        }
    };
    match pictures {
        [] => text.to_owned(),
        _ => parts(text, pictures).into_iter().map(part).collect::<Vec<_>>().join("\n"),
    }
}

/// Bytes of a request without its pictures, and how many of them there are.
pub(crate) fn weighed(body: &str) -> (usize, usize) {
    const URL: &str = "\"url\":\"data:image/";
    let (mut bytes, mut count, mut rest) = (body.len(), 0, body);
    while let Some(start) = rest.find(URL) {
        let url = &rest[start + URL.len()..];
        // A data URL has no quotation mark.
        let length = url.find('"').unwrap_or(url.len());
        (bytes, count, rest) = (bytes - length, count + 1, &url[length..]);
    }
    (bytes, count)
}

/// Bytes that a picture counts as, beside text of four bytes a token: 1,000 tokens. Providers bill from 85 to some thousands.
const BYTES_OF_A_PICTURE: usize = 4_000;

/// Bytes of a request from which its tokens are guessed: a picture is billed by its size, and not by the length of its URL.
#[must_use]
pub fn billed_bytes(body: &str) -> usize {
    let (bytes, pictures) = weighed(body);
    bytes + pictures * BYTES_OF_A_PICTURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_stand_where_they_are_marked() {
        let pictures = ["data:image/png;base64,AA==".to_owned(), "data:image/jpeg;base64,/9j/".to_owned()];
        let text = format!("Image: {}\nLabel: cat\n\nImage: {}\nLabel:", mark(1), mark(0));
        assert_eq!(
            content(&text, &pictures),
            json!([
                { "type": "text", "text": "Image:" },
                { "type": "image_url", "image_url": { "url": pictures[1] } },
                { "type": "text", "text": "Label: cat\n\nImage:" },
                { "type": "image_url", "image_url": { "url": pictures[0] } },
                { "type": "text", "text": "Label:" },
            ])
        );
        let seen = shown(&text, &pictures);
        assert!(seen.starts_with("Image:\n[image/jpeg, 27 characters]\nLabel: cat"), "{seen}");
        // What was not marked here is text.
        let odd = format!("a {MARK}7{MARK} {MARK}x {}", mark(0));
        assert_eq!(content(&odd, &pictures)[0]["text"], format!("a {MARK}7{MARK} {MARK}x"));
        assert_eq!(content(&odd, &pictures)[1]["image_url"]["url"], pictures[0]);
        assert_eq!(content(&odd, &[]), Value::from(odd.as_str()));
    }

    #[test]
    fn pictures_are_not_weighed_as_text() {
        let body =
            content(&format!("a {}", mark(0)), &["data:image/png;base64,AAAABBBB".to_owned()]).to_string();
        let without = body.replace("png;base64,AAAABBBB", "");
        assert_eq!(weighed(&body), (without.len(), 1));
        assert_eq!(weighed("{}"), (2, 0));
    }
}
