//! What the fields of a file hold: which kind of task that makes, and which columns are scores of candidates.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use ordinate_core::Choice;

use crate::error::DataError;
use crate::infer::fields::Fields;
use crate::labels::answer_texts;
use crate::table::{self, Cell, Column, Layout};

/// No more slices than this are guessed: a domain lookup needs several items in each.
const MAX_SLICES: usize = 200;
/// No more labels than this are guessed.
const MAX_LABELS: usize = 200;
/// From so many different numbers on, a target is a number and no label.
const MIN_NUMBERS: usize = 20;

/// What is asked, as far as a file tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Scored,
    Classify,
    /// Of images: from a folder or an array, in which nothing is called by a field.
    ClassifyImage,
    Tag,
    Choose,
    Extract,
    Translate,
    Regress,
    Generate,
}

/// What the targets of a file hold.
#[derive(Default)]
struct Targets {
    filled: usize,
    numbers: usize,
    lists: usize,
    within_context: usize,
    /// Whole numbers that name no option by its key or its text, where there are options.
    counts: usize,
    /// The largest of them, and whether any is 0.
    most: usize,
    from_0: bool,
}

/// Looks at the items of a file: fields that do not do what their names say are dropped.
pub(super) fn items(
    path: &Path,
    columns: &[String],
    mut fields: Fields,
) -> Result<(Fields, Kind), DataError> {
    let layout = Layout::of(&[])
        .named(Column::Input, fields.input.as_deref())
        .named(Column::Slice, fields.slice.as_deref())
        .named(Column::Group, fields.group.as_deref())
        .named(Column::Target, fields.target.as_deref())
        .named(Column::Context, fields.context.as_deref())
        .named(Column::Options, fields.options.as_deref());
    let mut distinct = [Column::Slice, Column::Group, Column::Target].map(|column| (column, HashSet::new()));
    let mut targets = Targets::default();
    let mut has_input = false;
    let summary = table::read(path, &layout, &mut |row| {
        has_input |= row.text(Column::Input)?.is_some_and(|text| !text.trim().is_empty());
        for (column, texts) in &mut distinct {
            // Beyond so many, what there are is no longer asked.
            let most = if *column == Column::Group { usize::MAX } else { 4 * MAX_LABELS };
            if let Some(text) = row.text(*column)?
                && texts.len() < most
                && !texts.contains(text.as_ref())
            {
                texts.insert(text.into_owned());
            }
        }
        if let Some(target) = row.text(Column::Target)? {
            let target = answer_texts(&target).map_or(target, Cow::Owned);
            targets.filled += 1;
            targets.numbers += usize::from(parsed(&target).is_some());
            targets.lists += usize::from(target.trim_start().starts_with('['));
            if let Ok(count) = target.trim().parse::<usize>() {
                let options = row.text(Column::Options)?.and_then(|json| crate::unasked::options(&json));
                let named =
                    options.as_deref().is_some_and(|all| Choice::key_of(all, target.trim()).is_some());
                targets.counts += usize::from(!named);
                targets.most = targets.most.max(count);
                targets.from_0 |= count == 0;
            }
            let context = row.text(Column::Context)?;
            targets.within_context +=
                usize::from(context.is_some_and(|context| stands_in(&target, &context)));
        }
        Ok(())
    })?;
    // Instructions have a field for a further input, which may be empty throughout.
    if fields.input.is_some() && !has_input {
        fields.input = fields.next_input(columns).or(fields.input);
    }
    let rows = usize::try_from(summary.rows).unwrap_or(usize::MAX);
    let [slices, groups, labels] = distinct.map(|(_, texts)| texts.len());
    if !(2..=MAX_SLICES).contains(&slices) || slices * 2 > rows {
        fields.slice = None;
    }
    if groups < 2 || groups >= rows {
        fields.group = None;
    }
    let all = |count: usize| targets.filled > 0 && count == targets.filled;
    let few = (2..=MAX_LABELS).contains(&labels) && labels * 3 <= rows;
    let numbers = all(targets.numbers) && labels > MIN_NUMBERS;
    let within = targets.filled > 0 && targets.within_context * 10 >= targets.filled * 9;
    let options = fields.option_columns.len();
    if all(targets.counts) && (fields.options.is_some() || options > 0) {
        let from = usize::from(!targets.from_0);
        fields.counted_from = (options == 0 || targets.most < options + from).then_some(from);
    }
    // Letters that no option is called by are labels like others.
    let by_letter = options > 0 && fields.target.is_some() && labels <= options;
    if !by_letter {
        fields.option_columns = Vec::new();
    }
    let kind = if fields.options.is_some() || by_letter {
        Kind::Choose
    } else if fields.translates {
        Kind::Translate
    } else if within && (!few || all(targets.lists)) {
        Kind::Extract
    } else if all(targets.lists) {
        Kind::Tag
    } else if few && !numbers {
        Kind::Classify
    } else if numbers {
        Kind::Regress
    } else {
        Kind::Generate
    };
    Ok((fields, kind))
}

/// A number as people write it: with a decimal comma, or per cent.
pub(super) fn parsed(text: &str) -> Option<f64> {
    let text = text.trim();
    let (text, unit) = text.strip_suffix('%').map_or((text, 1.0), |text| (text.trim_end(), 100.0));
    let point = (text.matches(',').count() == 1 && !text.contains('.')).then(|| text.replace(',', "."));
    point.as_deref().unwrap_or(text).parse::<f64>().ok().map(|number| number / unit)
}

/// Whether an answer, or one of a list of right answers, stands in a passage.
fn stands_in(target: &str, context: &str) -> bool {
    match serde_json::from_str::<Vec<String>>(target) {
        Ok(several) => several.iter().any(|one| context.contains(one.trim())),
        Err(_) => context.contains(target.trim()),
    }
}

/// Makes an item of the fields that nothing else is read from, where none is called as an input is: one text is the input, and
/// of several all are features. Where answers are recorded, only numbers are.
pub(super) fn features(
    path: &Path,
    fields: &mut Fields,
    kind: Kind,
    are_recorded: bool,
) -> Result<(), DataError> {
    let others: Vec<String> =
        table::all_columns(path)?.into_iter().filter(|name| !name.is_empty() && !fields.has(name)).collect();
    if fields.input.is_some() || fields.target.is_none() {
        return Ok(());
    }
    let mut numbers = vec![true; others.len()];
    table::read(path, &Layout::default().with_fields(&others), &mut |row| {
        for (number, cell) in numbers.iter_mut().zip(row.fields) {
            *number &= match cell {
                Cell::Absent | Cell::Number(_) | Cell::Integer(_) | Cell::Bool(_) => true,
                Cell::Text(text) => parsed(text).is_some(),
                Cell::Json(_) | Cell::Unusable(_) => false,
            };
        }
        Ok(())
    })?;
    // Mostly numbers; the rest may be categories, which a run looks at more closely.
    let of_numbers = numbers.iter().filter(|number| **number).count() * 2 >= others.len();
    match others.as_slice() {
        [] => {}
        [only] if !are_recorded && !of_numbers => fields.input = Some(only.clone()),
        [_] => {}
        _ if matches!(kind, Kind::Classify | Kind::Tag | Kind::Regress | Kind::Generate) => {
            fields.all_features = of_numbers || !are_recorded;
            fields.of_numbers = of_numbers;
        }
        _ => {}
    }
    Ok(())
}
