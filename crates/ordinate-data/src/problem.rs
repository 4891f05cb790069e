//! What can be wrong with a task file or data: each with what to do next.

use ordinate_core::evidence::EvidenceError;
use ordinate_core::{NeedsError, ScoreError};

use crate::limit::Limit;
use crate::path_problem::PathProblem;
use crate::wording::{did_you_mean, list};

/// What is wrong, and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A path leads to no file that can be read.
    #[error(transparent)]
    Path(#[from] PathProblem),
    /// Reading or writing failed.
    #[error("{0}. Check the disk and try again.")]
    Io(#[source] std::io::Error),
    /// Nothing is in the file.
    #[error("the file is empty. Write at least a header and two rows, or name another file.")]
    Empty,
    /// Nothing is in the task file.
    #[error("the task file is empty. `ordinate init DATA` writes one from a data file.")]
    EmptyTask,
    /// Only a header is in the file.
    #[error("the file has a header but no rows. Add rows, or name another file.")]
    NoRows,
    /// Compressed data is cut off or damaged.
    #[error("the {format} data is damaged or cut off here ({detail}). Fetch or compress the file again.")]
    Compression {
        /// gzip or zstd.
        format: &'static str,
        /// What the decoder said.
        detail: String,
    },
    /// The name says compressed, the content says otherwise.
    #[error(
        "the file is named {suffix} but holds neither {format} data nor text. Fetch or compress it again."
    )]
    NotCompressed {
        /// The suffix.
        suffix: String,
        /// gzip or zstd.
        format: &'static str,
    },
    /// Not UTF-8.
    #[error("the text is not UTF-8. Save the file as UTF-8 (for example: iconv -t UTF-8).")]
    NotUtf8,
    /// A line is longer than memory is set aside for.
    #[error("a line or quoted cell is longer than {} MiB. Check for a missing closing quote or line break.",
            crate::source::MAX_RECORD_BYTES >> 20)]
    TooLong,
    /// A file asks for too much.
    #[error(transparent)]
    Limit(#[from] Limit),
    /// Not what the name says.
    #[error("the file is {found}, which is not read as a table. {next}")]
    NotATable {
        /// What it is.
        found: &'static str,
        /// What to do.
        next: &'static str,
    },
    /// A line of JSONL is not a JSON object.
    #[error("the line is not a JSON object ({0}). Write one object a line: {{\"id\": \"1\", ...}}.")]
    BadJson(String),
    /// A JSON file that is one object, with the rows within.
    #[error(
        "the file is one JSON object, with its rows within{0}; an array of objects is read, or an object a line. Take them out: \
         jq -c '.FIELD[]' FILE > rows.jsonl."
    )]
    RowsWithin(String),
    /// A JSON file that is one object, with a column in each field.
    #[error(
        "the file is one JSON object, with a column in each field; an array of objects is read, or an object a line. Write it so: \
         df.to_json(\"rows.jsonl\", orient=\"records\", lines=True)."
    )]
    ColumnsWithin,
    /// A field stands twice in an object, or a column twice in a header.
    #[error("the field stands twice. Keep one.")]
    RepeatedField,
    /// A row of a CSV has another number of cells than the header.
    #[error(
        "cells in the row: {found}, in the header: {expected}. Quote cells that hold commas or line \
             breaks, or fill in what is missing."
    )]
    Ragged {
        /// Cells in the header.
        expected: u64,
        /// Cells in the row.
        found: u64,
    },
    /// A Parquet file cannot be read.
    #[error(
        "the Parquet file is damaged or not read by this version ({0}). Write it again, for example with \
             pyarrow, as a flat table."
    )]
    Parquet(String),
    /// A spreadsheet cannot be read.
    #[error("the workbook is damaged or not read by this version ({0}). Save it again as .xlsx or .csv.")]
    Spreadsheet(String),
    /// A Parquet file claims more than it can hold.
    #[error(
        "the Parquet file claims {claim}, which its {bytes} bytes cannot hold. It is damaged: fetch or write \
             it again."
    )]
    ParquetClaim {
        /// What it claims.
        claim: String,
        /// The size of the file.
        bytes: u64,
    },
    /// A column is missing.
    #[error("there is no such column; the columns are {}{}. Rename the column{}.", list(known),
            did_you_mean(nearest.as_deref()), if *mappable {
            ", or name yours under [data] in the task file" } else { "" })]
    NoColumn {
        /// The columns that there are.
        known: Vec<String>,
        /// The nearest of them.
        nearest: Option<String>,
        /// Whether `[data]` can name another column.
        mappable: bool,
    },
    /// A field that `[data] features` names is missing.
    #[error("the file has no such field, which [data] features names; its fields are {}{}. Correct the name, or leave it out \
             of features; where that is \"all\", every file needs every field.", list(known), did_you_mean(nearest.as_deref()))]
    NoFeature {
        /// The fields that there are.
        known: Vec<String>,
        /// The nearest of them.
        nearest: Option<String>,
    },
    /// A field that holds neither numbers nor few different texts.
    #[error(
        "{value} is no number, and {different} different values in {filled} filled cells are too many for a category (at \
             most {most}, each in two rows or more on average). Leave the cell empty where a number is not known; or name \
             in [data] features the other fields alone."
    )]
    NoFeatureValues {
        /// The first cell that is no number, quoted and cut.
        value: String,
        /// Different values, counted up to one more than are allowed.
        different: String,
        /// Cells that are not empty.
        filled: u64,
        /// How many different values a category may have.
        most: usize,
    },
    /// A feature that is no number a model can use.
    #[error("{0} is not a finite number. Correct it, or leave the cell empty if it is not known.")]
    NotFinite(String),
    /// A cell that must be filled is empty.
    #[error("the cell is empty. Fill it in, or remove the row.")]
    EmptyCell,
    /// A row has neither score nor error.
    #[error(
        "the row has neither a score nor an error. Give a score in [0, 1], or say in the field \"error\" \
             why there is none."
    )]
    NoScore,
    /// Each answer of a candidate has a score and an error.
    #[error(
        "each of the {answers} answers has a score and an error beside it (here {error}). If the field \"error\" \
             does not say why there is no answer, rename it or leave it empty; if it does, leave the scores empty."
    )]
    AllErrors {
        /// Answers of one candidate.
        answers: u64,
        /// The first error, quoted and cut.
        error: String,
    },
    /// Recorded answers of which no score can be had.
    #[error(
        "the answers have neither a column \"score\" (in [0, 1]) nor a column \"output\" (what was said, from which \
             the score is made); the columns are {}. Name the column so, or add it.",
        list(_0)
    )]
    NothingToScore(Vec<String>),
    /// An output that cannot be scored.
    #[error(
        "item {0} has no target, so this output cannot be scored. Give the item a target (`[data] target` names the \
             field), or the row a score."
    )]
    NoTarget(String),
    /// A score that is no score.
    #[error("{0}.")]
    Score(#[from] ScoreError),
    /// A cell that must be a number is something else.
    #[error("{value} is not {allowed}. Correct it, or leave the cell empty if it is not known.")]
    NotANumber {
        /// The cell, quoted and cut.
        value: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// An amount of another money.
    #[error("{0} is not in US dollars, and costs are compared in these. Convert the field, or leave it out.")]
    OtherCurrency(String),
    /// A score that is no number.
    #[error("{0} is no score in [0, 1]. Correct it, or say in the field \"error\" why there is no score.")]
    NotAScore(String),
    /// A cell holds a type that the column cannot.
    #[error("the column holds {found}, which cannot be {allowed}. Convert it.")]
    WrongType {
        /// The type.
        found: String,
        /// What is allowed.
        allowed: &'static str,
    },
    /// Rows contradict each other.
    #[error("{0}.")]
    Evidence(#[source] EvidenceError),
    /// An id stands twice among the items.
    #[error(
        "the id {id} stands twice; it was first met in {first}. Ids must be unique: rename or remove one."
    )]
    RepeatedItem {
        /// The id, quoted and cut.
        id: String,
        /// Where it stood first.
        first: String,
    },
    /// The id (quoted and cut), and the place of its target in `[data] targets`, which was given for another text.
    #[error(
        "the item {0} has another text than when it was labelled, in {1}. Correct the id there, or remove the line."
    )]
    OtherText(String, String),
    /// Some items have ids and some have none.
    #[error("this item has no id but earlier ones have. Give every item an id, or none.")]
    MixedIds,
    /// A row answers an item that is not among the items.
    #[error(
        "the row is for item {id}, which is not among the {items} items (one of {count} such rows of \
             {rows}). Remove these rows, or add the items."
    )]
    StrayRow {
        /// The id, quoted and cut.
        id: String,
        /// Items.
        items: usize,
        /// Stray rows.
        count: u64,
        /// Rows in the file.
        rows: u64,
    },
    /// No row answers any item.
    #[error(
        "none of the {rows} rows is for one of the {items} items: here the id is {id}, the first item is \
             {first}. Check the field with the id in both files."
    )]
    NoOverlap {
        /// The id of the first row, quoted and cut.
        id: String,
        /// The id of the first item, quoted and cut.
        first: String,
        /// Items.
        items: usize,
        /// Rows in the file.
        rows: u64,
    },
    /// A candidate of the table is not in the task file and has few rows.
    #[error("{name} answers {rows} of {items} items and is no [[candidate]] of the task file{}. Correct the \
             name, or add a [[candidate]] block for it.", did_you_mean(nearest.as_deref()))]
    StrayCandidate {
        /// The name, quoted and cut.
        name: String,
        /// Its rows.
        rows: u64,
        /// Items.
        items: usize,
        /// The nearest declared name.
        nearest: Option<String>,
    },
    /// Nothing to compare.
    #[error(
        "there is only one item, so there is nothing to compare. Add items: differences need at least two, \
             and clear answers some hundreds."
    )]
    OneItem,
    /// Not TOML.
    #[error("this is not valid TOML: {0}. Correct it here.")]
    Toml(String),
    /// A key that is not known.
    #[error("there is no such {what} here{hint}; allowed are {}. Correct or remove it.", list(allowed))]
    UnknownKey {
        /// key or section.
        what: &'static str,
        /// What was meant, perhaps: the nearest one, or the section that has it.
        hint: String,
        /// All that are.
        allowed: Vec<String>,
    },
    /// A section or key is missing.
    #[error("this is missing. {0}")]
    Missing(String),
    /// A value of the wrong type or out of range.
    #[error("{found} is not allowed; it takes {allowed}{}. Correct it.", did_you_mean(nearest.as_deref()))]
    BadValue {
        /// What was written.
        found: String,
        /// What is allowed.
        allowed: String,
        /// The nearest word that is allowed.
        nearest: Option<String>,
    },
    /// A need that cannot be used.
    #[error("{0}.")]
    Need(#[from] NeedsError),
    /// Two candidates have one name.
    #[error("a candidate of this name stands already in line {first}. Give each its own name.")]
    RepeatedCandidate {
        /// The line of the first.
        first: u64,
    },
    /// A cell of a series that cannot be used.
    #[error("{0}")]
    Series(String),
    /// An image that cannot be read, or files that hold none.
    #[error("{0}")]
    Image(String),
    /// `[data]` names too much, or too little.
    #[error("{0}")]
    DataSources(String),
    /// A candidate whose answers come from nowhere.
    #[error(
        "the candidate {0} has no answers: say where they come from, for example \
             recorded = {{ path = \"answers.jsonl\" }}."
    )]
    NoSource(String),
    /// A candidate that cannot be asked by this version.
    #[error(
        "the candidate {name} is `{source_key}`, which this version cannot ask. Use openai, command or \
             recorded = {{ path = \"...\" }}, or remove the candidate."
    )]
    NotRecorded {
        /// Its name, quoted.
        name: String,
        /// `openai`, `local` or `adapt`.
        source_key: &'static str,
    },
    /// An item lacks what asking about it needs.
    #[error("item {id} has no {what}. Name the field that holds it with `{key}`, or remove the item.")]
    LacksField {
        /// The item's id, quoted.
        id: String,
        /// What it lacks.
        what: &'static str,
        /// The key of `[data]` that names the field.
        key: &'static str,
    },
    /// Options that cannot be read.
    #[error(
        "{0} are no options. Write an array of texts, [\"red\", \"blue\"], or an object of texts by letter."
    )]
    NoOptions(String),
    /// A declared candidate has no row in the table.
    #[error("the candidate {name} has no row in {table}{}; the table has {}. Correct the name, or remove the \
             block.", did_you_mean(nearest.as_deref()), list(known))]
    NoRowsFor {
        /// Its name, quoted.
        name: String,
        /// The table.
        table: String,
        /// The nearest name in the table.
        nearest: Option<String>,
        /// The names in the table.
        known: Vec<String>,
    },
    /// Fewer than two candidates.
    #[error("there is only one candidate, {0}, so there is nothing to compare. Add a second [[candidate]].")]
    OneCandidate(String),
    /// No candidate is declared.
    #[error(
        "no candidate is declared. The lineage of a model (general, vertical or transferred) must be said, it \
             is never guessed. {0}"
    )]
    NoCandidates(String),
    /// The file was not written by Ordinate.
    #[error(
        "this is not the evidence of a run ({0}). Name the evidence.parquet of a run folder, or run again."
    )]
    NotAStore(String),
    /// A value that TOML cannot hold.
    #[error("the task cannot be written as TOML ({0}). Use whole numbers below 2^63.")]
    Unwritable(String),
    /// Nothing from which a task file could be made.
    #[error("{0}")]
    NothingToInfer(String),
}
