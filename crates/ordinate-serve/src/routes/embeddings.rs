//! `/v1/embeddings`: the vectors of the encoder that a candidate stands on.

use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::{Response, StatusCode};
use ordinate_remote::chat::Embeddings;
use ordinate_remote::{Failure, FailureKind};
use serde_json::{Value, json};

use super::answer::headers;
use super::chat::Target;
use crate::body::Reply;
use crate::candidate::{Answered, Candidate, How};
use crate::error::{ApiError, typed};
use crate::play::{Played, guarded};
use crate::reading::{Fields, Wanted};
use crate::state::{Account, Asking, Server};

pub(super) async fn embeddings(
    server: &Arc<Server>,
    asking: &Asking,
    body: &[u8],
) -> Result<Response<Reply>, ApiError> {
    let fields = Fields::of(body)?;
    let model: String = fields.read("model")?.ok_or_else(|| ApiError::field("model", "model is missing"))?;
    let wanted = Wanted::of(&fields)?;
    let target = Target::of(server, asking, &model)?;
    let task = Arc::clone(&target.task);
    let place = match target.candidate {
        Some(place) => Some(place),
        None => task.places.iter().copied().find(|&place| task.run.candidates[place].embeds()),
    };
    let found = place.filter(|&place| task.run.candidates[place].embeds());
    let Some(place) = found else {
        let message = format!("{model:?} stands on no encoder, so that it has no vectors of texts");
        return Err(ApiError::field("model", message));
    };
    asking.admit(&task)?;
    let candidate = &task.run.candidates[place];
    let start = Instant::now();
    let answered = guarded(candidate, None, || ask(candidate, &fields, &wanted)).await;
    let whole = answered.whole.clone();
    let failed = answered.failure.as_ref().map(ApiError::from);
    let played = Played {
        asked: vec![(place, answered)],
        given: Some(0),
        waited: start.elapsed(),
        ..Played::default()
    };
    let name = candidate.name.as_str();
    let overhead = asking.overhead(played.waited);
    server.account(asking, &Account::of("embeddings", asking, &task, name, &played, overhead));
    let mut response = match (failed, whole) {
        (Some(error), _) => error.response(),
        (None, Some(whole)) => typed(StatusCode::OK, "application/json", whole),
        (None, None) => {
            ApiError::new(StatusCode::BAD_GATEWAY, "no_answer", "there are no vectors").response()
        }
    };
    headers(&mut response, asking, &task, name, &played);
    Ok(response)
}

async fn ask(candidate: &Candidate, fields: &Fields<'_>, wanted: &Wanted) -> Answered {
    let start = Instant::now();
    let answered = match &candidate.how {
        How::Elsewhere { embeddings: Some(api), .. } => elsewhere(candidate, api, fields).await,
        _ => here(candidate, wanted).await,
    };
    let answered = answered.unwrap_or_else(|failure| Answered {
        usage: failure.usage,
        failure: Some(failure),
        ..Answered::default()
    });
    Answered { took: start.elapsed(), ..answered }
}

/// The request as it is, but for the name of the model.
async fn elsewhere(
    candidate: &Candidate,
    api: &Embeddings,
    fields: &Fields<'_>,
) -> Result<Answered, Failure> {
    let body = fields.with(&[("model", Value::from(api.model()).to_string())], &[]);
    let whole = api.relay(body).await?;
    let cost_usd = candidate.cost_of(whole.usage);
    Ok(Answered { usage: whole.usage, cost_usd, whole: Some(whole.body), ..Answered::default() })
}

/// What the encoder in this process says. It has no tokens that anybody bills.
async fn here(candidate: &Candidate, wanted: &Wanted) -> Result<Answered, Failure> {
    let reported = |problem: String| Failure::new(FailureKind::Reported, problem);
    let vectors = candidate.embed(wanted.texts.clone()).await.map_err(reported)?;
    let length = vectors.first().map_or(0, Vec::len);
    if wanted.dimensions.is_some_and(|dimensions| dimensions != length) {
        let message = format!("its vectors have {length} dimensions, and no other number of them");
        return Err(Failure::new(FailureKind::Rejected, message));
    }
    let data: Vec<Value> = vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| {
            let embedding = if wanted.packed {
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                Value::from(STANDARD.encode(bytes))
            } else {
                json!(vector)
            };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    let whole = json!({
        "object": "list",
        "data": data,
        "model": candidate.name.as_str(),
        "usage": { "prompt_tokens": 0, "total_tokens": 0 },
    });
    Ok(Answered { cost_usd: candidate.cost_of(None), whole: Some(whole.to_string()), ..Answered::default() })
}
