//! Paths that others name.

/// Whether a path that a hub or an index names stays inside the folder it is meant for: relative, `/` between its
/// parts, none of them empty, `.` or `..`, and nothing that means something else on another system.
#[must_use]
pub fn is_safe(path: &str) -> bool {
    let fine = |part: &str| {
        !part.is_empty() && part != "." && part != ".." && part.chars().all(|c| !c.is_control() && !is_odd(c))
    };
    path.len() <= 512 && path.split('/').all(fine)
}

/// Separators and drives of Windows, and what parts an address.
fn is_odd(c: char) -> bool {
    matches!(c, '\\' | ':' | '?' | '#' | '%' | '*' | '"' | '<' | '>' | '|')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out_of_the_folder() {
        for path in ["config.json", "1_Pooling/config.json", "model-00001-of-00002.safetensors", "a b/..c"] {
            assert!(is_safe(path), "{path}");
        }
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "a/../../x",
            "a//b",
            "a/.",
            "a/",
            "..",
            "a\\..\\b",
            "C:x",
            "a\0b",
            "a\nb",
            "a%2e%2e/b",
            "a?b",
        ] {
            assert!(!is_safe(path), "{path:?}");
        }
    }
}
