//! Whether the model that an answer names is the one that was asked.

/// Whether `answered` is another model than `asked`: not the same name without the maker's, an ending of its file or its
/// version (`gpt-x-2026-01-01` for `gpt-x`).
pub(super) fn is_another(asked: &str, answered: &str) -> bool {
    let (asked, answered) = (bare(asked), bare(answered));
    let version = |longer: &str, shorter: &str| longer.strip_prefix(shorter).is_some_and(is_version);
    !(version(&answered, &asked) || version(&asked, &answered))
}

/// Without what stands before the last slash, and without endings that say nothing of which model it is.
fn bare(name: &str) -> String {
    let name = name.trim().to_lowercase();
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let endings = [".gguf", ".safetensors", ":latest", "-latest", ":free"];
    endings.iter().fold(name, |name, ending| name.strip_suffix(ending).unwrap_or(name)).to_owned()
}

/// Nothing, or a date or number of a version behind a mark: `-2026-01-01`, `-0613`, `@20260101`, `-v2`, `-001`. A short number
/// is a part of the name: `opus-4-1` is no version of `opus-4`.
fn is_version(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix(['-', '@', ':', '_']) else { return rest.is_empty() };
    let number = rest.strip_prefix('v');
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    rest.chars().all(|c| c.is_ascii_digit() || "-._:v".contains(c))
        && digits >= if number.is_some() { 1 } else { 3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_the_same_model() {
        for (asked, answered) in [
            ("gpt-x", "gpt-x"),
            ("gpt-x", "gpt-x-2026-01-01"),
            ("gpt-x-2026-01-01", "gpt-x"),
            ("gpt-x", "GPT-X-0613"),
            ("openai/gpt-x", "gpt-x@20260101"),
            ("gpt-x-latest", "gpt-x-20260101"),
            ("gpt-x", "openai/gpt-x-v2:0"),
            ("tiny", "/models/tiny.gguf"),
            ("llama3", "llama3:latest"),
        ] {
            assert!(!is_another(asked, answered), "{asked} {answered}");
        }
        for (asked, answered) in [
            ("m", "another-model-mini"),
            ("gpt-x", "gpt-x-mini"),
            ("gpt-4o", "gpt-4"),
            ("a/m", "a/n"),
            ("llama3", "llama3:8b"),
            ("opus-4", "opus-4-1"),
            ("m", "m-2"),
        ] {
            assert!(is_another(asked, answered), "{asked} {answered}");
        }
    }
}
