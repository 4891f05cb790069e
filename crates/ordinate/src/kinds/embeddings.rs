//! Candidates made here on the embeddings of an API (`openai` beside `adapt = { from = "openai", method = "probe" }`):
//! each text is embedded once and its vector kept in the answer store, so that nothing is paid for twice; a probe is
//! trained on the vectors.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ordinate_core::task::CandidateEntry;
use ordinate_core::{Item, Items, Prediction};
use ordinate_measure::{Answerer, Attempt, Contender, EmbeddingsAnswerer, Request, Row};
use ordinate_models::{Embedding, Encoders, Model};
use ordinate_remote::chat::{Embeddings, check, check_key};
use ordinate_remote::{Failure, FailureKind, PromptError, Reply, Usage};
use ordinate_tasks::Kind;
use sha2::{Digest as _, Sha256};

use super::chat::{openai, set_rates};
use super::methods::method;
use super::trained::{Trained, TrainedAnswerer, Vectors};
use super::{
    CandidateKind, Opened, Opening, Place, ServedElsewhere, UsedUp, Want, Whom, curve, rows_with_target,
    teaching,
};
use crate::error::Error;
use crate::reopen::{Again, ReopenedCandidate};

pub(super) struct EmbeddingsKind;

impl CandidateKind for EmbeddingsKind {
    fn name(&self) -> &'static str {
        "embeddings"
    }

    fn takes(&self, place: Place<'_>) -> Result<bool, Error> {
        Ok(place.entry.embeds())
    }

    fn check(&self, place: Place<'_>) -> Result<String, Error> {
        probe_alone(place)?;
        let (method, _) = method(place)?;
        check(openai(place)?).map_err(|error| place.fail(error))?;
        Ok(format!("{} on embeddings of an API", method.name()))
    }

    fn ready(&self, place: Place<'_>) -> Result<(), Error> {
        check_key(openai(place)?).map_err(|error| place.fail(error))
    }

    fn data_leaves(&self, _: &CandidateEntry) -> bool {
        true
    }

    fn is_elsewhere(&self) -> bool {
        true
    }

    fn has_curve(&self, place: Place<'_>) -> Result<bool, Error> {
        curve::is_measured(place)
    }

    fn check_items(&self, place: Place<'_>, items: &Items) -> Result<(), Error> {
        let lacks = |row: &usize| items.target(*row).is_some() && items.input(*row).is_none();
        let Some(row) = (0..items.len()).find(lacks) else { return Ok(()) };
        Err(Error::task(
            place.task,
            format!(
                "item {:?} has no input to embed: name the field with the text in [data] input; where it is empty, fill it \
                 or remove the item",
                items.id(row)
            ),
        ))
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Error> {
        let place = opening.place;
        probe_alone(place)?;
        let openai = openai(place)?;
        let (method, kind) = method(place)?;
        let items = Arc::clone(&opening.materials.items);
        let mut rows = rows_with_target(&items);
        if teaching::is_teacher(place.task, &place.entry.name) {
            rows.extend(teaching::taught_rows(&items));
            rows.sort_unstable();
            rows.dedup();
        }
        let rows: Arc<[u32]> = rows.into();
        self.check_items(place, &items)?;
        let make = if opening.asks { Embeddings::new } else { Embeddings::without_key };
        let embeddings = make(openai).map_err(|error| place.fail(error))?;
        let mut own = Contender::new(place.entry.name.clone(), EmbeddingsAnswerer(embeddings));
        set_rates(&mut own, place.entry, openai);
        let trained = Arc::new(Trained::new(opening, method, kind)?);
        let contender = Contender::new(place.entry.name.clone(), TrainedAnswerer(Arc::clone(&trained)));
        let (task, name, pupil) = (place.task.clone(), place.entry.name.clone(), Arc::clone(&trained));
        let take = Box::new(move |answers: Vec<Row>| {
            let fail = |problem: String| Error::candidate(&task, &name, problem);
            let source = pupil.source().ok_or_else(|| fail("it has no encoder".to_owned()))?;
            let encoder = pupil.encoders().get(source).map_err(|error| fail(error.to_string()))?;
            let vectors = vectors(&answers, |row, vector, took| {
                encoder.keep(items.input(row).unwrap_or_default(), Embedding { vector, took });
                items.id(row).to_owned()
            });
            pupil.given(Some(vectors.map_err(&fail)?)).map_err(|error| fail(error.to_string()))
        });
        let want = Want { whom: Whom::Own(Box::new(own)), rows, take };
        Ok(Opened { wants: vec![want], here: Some(trained), ..Opened::new(contender) })
    }

    fn serve(&self, again: &Again<'_>, _: &'static dyn Kind) -> Result<Option<ServedElsewhere>, Error> {
        let ReopenedCandidate { model: Some(model), entry, .. } = again.candidate else { return Ok(None) };
        let openai = entry.openai.as_ref().ok_or_else(|| again.fail("it names no API"))?;
        let embeddings = Embeddings::new(openai).map_err(|error| again.fail(error))?;
        let folder = again.folder.join(model);
        let model = again.methods.load(&folder, &Encoders::new()).map_err(|error| again.fail(error))?;
        let embeddings = Arc::new(embeddings);
        let answerer = Probed { embeddings: Arc::clone(&embeddings), model };
        let mut contender = Contender::new(entry.name.clone(), answerer);
        set_rates(&mut contender, entry, openai);
        Ok(Some(ServedElsewhere { contender: Some(contender), chat: None, embeddings: Some(embeddings) }))
    }
}

/// A probe that is served: each text is embedded by the API, and what comes back is looked at here.
struct Probed {
    embeddings: Arc<Embeddings>,
    model: Box<dyn Model>,
}

impl Answerer for Probed {
    fn identity(&self) -> String {
        self.embeddings.identity()
    }

    fn request(&self, _: usize, item: &Item) -> Result<String, PromptError> {
        Ok(self.embeddings.body(&item.input.text))
    }

    fn most_tokens(&self, request: &str) -> Usage {
        self.embeddings.most_tokens(request)
    }

    fn ask<'a>(&'a self, batch: &'a [Request]) -> Attempt<'a> {
        Box::pin(async move {
            let mut replies = Vec::with_capacity(batch.len());
            for request in batch {
                replies.push(self.embeddings.ask(&request.body).await.and_then(|reply| self.read(reply)));
            }
            Ok(replies)
        })
    }

    fn gives_outputs(&self) -> bool {
        true
    }
}

impl Probed {
    /// The answer that the vector of a reply gives.
    fn read(&self, reply: Reply) -> Result<Reply, Failure> {
        let said = reply.vector.as_ref().and_then(|vector| self.model.answer_vector(vector));
        let said = said.ok_or_else(|| Failure::new(FailureKind::Shape, "there is no vector to look at"))?;
        let Prediction { output: text, confidence, probabilities } = said;
        Ok(Reply { text, confidence, probabilities, vector: None, ..reply })
    }
}

fn probe_alone(place: Place<'_>) -> Result<(), Error> {
    match place.entry.adapt.as_ref().filter(|adapt| adapt.trains()).map(|adapt| &adapt.method) {
        Some(method) => Err(place.fail(format!(
            "method {method:?} needs the model itself, and an API gives its vectors alone; say \"probe\" or \"means\""
        ))),
        None => Ok(()),
    }
}

/// Hands each vector to `keep`, which gives the item's id. An item without one cannot be answered.
fn vectors(
    answers: &[Row],
    mut keep: impl FnMut(usize, Vec<f32>, Duration) -> String,
) -> Result<Vectors, String> {
    let (mut length, mut sum) = (None, Sha256::new());
    let (mut lacking, mut used_up) = (HashMap::new(), HashMap::new());
    for one in answers {
        // Answer stores of earlier versions have the vector as a text.
        let vector = one.vector.clone().or_else(|| serde_json::from_str(one.text.as_deref()?).ok());
        let Some(vector) = vector.filter(|_| one.error.is_none()) else {
            let why = one.error.as_ref().map(|(kind, message)| format!("no vector: {kind}: {message}"));
            lacking.insert(one.item, why.unwrap_or_else(|| "no vector".to_owned()));
            continue;
        };
        sum.update((vector.len() as u64).to_le_bytes());
        vector.iter().for_each(|number| sum.update(number.to_le_bytes()));
        used_up.insert(one.item, UsedUp { cost_usd: one.cost_usd, input_tokens: one.input_tokens });
        let took = Duration::from_secs_f64(one.latency_ms.unwrap_or(0.0).max(0.0) / 1e3);
        let found = vector.len();
        let id = keep(one.item, vector, took);
        let wanted = *length.get_or_insert(found);
        if found != wanted {
            return Err(format!(
                "the vector of item {id:?} has {found} numbers, and others have {wanted}; the API changed its model"
            ));
        }
    }
    let digest = sum.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Vectors { digest, lacking, used_up })
}
