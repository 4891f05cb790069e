//! The task file as text, with comments for a first reader.

use std::fmt::Write;

use crate::infer::fields::Kind;
use crate::infer::known::{Described, Told};
use crate::infer::{Found, Source};

pub(super) fn task(found: &Found) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = write_all(&mut text, found);
    text
}

fn write_all(text: &mut String, found: &Found) -> std::fmt::Result {
    let (kind, kind_says) = match found.kind {
        Kind::Scored => ("scored", "the answers were scored elsewhere"),
        Kind::Classify => {
            ("classify", "one label of a fixed list; the targets look like labels. Please check")
        }
        Kind::Generate => ("generate", "free text; see docs/task-file.md for the other kinds. Please check"),
    };
    writeln!(text, "# Written by `ordinate init`. Lines that begin with # are comments or examples.")?;
    writeln!(text, "\n[task]\nname = {}\nkind = \"{kind}\"  # {kind_says}", quoted(&found.name))?;

    writeln!(text, "\n[data]")?;
    match &found.source {
        Source::Evidence(path) => {
            writeln!(text, "evidence = {}  # a row for each item and candidate", quoted(path))?;
        }
        Source::Items(path) => writeln!(text, "items = {}", quoted(path))?,
        Source::TrainAndTest(train, test) => writeln!(
            text,
            "train = {}  # policies are learned on these items\ntest = {}  # and scored on these",
            quoted(train),
            quoted(test)
        )?,
    }
    let fields = &found.fields;
    for (key, field, says) in [
        ("id", &fields.id, "the field with the item's id"),
        ("input", &fields.input, "the field with the input"),
        ("target", &fields.target, "the field with the right answer"),
        (
            "slice",
            &fields.slice,
            "the field with the topic: which candidate is good at what is found out by it",
        ),
        ("group", &fields.group, "the field with the document: items of one are not independent"),
    ] {
        match field {
            Some(field) => writeln!(text, "{key} = {}  # {says}", quoted(field))?,
            None => writeln!(text, "# {key} = \"...\"  # {says}")?,
        }
    }

    text.push_str(
        "\n[needs]\n\
         goal = \"quality\"  # or \"cost\", \"latency\": the best of it among those that meet the rest\n\
         # margin = 0.01  # a loss of quality that does not matter\n\
         # min_quality = 0.85\n\
         # max_cost_per_1k = 2.0  # USD per 1,000 items\n\
         # max_p95_ms = 800\n\
         # stay_local = true  # the data may not leave the machine\n",
    );

    if found.candidates.is_empty() {
        text.push_str(
            "\n# No recorded answers were found. Add at least two candidates, each with the answers that it gave:\n\
             # [[candidate]]\n# name = \"gpt\"\n# lineage = \"general\"  # general, vertical or transferred\n\
             # recorded = { path = \"gpt.jsonl\" }  # rows with id and score\n",
        );
    }
    if found.candidates.iter().any(|candidate| candidate.lineage == Told::Unknown) {
        text.push_str(
            "\n# PLEASE CHECK every lineage below: init cannot know it, and the verdict depends on it.\n\
             #   general      a model that knows many things\n\
             #   vertical     a model made for this domain\n\
             #   transferred  a general model adapted with items of this task\n",
        );
    }
    found.candidates.iter().try_for_each(|candidate| write_candidate(text, candidate))
}

fn write_candidate(text: &mut String, candidate: &Described) -> std::fmt::Result {
    if let Told::Other(lineage) = &candidate.lineage {
        let (name, lineage) = (quoted(&candidate.name), quoted(lineage));
        return writeln!(text, "\n# Left out: {name}, whose lineage is given as {lineage}.");
    }
    writeln!(text, "\n[[candidate]]\nname = {}", quoted(&candidate.name))?;
    match candidate.lineage {
        Told::Is(lineage) => writeln!(text, "lineage = \"{lineage}\"")?,
        Told::Unknown | Told::Other(_) => writeln!(text, "lineage = \"general\"  # please check")?,
    }
    if let Some(parameters) = candidate.parameters_billion {
        writeln!(text, "parameters_billion = {parameters}")?;
    }
    if let Some((input, output)) = candidate.price {
        writeln!(text, "price = {{ input = {input}, output = {output} }}  # USD per million tokens")?;
    }
    if let Some(path) = &candidate.recorded {
        writeln!(text, "recorded = {{ path = {} }}", quoted(path))?;
    }
    Ok(())
}

/// A text as TOML writes it; on one line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
