//! The answers of those that were asked, in the cells of the evidence.

use std::collections::BTreeMap;

use ordinate_core::verdict::Deployment;
use ordinate_core::{Answer, Probabilities, Score};
use ordinate_data::{Loaded, Task, Unasked};
use ordinate_measure::{Row, Summary};

use crate::asking::Asked;
use crate::error::Error;
use crate::hosting::{Hosted, latencies};
use crate::materials::Materials;
use crate::metric;

/// How asking each candidate went that was asked, and its rows, by its place among them.
pub(crate) type Answers = BTreeMap<usize, (Summary, Vec<Row>)>;

/// The evidence of recorded and asked candidates together, about the items in the rows of `part`, which may be all; and what
/// was done with latencies.
pub(crate) fn together(
    task: &Task,
    materials: &Materials,
    mut unasked: Unasked,
    (asked, answers): (&[Asked], &Answers),
    (known, deployment): (&[(usize, Hosted)], &[Deployment]),
    part: &[u32],
) -> Result<(Loaded, Option<String>), Error> {
    for (column, known) in known {
        unasked.describe(*column, |candidate| known.describe(candidate));
    }
    for (&at, (_, rows)) in answers {
        put(task, materials, &mut unasked, &asked[at], rows)?;
    }
    let some = (part.len() < materials.asked.len()).then(|| {
        part.iter().filter_map(|row| materials.evidence.binary_search(row).ok()).collect::<Vec<usize>>()
    });
    let mut loaded = unasked.finish(task, some.as_deref())?;
    loaded.evidence = metric::mergeable(loaded.evidence, &materials.metric);
    let note = latencies(&mut loaded.evidence, deployment);
    Ok((loaded, note))
}

/// Puts the answers of a candidate into their cells.
fn put(
    task: &Task,
    materials: &Materials,
    unasked: &mut Unasked,
    one: &Asked,
    rows: &[Row],
) -> Result<(), Error> {
    let here = one.opened.here.as_ref();
    let per_item = task.file.candidate[one.column].price.and_then(|price| price.per_item);
    for row in rows {
        let Ok(cell) = materials.evidence.binary_search(&u32::try_from(row.item).unwrap_or(u32::MAX)) else {
            continue;
        };
        let error = row.error.as_ref().map(|(kind, message)| format!("{kind}: {message}"));
        let (target, input) =
            (materials.items.target(row.item).unwrap_or_default(), materials.items.input(row.item));
        let score = row.output.as_deref().map(|output| materials.metric.score(output, target, input));
        let used_up = here.map(|here| here.used_up(row.item).unwrap_or_default());
        // A model in this process costs what the task file says, and what it stands on.
        let cost_usd = match used_up {
            None => row.cost_usd,
            Some(used_up) => used_up.cost_usd.or(Some(per_item.unwrap_or(0.0))),
        };
        let answer = Answer {
            score: score.filter(|_| error.is_none()).map(|score| Score::new(score).unwrap_or(Score::ZERO)),
            output: row.output.as_deref().or(row.text.as_deref()),
            confidence: row.confidence,
            probabilities: Probabilities::Listed(&row.probabilities),
            cost_usd,
            latency_ms: row.latency_ms,
            input_tokens: row.input_tokens.or(used_up.and_then(|used_up| used_up.input_tokens)),
            output_tokens: row.output_tokens,
            error: error.as_deref(),
        };
        unasked.put(task, one.column, cell, &answer)?;
    }
    Ok(())
}
