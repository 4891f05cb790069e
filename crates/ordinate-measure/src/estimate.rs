//! What a run will probably cost, before anything is asked.

use std::collections::HashSet;

use ordinate_core::{CandidateName, Item};
use ordinate_remote::billed_bytes;

use crate::key::Key;
use crate::measured::stands;
use crate::plan::Plan;
use crate::run::MeasureError;
use crate::store::AnswerStore;

/// Items that are looked up together.
pub(crate) const CHUNK: usize = 256;
/// Bytes of a token, where nothing was counted yet.
const BYTES_PER_TOKEN: f64 = 4.0;

/// What asking one candidate will take.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// The candidate.
    pub name: CandidateName,
    /// Items in all.
    pub items: u64,
    /// Items whose answers are in the store.
    pub kept: u64,
    /// Requests that have to be sent: items of the same text are asked once.
    pub to_ask: u64,
    /// Tokens that will probably be read.
    pub input_tokens: f64,
    /// Tokens that will probably be written: as in the answers at hand, or the most if there are none.
    pub output_tokens: f64,
    /// USD that this will probably cost; `None` without a price.
    pub cost_usd: Option<f64>,
    /// USD that it can cost at most, without retries.
    pub most_usd: Option<f64>,
    /// USD charged for this plan's answers in earlier runs.
    pub paid_usd: f64,
}

/// Looks up what is answered already, and estimates the rest.
///
/// # Errors
/// [`MeasureError`] when a request cannot be made or the store cannot be read.
pub async fn estimate(plan: &Plan) -> Result<Vec<Estimate>, MeasureError> {
    plan.check()?;
    let store = AnswerStore::open(&plan.store).await?;
    let estimates = estimate_with(plan, &store).await;
    store.close().await;
    estimates
}

pub(crate) async fn estimate_with(plan: &Plan, store: &AnswerStore) -> Result<Vec<Estimate>, MeasureError> {
    let mut estimates = Vec::with_capacity(plan.candidates.len());
    for which in 0..plan.candidates.len() {
        // What takes this machine alone costs nothing that is metered.
        if !plan.candidates[which].answerer.limits().alone {
            estimates.push(one(plan, which, store).await?);
        }
    }
    Ok(estimates)
}

/// Sums over what is kept and what is to be asked.
#[derive(Debug, Default)]
struct Sums {
    kept: u64,
    to_ask: u64,
    paid: f64,
    most: f64,
    bytes_to_ask: f64,
    most_output: f64,
    // Of the answers at hand whose tokens were counted.
    counted: f64,
    counted_bytes: f64,
    counted_input: f64,
    counted_output: f64,
}

async fn one(plan: &Plan, which: usize, store: &AnswerStore) -> Result<Estimate, MeasureError> {
    let candidate = &plan.candidates[which];
    let answerer = &candidate.answerer;
    let identity = answerer.identity();
    let items = &plan.items;
    let mut sums = Sums::default();
    let mut seen: HashSet<Key> = HashSet::new();
    let mut at = 0;
    while at < plan.len() {
        let end = plan.len().min(at + CHUNK);
        let requests = (at..end)
            .map(|at| plan.place(at))
            .map(|place| request(plan, which, place, &items.item(place)))
            .collect::<Result<Vec<String>, MeasureError>>()?;
        at = end;
        let keys: Vec<Key> = requests.iter().map(|request| Key::of(&identity, request)).collect();
        for ((request, key), saved) in requests.iter().zip(&keys).zip(store.find(&keys).await?) {
            let new = seen.insert(*key);
            if let Some(saved) = saved {
                sums.paid += if new { saved.charged_usd } else { 0.0 };
                if let (true, Some(input), Some(output)) = (new, saved.input_tokens, saved.output_tokens) {
                    sums.counted += 1.0;
                    sums.counted_bytes += billed_bytes(request) as f64;
                    sums.counted_input += input as f64;
                    sums.counted_output += output as f64;
                }
                if stands(plan, &saved) {
                    sums.kept += 1;
                    continue;
                }
            }
            if !new {
                continue;
            }
            sums.to_ask += 1;
            sums.bytes_to_ask += billed_bytes(request) as f64;
            sums.most_output += answerer.most_tokens(request).output_tokens as f64;
            sums.most += candidate.most_usd(request);
        }
    }
    let per_byte = if sums.counted_bytes > 0.0 {
        sums.counted_input / sums.counted_bytes
    } else {
        1.0 / BYTES_PER_TOKEN
    };
    let input_tokens = if answerer.uses_tokens() { sums.bytes_to_ask * per_byte } else { 0.0 };
    let output_tokens = if sums.counted > 0.0 {
        sums.to_ask as f64 * sums.counted_output / sums.counted
    } else {
        sums.most_output
    };
    let cost_usd = candidate.price.map(|price| {
        let tokens = input_tokens.mul_add(price.input, output_tokens * price.output);
        tokens / 1e6 + sums.to_ask as f64 * price.per_item.unwrap_or(0.0)
    });
    Ok(Estimate {
        name: candidate.name.clone(),
        items: plan.len() as u64,
        kept: sums.kept,
        to_ask: sums.to_ask,
        input_tokens,
        output_tokens,
        cost_usd,
        most_usd: candidate.price.map(|_| sums.most),
        paid_usd: sums.paid,
    })
}

/// The exact request to a candidate about the item in this place.
pub(crate) fn request(plan: &Plan, which: usize, at: usize, item: &Item) -> Result<String, MeasureError> {
    let candidate = &plan.candidates[which];
    candidate
        .answerer
        .request(at, item)
        .map_err(|error| MeasureError::Prompt { candidate: candidate.name.clone(), error })
}
