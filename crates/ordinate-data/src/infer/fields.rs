//! Which fields of a file are id, input, target, slice and group, and which hold answers: told by their names, as people
//! write them (`Question ID` is `question_id`).

use ordinate_core::task::AnswerColumns;

/// Names that people give to fields, likeliest first.
const IDS: [&str; 18] = [
    "id",
    "item_id",
    "uid",
    "_id",
    "qid",
    "question_id",
    "example_id",
    "sample_id",
    "prompt_id",
    "problem_id",
    "query_id",
    "instance_id",
    "record_id",
    "row_id",
    "test_id",
    "item",
    "question no",
    "idx",
];
const INPUTS: [&str; 14] = [
    "input",
    "text",
    "question",
    "prompt",
    "sentence",
    "source",
    "query",
    "headline",
    "document",
    "dialogue",
    "article",
    "content",
    "instruction",
    "src",
];
const TARGETS: [&str; 27] = [
    "target",
    "label",
    "answer",
    "answers",
    "gold",
    "expected",
    "reference",
    "summary",
    "translation",
    "output",
    "tgt",
    "class",
    "diagnosis",
    "outcome",
    "correct_answer",
    "correct_option",
    "answer_key",
    "ground_truth",
    "gold_label",
    "cop",
    "labels",
    "tags",
    "sentiment",
    "intent",
    "stars",
    "rating",
    "y",
];
/// Columns of sentences in several languages are called so.
const LANGUAGES: [&str; 16] =
    ["en", "de", "fr", "es", "zh", "it", "pt", "ru", "ja", "ko", "ar", "nl", "pl", "cs", "tr", "hi"];
const SLICES: [&str; 10] =
    ["slice", "task", "topic", "domain", "subject", "category", "subset", "language", "source_type", "type"];
const GROUPS: [&str; 11] = [
    "group",
    "doc",
    "doc_id",
    "document_id",
    "passage_id",
    "context_id",
    "conversation_id",
    "dialogue_id",
    "case_id",
    "patient_id",
    "article_id",
];

const CONTEXTS: [&str; 6] = ["context", "passage", "paragraph", "contexts", "background", "evidence"];
const OPTIONS: [&str; 5] = ["options", "choices", "answer_options", "answer_choices", "alternatives"];
/// Of tables of answers.
const CANDIDATES: [&str; 9] =
    ["candidate", "model", "model_name", "model_id", "system", "llm", "engine", "provider", "assistant"];
const SCORES: [&str; 17] = [
    "score",
    "correct",
    "is_correct",
    "accuracy",
    "acc",
    "exact_match",
    "em",
    "correctness",
    "pass",
    "passed",
    "success",
    "right",
    "quality",
    "rating",
    "human_score",
    "overall_score",
    "answer_correct",
];
const COSTS: [&str; 7] = ["cost_usd", "cost", "total_cost", "price_usd", "usd", "cost_in_usd", "cost_$"];
/// Only names that say the unit: seconds taken for milliseconds would be wrong without a word.
const LATENCIES: [&str; 6] =
    ["latency_ms", "time_ms", "duration_ms", "response_time_ms", "latency_milliseconds", "elapsed_ms"];
const OUTPUTS: [&str; 7] =
    ["output", "response", "model_output", "model_response", "completion", "prediction", "reply"];
const ERRORS: [&str; 3] = ["error", "error_message", "exception"];
/// Of tables of answers without scores: what was said, and what is right.
const SAID: [&str; 14] = [
    "output",
    "response",
    "model_output",
    "model_response",
    "model_answer",
    "completion",
    "prediction",
    "predicted",
    "predicted_label",
    "pred",
    "reply",
    "generated_text",
    "answer",
    "label",
];
const RIGHT: [&str; 14] = [
    "target",
    "gold",
    "gold_label",
    "gold_answer",
    "ground_truth",
    "expected",
    "expected_output",
    "reference",
    "correct_answer",
    "correct_option",
    "answer_key",
    "true_label",
    "label",
    "answer",
];

/// The names of the fields.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    pub(super) id: Option<String>,
    pub(super) input: Option<String>,
    pub(super) target: Option<String>,
    pub(super) context: Option<String>,
    pub(super) options: Option<String>,
    /// The columns with one option each.
    pub(super) option_columns: Vec<String>,
    /// Whether targets count the options, from 0 or from 1.
    pub(super) counted_from: Option<usize>,
    pub(super) slice: Option<String>,
    pub(super) group: Option<String>,
    /// Whether an item is made up of all the fields that are nothing else.
    pub(super) all_features: bool,
    /// Whether these are mostly numbers.
    pub(super) of_numbers: bool,
    /// Whether input and target are one sentence in two languages.
    pub(super) translates: bool,
}

impl Fields {
    /// The fields of a table of answers.
    pub(super) fn of_table(columns: &[String]) -> Self {
        Self {
            id: first(&IDS, columns),
            input: first(&INPUTS, columns),
            target: first(&TARGETS[..8], columns).filter(|name| !is_answer(name, columns)),
            slice: first(&SLICES, columns),
            group: first(&GROUPS, columns),
            ..Self::default()
        }
    }

    /// The fields of a file of items.
    pub(super) fn of_items(columns: &[String]) -> Self {
        let context = first(&CONTEXTS, columns);
        let mut languages = columns.iter().filter(|column| LANGUAGES.contains(&column.as_str()));
        let (from, to) = (languages.next().cloned(), languages.next().cloned());
        let pair =
            from.zip(to).filter(|_| first(&INPUTS, columns).is_none() && first(&TARGETS, columns).is_none());
        if let Some((from, to)) = pair {
            return Self {
                id: first(&IDS, columns),
                input: Some(from),
                target: Some(to),
                slice: first(&SLICES, columns),
                group: first(&GROUPS, columns),
                translates: true,
                ..Self::default()
            };
        }
        Self {
            id: first(&IDS, columns),
            input: first(&INPUTS, columns),
            target: first(&TARGETS, columns),
            context,
            options: first(&OPTIONS, columns),
            option_columns: option_columns(columns),
            slice: first(&SLICES, columns),
            group: first(&GROUPS, columns),
            ..Self::default()
        }
    }

    /// The next likely input where the field that was taken holds nothing.
    pub(super) fn next_input(&self, columns: &[String]) -> Option<String> {
        let others: Vec<String> = columns.iter().filter(|name| !self.has(name)).cloned().collect();
        first(&INPUTS, &others)
    }

    /// Whether one of them is read from this column.
    pub(super) fn has(&self, column: &str) -> bool {
        [&self.id, &self.input, &self.target, &self.context, &self.options, &self.slice, &self.group]
            .into_iter()
            .flatten()
            .chain(&self.option_columns)
            .any(|name| name == column)
    }
}

/// The columns with one option each: `A`, `B`, `C`, or a word with letters or numbers behind it, three at least.
fn option_columns(columns: &[String]) -> Vec<String> {
    const WORDS: [&str; 6] = ["", "option", "op", "choice", "answer", "opt"];
    if first(&OPTIONS, columns).is_some() {
        return Vec::new();
    }
    let named = |word: &str, place: usize, counts: Option<usize>| {
        let end = match counts {
            Some(from) => (from + place).to_string(),
            None => char::from(b'a' + u8::try_from(place).unwrap_or(25)).to_string(),
        };
        let wanted = format!("{word}{end}");
        columns.iter().find(|column| plain(column) == wanted).cloned()
    };
    let ways = WORDS.iter().flat_map(|word| [None, Some(0), Some(1)].map(|counts| (*word, counts)));
    // Columns of bare numbers may be anything.
    let ways = ways.filter(|(word, counts)| !word.is_empty() || counts.is_none());
    let all =
        ways.map(|(word, counts)| (0..26).map_while(|place| named(word, place, counts)).collect::<Vec<_>>());
    all.max_by_key(Vec::len).filter(|found| found.len() >= 3).unwrap_or_default()
}

/// The columns of answers in a table with a row for each item and candidate, if it is one.
pub(super) fn answers(columns: &[String]) -> Option<AnswerColumns> {
    let (candidate, score) = (first(&CANDIDATES, columns)?, first(&SCORES, columns));
    let error = first(&ERRORS, columns);
    if score.is_none() && error.is_none() {
        return None;
    }
    Some(AnswerColumns {
        candidate: Some(candidate),
        score,
        cost_usd: first(&COSTS, columns),
        latency_ms: first(&LATENCIES, columns),
        output: first(&OUTPUTS, columns),
        error,
        ..AnswerColumns::default()
    })
}

/// The same of a table without scores that has what was said and what is right, and the fields of its items.
pub(super) fn unscored(columns: &[String]) -> Option<(AnswerColumns, Fields)> {
    let (candidate, output) = (first(&CANDIDATES, columns)?, first(&SAID, columns)?);
    let others: Vec<String> = columns.iter().filter(|name| **name != output).cloned().collect();
    let fields = Fields { target: Some(first(&RIGHT, &others)?), ..Fields::of_table(&others) };
    let answers = AnswerColumns {
        candidate: Some(candidate),
        cost_usd: first(&COSTS, columns),
        latency_ms: first(&LATENCIES, columns),
        output: Some(output),
        ..AnswerColumns::default()
    };
    fields.id.is_some().then_some((answers, fields))
}

/// The column of scores, under whatever name.
pub(super) fn score(columns: &[String]) -> Option<String> {
    first(&SCORES, columns)
}

/// The column of what was said.
pub(super) fn output(columns: &[String]) -> Option<String> {
    first(&OUTPUTS, columns)
}

/// Whether a column that may be a target is what a candidate said or scored.
fn is_answer(name: &str, columns: &[String]) -> bool {
    [first(&OUTPUTS, columns), first(&SCORES, columns)].into_iter().flatten().any(|other| other == name)
}

/// The first of `names` that is a column.
fn first(names: &[&str], columns: &[String]) -> Option<String> {
    let exact = |name: &&str| columns.iter().find(|column| column == name);
    let alike = |name: &&str| columns.iter().find(|column| plain(column) == plain(name));
    // `Rating (0-1)`; of what has a unit the unit is looked at before.
    let bare = |name: &&str| columns.iter().find(|column| plain(without_brackets(column)) == plain(name));
    let found = names.iter().find_map(exact).or_else(|| names.iter().find_map(alike));
    found.or_else(|| if has_unit(names) { None } else { names.iter().find_map(bare) }).cloned()
}

/// Whether what these columns hold has a unit, which may stand in brackets.
fn has_unit(names: &[&str]) -> bool {
    names.contains(&"cost_usd") || names.contains(&"latency_ms")
}

/// A name without what stands in brackets behind it.
fn without_brackets(name: &str) -> &str {
    name.split_once(['(', '[']).map_or(name, |(name, _)| name)
}

/// A name in small letters and digits alone.
pub(super) fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_people_write_them() {
        let columns =
            ["Model", "Question ID", "Correct?", "Topic", "Cost (USD)", "Latency (ms)"].map(str::to_owned);
        let found = answers(&columns).unwrap();
        assert_eq!(found.candidate.as_deref(), Some("Model"));
        assert_eq!(found.score.as_deref(), Some("Correct?"));
        assert_eq!(
            (found.cost_usd.as_deref(), found.latency_ms.as_deref()),
            (Some("Cost (USD)"), Some("Latency (ms)"))
        );
        let fields = Fields::of_table(&columns);
        assert_eq!((fields.id.as_deref(), fields.slice.as_deref()), (Some("Question ID"), Some("Topic")));
        assert!(answers(&["model".to_owned(), "text".to_owned()]).is_none());
        for (said, right) in
            [("answer", "gold"), ("prediction", "label"), ("answer", "label"), ("response", "answer")]
        {
            let columns = ["model", "id", "question", said, right].map(str::to_owned);
            let (answers, fields) = unscored(&columns).unwrap();
            assert_eq!((answers.output.as_deref(), fields.target.as_deref()), (Some(said), Some(right)));
        }
        let columns = ["System", "Prompt ID", "Rating (0-1)", "Cost (EUR)", "Latency (s)"].map(str::to_owned);
        let found = answers(&columns).unwrap();
        assert_eq!(found.score.as_deref(), Some("Rating (0-1)"));
        assert_eq!((found.cost_usd, found.latency_ms), (None, None), "other units are not taken for these");
        assert_eq!(Fields::of_table(&columns).id.as_deref(), Some("Prompt ID"));
    }

    #[test]
    fn options_in_columns_of_their_own() {
        let found = |columns: &[&str]| {
            option_columns(&columns.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(found(&["question", "A", "B", "C", "D", "answer"]), ["A", "B", "C", "D"]);
        assert_eq!(found(&["id", "opa", "opb", "opc", "opd", "cop"]), ["opa", "opb", "opc", "opd"]);
        assert_eq!(
            found(&["Option 1", "Option 2", "Option 3", "Question"]),
            ["Option 1", "Option 2", "Option 3"]
        );
        assert_eq!(found(&["choice_0", "choice_1", "choice_2"]), ["choice_0", "choice_1", "choice_2"]);
        assert!(found(&["a", "b", "label"]).is_empty() && found(&["1", "2", "3"]).is_empty());
        assert!(found(&["options", "A", "B", "C"]).is_empty());
    }
}
