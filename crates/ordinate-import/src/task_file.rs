//! The task file of an import: it runs as it is, and says what a person should look at.

/// What the task file says.
pub(crate) struct Facts<'a> {
    pub(crate) name: &'a str,
    /// Name and file of each candidate.
    pub(crate) candidates: Vec<(&'a str, &'a str)>,
    pub(crate) has_inputs: bool,
    pub(crate) has_repeats: bool,
    pub(crate) notes: &'a [String],
    /// What the readers of the verdict should see too.
    pub(crate) warnings: &'a [String],
}

/// The task file.
pub(crate) fn text(facts: &Facts<'_>) -> String {
    let mut text = String::from(
        "# Answers of other tools, written by `ordinate import`. Run it with: ordinate run ordinate.toml\n",
    );
    for note in facts.notes {
        text.push_str(&format!("# - {}\n", comment(note)));
    }
    text.push_str(&format!("\n[task]\nname = {}\nkind = \"scored\"\n", quoted(facts.name)));
    text.push_str("\n[data]\nitems = \"items.jsonl\"\n");
    if facts.has_inputs {
        text.push_str("input = \"input\"\n");
    }
    text.push_str("slice = \"task\"\n");
    if facts.has_repeats {
        text.push_str("group = \"group\"  # answers to one item are not independent\n");
    }
    if !facts.warnings.is_empty() {
        let warnings: Vec<String> = facts.warnings.iter().map(|warning| quoted(warning)).collect();
        text.push_str(&format!("notes = [\n  {},\n]\n", warnings.join(",\n  ")));
    }
    text.push_str(
        "\n[needs]  # all optional; what is not needed stays a comment\n# goal = \"quality\"      # or \"cost\", \"latency\"\n# margin = 0.01         # a loss of quality that does not matter\n# max_cost_per_1k = 2.0 # USD per 1,000 items\n",
    );
    for (name, file) in &facts.candidates {
        text.push_str(&format!(
            "\n[[candidate]]\nname = {}\nlineage = \"general\"  # EDIT: general, vertical or transferred\nrecorded = {{ path = {} }}\n# price = {{ input = 0.0, output = 0.0 }}  # USD per million tokens, where the log has tokens and no cost\n",
            quoted(name),
            quoted(file)
        ));
    }
    text
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Text that stays on its line.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_makes_a_task_file_that_reads() {
        let notes = ["line one\nkind = \"choose\"".to_owned()];
        let text = text(&Facts {
            name: "a\"b\\c\nd\u{7f}",
            candidates: vec![("org/m \"x\"", "org_m.jsonl")],
            has_inputs: true,
            has_repeats: true,
            notes: &notes,
            warnings: &notes,
        });
        let file: ordinate_core::task::TaskFile = toml::from_str(&text).unwrap();
        assert_eq!(file.task.name, "a\"b\\c\nd\u{7f}");
        assert_eq!(file.task.kind.as_str(), "scored");
        assert_eq!(file.data.group.as_deref(), Some("group"));
        assert_eq!(file.candidate[0].name.as_str(), "org/m \"x\"");
        assert_eq!(file.candidate[0].recorded.as_ref().unwrap().path, "org_m.jsonl");
    }
}
