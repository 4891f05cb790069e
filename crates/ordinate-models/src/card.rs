//! The licence that a model's card (`README.md`) names.

/// `license` in the front matter of a card; with `license: other` the name that it gives (`license_name`).
pub(crate) fn licence(card: &str) -> Option<String> {
    let card = card.trim_start_matches('\u{feff}');
    let mut lines = card.lines();
    if lines.next()?.trim_end() != "---" {
        return None;
    }
    let head: Vec<&str> = lines.take_while(|line| line.trim_end() != "---").collect();
    let of = |key: &str| {
        let at =
            head.iter().position(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')))?;
        let said = plain(&head[at][key.len() + 1..]);
        // One licence, or a list of them.
        let listed = || {
            let items = head[at + 1..].iter().map_while(|line| line.trim_start().strip_prefix("- "));
            items.filter_map(plain).collect::<Vec<_>>().join(", ")
        };
        said.or_else(|| Some(listed()).filter(|list| !list.is_empty()))
    };
    let licence = of("license")?;
    if licence == "other" { Some(of("license_name").unwrap_or(licence)) } else { Some(licence) }
}

/// A plain value of YAML, without quotes and comments.
fn plain(text: &str) -> Option<String> {
    let text = text.split(" #").next().unwrap_or_default().trim();
    let text = text.trim_matches(['"', '\'', '[', ']']).trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences() {
        for (card, expected) in [
            ("---\nlanguage: en\nlicense: apache-2.0\n---\n# Model\nlicense: mit\n", Some("apache-2.0")),
            ("---\r\nlicense: \"mit\" # ours\r\n---\r\n", Some("mit")),
            ("---\nlicense: other\nlicense_name: llama3\nlicense_link: LICENSE\n---\n", Some("llama3")),
            ("---\nlicense: other\n---\n", Some("other")),
            ("---\nlicense:\n- mit\n- apache-2.0\ntags:\n- a\n---\n", Some("mit, apache-2.0")),
            ("---\nlicense_name: x\n---\nlicense: mit\n", None),
            ("# Model\nlicense: mit\n", None),
            ("---\nlicense:\n---\n", None),
            ("", None),
        ] {
            assert_eq!(licence(card).as_deref(), expected, "{card}");
        }
    }
}
