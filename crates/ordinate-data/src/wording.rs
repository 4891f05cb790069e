//! Parts of messages.

/// A text for a message: quoted, escaped, and cut at 60 characters.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(60) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}", format!("{}\u{2026}", &text[..end])),
    }
}

/// Names for a message: at most 24 of them.
pub(crate) fn list<S: AsRef<str>>(names: &[S]) -> String {
    const SHOWN: usize = 24;
    let mut text = names.iter().take(SHOWN).map(|name| clean(name.as_ref())).collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        text.push_str(&format!(" and {} more", names.len() - SHOWN));
    }
    if names.is_empty() { "none".to_owned() } else { text }
}

pub(crate) fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(" (did you mean {}?)", quoted(name))).unwrap_or_default()
}

/// A name without quotes if it can be shown as it is.
fn clean(name: &str) -> String {
    let plain = !name.is_empty() && name.chars().count() <= 60 && !name.chars().any(char::is_control);
    if plain { name.to_owned() } else { quoted(name) }
}
