//! A candidate as the server asks it: once, about one item, and what came of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ordinate_core::{CandidateName, Item, Prediction, Price, Probabilities, Seen};
use ordinate_measure::{Contender, Request, Said, read_reply};
use ordinate_remote::chat::Embeddings;
use ordinate_remote::{Chat, Failure, FailureKind, PromptError, Signature, Usage};
use ordinate_tasks::Reader;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use crate::breaker::Breaker;
use crate::hedge::Lost;
use crate::metered::Metered;
use crate::spent::cost;
use crate::telemetry::SpanId;

/// Something in this process that answers items.
pub trait AnswersItems: Send + Sync {
    /// The answer to an item, and how sure it is.
    ///
    /// # Errors
    /// Why there is none, in words.
    fn answer(&self, item: &Item) -> Result<Prediction, String>;

    /// The vector of a text, by the encoder that it stands on; `None` where it stands on none.
    fn embed(&self, _text: &str) -> Option<Result<Vec<f32>, String>> {
        None
    }

    /// Whether it has such vectors.
    fn embeds(&self) -> bool {
        false
    }
}

/// How a candidate is asked.
pub enum How {
    /// In this process.
    Here {
        /// The model.
        model: Arc<dyn AnswersItems>,
        /// Items that it answers at one time.
        at_once: usize,
        /// What an item costs, if the task file says.
        price: Option<Price>,
    },
    /// Elsewhere: behind an API, or by a program.
    Elsewhere {
        /// How it is asked about an item, as it was when it was measured; `None` where the task's kind has no prompt.
        contender: Option<Contender>,
        /// How it is asked what others say, where it is a chat API; and its price.
        chat: Option<(Arc<Chat>, Option<Price>)>,
        /// How its vectors are had, where it stands on those of an API.
        embeddings: Option<Arc<Embeddings>>,
    },
}

/// A candidate of a run.
pub struct Candidate {
    /// Its name in the run.
    pub name: CandidateName,
    pub(crate) how: How,
    /// Mean score in the verdict.
    pub(crate) quality: f64,
    /// Whether it meets the needs, so that it may stand in for another.
    pub(crate) may_stand_in: bool,
    /// Other models than were asked for that its answers named when it was measured, with how often; `None` where nobody knows.
    measured: Option<BTreeMap<String, u64>>,
    pub(crate) breaker: Breaker,
    /// What its streams used up.
    pub(crate) metered: Metered,
    /// Room in this process.
    room: Semaphore,
}

impl Candidate {
    /// A candidate of this mean score, which may stand in for others if it meets the needs.
    #[must_use]
    pub fn new(name: CandidateName, how: How, quality: f64, meets_needs: bool) -> Self {
        let room = match &how {
            How::Here { at_once, .. } => Semaphore::new(*at_once),
            How::Elsewhere { .. } => Semaphore::new(Semaphore::MAX_PERMITS),
        };
        Self {
            name,
            how,
            quality,
            may_stand_in: meets_needs,
            measured: None,
            breaker: Breaker::default(),
            metered: Metered::default(),
            room,
        }
    }

    /// The same, of which it is known what other models than were asked its answers named when it was measured, and how often.
    #[must_use]
    pub fn with_measured(self, other_models: BTreeMap<String, u64>) -> Self {
        Self { measured: Some(other_models), ..self }
    }

    pub(crate) fn measured(&self) -> Option<&BTreeMap<String, u64>> {
        self.measured.as_ref()
    }

    /// Whether it is in this process.
    pub(crate) fn is_here(&self) -> bool {
        matches!(self.how, How::Here { .. })
    }

    /// Whether half of what it can do in this process is being done: whoever has time lets others go first.
    pub(crate) fn is_busy(&self) -> bool {
        match &self.how {
            How::Here { at_once, .. } => 2 * self.room.available_permits() <= *at_once,
            How::Elsewhere { .. } => false,
        }
    }

    /// The chat API behind it.
    pub(crate) fn chat(&self) -> Option<&Arc<Chat>> {
        match &self.how {
            How::Elsewhere { chat, .. } => chat.as_ref().map(|(chat, _)| chat),
            How::Here { .. } => None,
        }
    }

    /// Whether texts can be turned into vectors by what it stands on.
    pub(crate) fn embeds(&self) -> bool {
        match &self.how {
            How::Here { model, .. } => model.embeds(),
            How::Elsewhere { embeddings, .. } => embeddings.is_some(),
        }
    }

    /// The vectors of texts by the encoder that it stands on, in this process.
    pub(crate) async fn embed(&self, texts: Vec<String>) -> Result<Vec<Vec<f32>>, String> {
        let How::Here { model, .. } = &self.how else { return Err("it is not in this process".to_owned()) };
        let _room = self.room.acquire().await;
        let model = Arc::clone(model);
        let all = move || {
            let none = || Err("it stands on no encoder".to_owned());
            texts.iter().map(|text| model.embed(text).unwrap_or_else(none)).collect()
        };
        tokio::task::spawn_blocking(all).await.map_err(|error| error.to_string())?
    }

    /// USD that these tokens cost at its price, if it has one.
    pub(crate) fn cost_of(&self, usage: Option<Usage>) -> Option<f64> {
        let price = match &self.how {
            How::Here { price, .. } => return Some(price.and_then(|price| price.per_item).unwrap_or(0.0)),
            How::Elsewhere { contender: Some(contender), .. } => return contender.cost_of(usage),
            How::Elsewhere { chat, .. } => chat.as_ref().and_then(|(_, price)| *price)?,
        };
        let usage = usage?;
        Some(
            price.cost_usd(usage.input_tokens, usage.output_tokens)
                + price.cache_usd(usage.cached_tokens, usage.cache_write_tokens),
        )
    }

    /// The most USD that one request about an item can cost, as far as that is known.
    pub(crate) fn most_usd(&self, item: &Item) -> f64 {
        match &self.how {
            How::Here { .. } => self.cost_of(None).unwrap_or(0.0),
            How::Elsewhere { contender, .. } => {
                let request = self.request(item).and_then(Result::ok);
                contender.as_ref().zip(request).map_or(0.0, |(one, request)| one.most_usd(&request))
            }
        }
    }

    /// Its request about an item, as it was when it was measured; `None` where it has no prompt.
    pub(crate) fn request(&self, item: &Item) -> Option<Result<String, PromptError>> {
        match &self.how {
            How::Elsewhere { contender: Some(contender), .. } => Some(contender.answerer.request(0, item)),
            _ => None,
        }
    }

    /// Asks it about an item as it was asked when it was measured. What `further` says goes with the request of a chat API,
    /// where the request itself does not say it.
    pub(crate) async fn ask(
        &self,
        item: &Item,
        reader: &Reader,
        further: Option<&Map<String, Value>>,
    ) -> Answered {
        let start = Instant::now();
        match &self.how {
            How::Here { model, .. } => {
                let _room = self.room.acquire().await;
                let (model, item) = (Arc::clone(model), item.clone());
                let said = tokio::task::spawn_blocking(move || model.answer(&item)).await;
                let said = said.unwrap_or_else(|error| Err(error.to_string()));
                let cost_usd = self.cost_of(None);
                let answered = match said {
                    Ok(Prediction { output, confidence, probabilities }) => {
                        Answered { output: Some(output), confidence, probabilities, ..Answered::default() }
                    }
                    Err(message) => Answered {
                        failure: Some(Failure::new(FailureKind::Reported, message)),
                        ..Answered::default()
                    },
                };
                Answered { cost_usd, took: start.elapsed(), ..answered }
            }
            How::Elsewhere { contender: Some(contender), .. } => {
                let further = further.filter(|_| self.chat().is_some());
                elsewhere(contender, item, reader, further, start).await
            }
            How::Elsewhere { contender: None, .. } => {
                let message = "the task has no prompt by which it could be asked about an item";
                Answered {
                    failure: Some(Failure::new(FailureKind::Rejected, message)),
                    ..Answered::default()
                }
            }
        }
    }
}

async fn elsewhere(
    contender: &Contender,
    item: &Item,
    reader: &Reader,
    further: Option<&Map<String, Value>>,
    start: Instant,
) -> Answered {
    let failed = |failure: Failure| Answered {
        cost_usd: failure.usage.and_then(|usage| contender.cost_of(Some(usage))),
        usage: failure.usage,
        took: start.elapsed(),
        failure: Some(failure),
        ..Answered::default()
    };
    let body = match contender.answerer.request(0, item) {
        Ok(body) => with(body, further),
        Err(error) => return failed(Failure::new(FailureKind::Rejected, error.to_string())),
    };
    let replies = contender.answerer.ask(&[Request { item: 0, body }]).await;
    let reply = match replies.map(|replies| replies.into_iter().next()) {
        Ok(Some(Ok(reply))) => reply,
        Ok(Some(Err(failure))) => return failed(failure),
        Ok(None) => return failed(Failure::new(FailureKind::Reported, "it gave no answer")),
        Err(error) => return failed(Failure::new(FailureKind::Reported, error.to_string())),
    };
    let said = Said {
        text: &reply.text,
        cut: reply.cut_short,
        confidence: reply.confidence,
        logprobs: &reply.logprobs,
    };
    let read = read_reply(reader, item, contender.answerer.gives_outputs(), said);
    let (cost_usd, usage, cut) = (contender.cost_of_reply(&reply), reply.usage, reply.cut_short);
    let met = Answered {
        cost_usd,
        usage,
        cut,
        model: reply.model,
        signature: reply.signature,
        probabilities: reply.probabilities,
        took: start.elapsed(),
        ..Answered::default()
    };
    match read {
        Ok((output, confidence)) => {
            Answered { output: Some(output), text: Some(reply.text), confidence, ..met }
        }
        // As the evidence has it: the text, and that it is no answer.
        Err(unreadable) => Answered {
            output: Some(reply.text.clone()),
            text: Some(reply.text),
            confidence: reply.confidence,
            failure: Some(Failure::new(FailureKind::Unreadable, unreadable.to_string())),
            ..met
        },
    }
}

/// A request with further fields, which do not change those that it has.
pub(crate) fn with(body: String, further: Option<&Map<String, Value>>) -> String {
    let Some(further) = further.filter(|further| !further.is_empty()) else { return body };
    let Ok(own) = serde_json::from_str::<Map<String, Value>>(&body) else { return body };
    let mut all = further.clone();
    all.extend(own);
    Value::Object(all).to_string()
}

/// What came of asking a candidate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answered {
    /// What was read out of the reply; the reply where nothing could be.
    pub(crate) output: Option<String>,
    /// The reply as it was written, where it was written.
    pub(crate) text: Option<String>,
    pub(crate) confidence: Option<f64>,
    /// How probable a model in this process finds single labels.
    pub(crate) probabilities: Vec<(String, f64)>,
    pub(crate) usage: Option<Usage>,
    /// Whether the usage is estimated: the stream broke off before its server said it.
    pub(crate) estimated: bool,
    pub(crate) cost_usd: Option<f64>,
    /// Whether it was cut at the most tokens.
    pub(crate) cut: bool,
    /// The model that the answer names, where it is another one than was asked.
    pub(crate) model: Option<String>,
    /// What it says of who gave it.
    pub(crate) signature: Signature,
    /// When it was asked.
    pub(crate) at: Option<Instant>,
    pub(crate) took: Duration,
    /// The asking, where the request is traced.
    pub(crate) span: Option<SpanId>,
    pub(crate) failure: Option<Failure>,
    /// The whole answer as a server sent it, where that is passed on.
    pub(crate) whole: Option<String>,
    /// The other request, where it was asked twice because the first took long.
    pub(crate) other: Option<Other>,
}

/// One of two requests that was not taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Other {
    pub(crate) error: &'static str,
    pub(crate) usage: Option<Usage>,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) took: Duration,
}

impl Other {
    /// What became of the request that was not taken: one that was ended has cost at most what the same request did that was
    /// taken, and is counted so.
    pub(crate) fn of(lost: Lost<Answered>, taken: &Answered) -> Self {
        match lost {
            Lost::Ended(other) => Self {
                error: other.failure.as_ref().map_or("hedged", |failure| failure.kind.as_str()),
                usage: other.usage,
                cost_usd: cost(other.cost_usd, other.failure.as_ref()),
                took: other.took,
            },
            Lost::Left(took) => Self { error: "hedged", usage: taken.usage, cost_usd: taken.cost_usd, took },
        }
    }
}

impl Answered {
    /// As a policy sees it: just as it sees the evidence of a run.
    pub(crate) fn seen(&self, candidate: usize) -> Seen<'_> {
        Seen {
            candidate,
            output: self.output.as_deref(),
            confidence: self.confidence,
            probabilities: Probabilities::Listed(&self.probabilities),
            output_tokens: self.usage.map(|usage| usage.output_tokens as f64),
            failed: self.failure.is_some(),
            notes: None,
        }
    }

    /// USD of all requests that it took; `None` where that is not known of one.
    pub(crate) fn all_cost_usd(&self) -> Option<f64> {
        let other = self.other.map_or(Some(0.0), |other| other.cost_usd)?;
        self.cost_usd.map(|cost| cost + other)
    }

    /// Whether there is no answer for a reason that lies in the candidate and not in the item: another one may stand in.
    pub(crate) fn is_out(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| is_out(failure.kind))
    }
}

/// Whether a failure speaks against whoever was asked, so that they are let rest after some. A request that is not accepted
/// speaks against the request.
pub(crate) fn tires(kind: FailureKind) -> bool {
    is_out(kind) && kind != FailureKind::Rejected
}

/// Whether a failure says something of whoever was asked, and nothing of the item.
pub(crate) fn is_out(kind: FailureKind) -> bool {
    kind.is_of_endpoint()
        || matches!(kind, FailureKind::OpenFiles | FailureKind::TooLarge | FailureKind::Reported)
}
