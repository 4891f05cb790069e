//! Names of files and folders made of names that people gave.

use std::path::PathBuf;

use ordinate_trials::is_device;
use sha2::{Digest as _, Sha256};

/// The most characters of a name that go into the name of a file.
const MAX_CHARS: usize = 80;
/// The most bytes: with what is put behind it, a name has to fit in 255.
const MAX_BYTES: usize = 220;
/// The characters of a digest that stands in for a name, or for its end.
const DIGITS: usize = 12;

/// The name of a file for what has this name: everything but letters, digits, dots and hyphens is replaced. It is never
/// empty, and no device of Windows.
pub(crate) fn file_name(name: &str) -> String {
    let keep = |c: char| if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let text = short(name, name.chars().map(keep)).trim_matches('.').to_owned();
    if text.is_empty() || is_device(&text) { format!("{text}_{}", digits(name)) } else { text }
}

/// The run folder of a task, where no other is named.
pub(crate) fn default_folder(task: &str) -> PathBuf {
    let keep = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    PathBuf::from(format!("{}.ordinate", short(task, task.chars().map(keep)).trim_matches('.')))
}

/// The characters, or the first of them and a digest of the name: two names with one beginning are two files.
fn short(name: &str, kept: impl Iterator<Item = char> + Clone) -> String {
    let whole: String = kept.clone().collect();
    if whole.chars().count() <= MAX_CHARS && whole.len() <= MAX_BYTES {
        return whole;
    }
    let mut text = String::new();
    for c in kept.take(MAX_CHARS - DIGITS - 1) {
        if text.len() + c.len_utf8() + DIGITS + 1 > MAX_BYTES {
            break;
        }
        text.push(c);
    }
    format!("{text}-{}", digits(name))
}

/// The first digits of a digest.
fn digits(name: &str) -> String {
    Sha256::digest(name).iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_with_one_beginning_are_two_files() {
        let long = |end: &str| format!("{}{end}", "n".repeat(80));
        assert_eq!(file_name(&long("")), long(""));
        for (a, b) in [(long("a"), long("b")), (long(""), long("b")), ("𠀀".repeat(80), "𠀀".repeat(79))]
        {
            assert_ne!(file_name(&a), file_name(&b));
            assert_ne!(default_folder(&a), default_folder(&b));
            assert!(default_folder(&a).as_os_str().len() < 240);
        }
        assert_eq!(default_folder("gold & co."), PathBuf::from("gold---co.ordinate"));
        assert_eq!(file_name("a/b c"), "a_b_c");
        for odd in [".", "..", "con", "NUL.txt"] {
            let name = file_name(odd);
            assert!(!name.starts_with('.') && name.ends_with(&digits(odd)), "{odd}: {name}");
        }
    }
}
