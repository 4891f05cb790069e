//! The task file as text, with comments for a first reader.

use std::fmt::Write;

use ordinate_core::task::AnswerColumns;

use crate::infer::known::{Described, Told};
use crate::infer::look::Kind;
use crate::infer::{Found, Source};
use crate::table::Column;

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
        Kind::ClassifyImage => {
            ("classify-image", "one label of an image: the folder that it lies in, or the number beside it")
        }
        Kind::Tag => {
            ("tag", "several labels of a fixed list; the targets look like lists of them. Please check")
        }
        Kind::Choose => ("choose", "one of the options that the item gives. Please check"),
        Kind::Extract => ("extract", "a span of a passage, in which the targets stand. Please check"),
        Kind::Translate => {
            ("translate", "text in another language, of the columns that are called so. Please check")
        }
        Kind::Regress => ("regress", "a number; the targets are many different ones. Please check"),
        Kind::Generate => ("generate", "free text; see docs/task-file.md for the other kinds. Please check"),
    };
    writeln!(text, "# Written by `ordinate init`. Lines that begin with # are comments or examples.")?;
    writeln!(text, "\n[task]\nname = {}\nkind = \"{kind}\"  # {kind_says}", quoted(&found.name))?;

    writeln!(text, "\n[data]")?;
    match &found.source {
        Source::Evidence(path) => {
            writeln!(text, "evidence = {}  # a row for each item and candidate", quoted(path))?;
        }
        Source::Wide(path) => {
            writeln!(text, "evidence = {}  # a row an item, with columns for each candidate", quoted(path))?;
        }
        Source::Items(path) => writeln!(text, "items = {}", quoted(path))?,
        Source::TrainAndTest(train, test) => writeln!(
            text,
            "train = {}  # policies are learned on these items\ntest = {}  # and scored on these",
            quoted(train),
            quoted(test)
        )?,
    }
    if !found.others.is_empty() {
        let others: Vec<String> = found.others.iter().map(|name| quoted(name)).collect();
        writeln!(text, "# Not used: {}", others.join(", "))?;
    }
    if found.kind == Kind::ClassifyImage {
        text.push_str("# labels = { 0 = \"...\", 1 = \"...\" }  # what numbers or names of folders mean\n");
    } else {
        write_fields(text, found)?;
    }
    write_needs_and_candidates(text, found)
}

/// Which column is what.
fn write_fields(text: &mut String, found: &Found) -> std::fmt::Result {
    let columns = columns(&found.answers);
    if !columns.is_empty() {
        writeln!(text, "columns = {{ {columns} }}  # whose answer, its score, ...: please check")?;
    }
    let fields = &found.fields;
    if fields.all_features {
        text.push_str(
            "features = \"all\"  # the fields that make up an item: all that nothing else is read from\n",
        );
    }
    for (key, field, says) in [
        ("context", &fields.context, "the field with the passage that a question is about"),
        ("options", &fields.options, "the field with the options to choose from"),
    ] {
        if let Some(field) = field {
            writeln!(text, "{key} = {}  # {says}", quoted(field))?;
        }
    }
    if !fields.option_columns.is_empty() {
        let names: Vec<String> = fields.option_columns.iter().map(|name| quoted(name)).collect();
        writeln!(text, "option_columns = [{}]  # the fields with one option each", names.join(", "))?;
    }
    if let Some(from) = fields.counted_from {
        let many = if fields.option_columns.is_empty() { 10 } else { fields.option_columns.len() };
        let letters =
            ('A'..='Z').take(many).enumerate().map(|(at, letter)| format!("{} = \"{letter}\"", at + from));
        let letters = letters.collect::<Vec<_>>().join(", ");
        writeln!(text, "labels = {{ {letters} }}  # targets count the options from {from}")?;
    }
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
    Ok(())
}

fn write_needs_and_candidates(text: &mut String, found: &Found) -> std::fmt::Result {
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
        write_ways_to_answer(text, found);
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

/// Candidates that run as they are, where the kind has such, and one to be asked, which has to be paid for.
fn write_ways_to_answer(text: &mut String, found: &Found) {
    let learns =
        matches!(found.kind, Kind::Classify | Kind::Tag | Kind::Regress) && found.fields.target.is_some();
    if learns {
        text.push_str(
            "\n# Candidates that run in this process, trained on the task's own items:\n\n\
             [[candidate]]\nname = \"n-grams\"\nlineage = \"vertical\"\nlocal = { model = \"ngram-linear\" }\n\n\
             [[candidate]]\nname = \"probe\"\nlineage = \"transferred\"\n\
             adapt = { from = \"builtin\", method = \"probe\" }\n",
        );
        if found.fields.of_numbers && found.kind != Kind::Tag {
            text.push_str(
                "\n[[candidate]]\nname = \"trees\"\nlineage = \"vertical\"\nlocal = { model = \"gradient-boosting\" }\n",
            );
        }
        text.push_str("\n# And whoever else is to be compared:\n");
    } else if found.kind == Kind::ClassifyImage {
        text.push_str(
            "\n# A small network that is trained in this process, on these images alone:\n\n\
             [[candidate]]\nname = \"network\"\nlineage = \"vertical\"\n\
             adapt = { from = \"scratch\", method = \"full\" }\n\n\
             # And at least one more, to compare it with. A network that others trained, and a classifier on what it sees:\n\
             # [[candidate]]\n# name = \"probe\"\n# lineage = \"transferred\"\n\
             # adapt = { from = \"hf:timm/resnet18.a1_in1k\", method = \"probe\" }  # docs/images.md says which can be\n\
             # A model that sees, which is sent each picture:\n",
        );
    } else {
        text.push_str("\n# Nobody answers yet. Add at least two candidates:\n");
    }
    text.push_str(
        "# [[candidate]]\n# name = \"gpt\"\n# lineage = \"general\"  # general, vertical or transferred\n\
         # openai = { model = \"gpt-4.1-mini\", key_env = \"OPENAI_API_KEY\" }  # is asked when the task is run, and has to be paid\n\
         # [[candidate]]\n# name = \"mine\"\n# lineage = \"vertical\"\n\
         # recorded = { path = \"mine.jsonl\" }  # rows with id and output, or id and score\n",
    );
}

/// The columns of answers that are not called as they are by default.
fn columns(columns: &AnswerColumns) -> String {
    [
        (Column::Candidate, &columns.candidate),
        (Column::Score, &columns.score),
        (Column::CostUsd, &columns.cost_usd),
        (Column::LatencyMs, &columns.latency_ms),
        (Column::Output, &columns.output),
        (Column::Error, &columns.error),
    ]
    .into_iter()
    .filter_map(|(column, name)| Some((column.name(), name.as_deref()?)))
    .filter(|(column, name)| column != name)
    .map(|(column, name)| format!("{column} = {}", quoted(name)))
    .collect::<Vec<_>>()
    .join(", ")
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
    if let Some(own) = &candidate.columns {
        writeln!(text, "columns = {{ {} }}", columns(own))?;
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
