//! Names that can be trusted: of candidates, and of the files that hold their answers.

use ordinate_core::name::{CandidateName, MAX_NAME_BYTES, NameError};

use crate::align::short_digest;

/// A model's name as a candidate name: control characters become spaces, long names are cut and marked.
pub(crate) fn candidate(model: &str) -> Result<CandidateName, NameError> {
    let spaced: String = model.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut name = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() {
        name = "model".into();
    }
    // Room is left for the number of a second run.
    if name.len() > MAX_NAME_BYTES - 16 {
        let cut = name.floor_char_boundary(MAX_NAME_BYTES - 32);
        name = format!("{}~{}", name[..cut].trim_end(), short_digest(model));
    }
    CandidateName::new(&name)
}

/// Text as one plain path part: no separator, no hidden file, no `..`; empty where nothing is left.
fn plain(text: &str) -> String {
    const LONGEST: usize = 80;
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.+".contains(c) { c } else { '_' };
    text.chars().map(safe).take(LONGEST).collect::<String>().trim_matches(['.', '_']).to_owned()
}

/// Text as one plain path part that is not empty.
pub(crate) fn path_part(text: &str) -> String {
    let part = plain(text);
    if part.is_empty() { format!("x-{}", short_digest(text)) } else { part }
}

/// The file of a candidate's answers: a name that is one plain path part on every system, and new among `taken`
/// (compared without case, as some systems do).
pub(crate) fn file(candidate: &str, taken: &dyn Fn(&str) -> bool) -> String {
    let mut stem = plain(candidate);
    // Not a file of the import itself, and not a name that means a device on Windows.
    const RESERVED: [&str; 9] =
        ["items", "unaligned", "ordinate", "con", "prn", "aux", "nul", "com1", "lpt1"];
    let clash = |stem: &str| {
        let first = stem.split('.').next().unwrap_or_default().to_ascii_lowercase();
        stem.is_empty() || RESERVED.contains(&first.as_str()) || taken(&stem.to_ascii_lowercase())
    };
    if clash(&stem) {
        stem = format!("model-{stem}-{}", short_digest(candidate));
    }
    let mut turn = 1;
    let first = stem.clone();
    while taken(&stem.to_ascii_lowercase()) {
        turn += 1;
        stem = format!("{first}-{turn}");
    }
    stem
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(model: &str) -> CandidateName {
        super::candidate(model).unwrap()
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let free = |_: &str| false;
        for bad in ["../../etc/passwd", "..", "/", "a/b", "C:\\x", "items", "con", "nul.x", "\u{202e}x", "é"]
        {
            let file = file(candidate(bad).as_str(), &free);
            assert!(!file.is_empty() && file != "items" && !file.starts_with('.'), "{bad} -> {file}");
            assert!(file.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c)), "{bad} -> {file}");
        }
        assert_eq!(file("org/model-7b", &free), "org_model-7b");
        assert_ne!(file("a/b", &|stem| stem == "a_b"), "a_b");
    }

    #[test]
    fn any_text_makes_a_candidate_name() {
        assert_eq!(candidate(" a\nb ").as_str(), "a b");
        assert_eq!(candidate("").as_str(), "model");
        assert!(candidate(&"é".repeat(500)).as_str().len() <= MAX_NAME_BYTES);
        assert_ne!(candidate(&"é".repeat(500)), candidate(&"é".repeat(501)));
    }
}
