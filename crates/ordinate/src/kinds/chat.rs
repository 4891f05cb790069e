//! Candidates behind an OpenAI-compatible API (`openai = { ... }`).

use std::sync::Arc;

use ordinate_core::task::{CandidateEntry, OpenAi};
use ordinate_measure::{ChatAnswerer, Contender};
use ordinate_remote::chat::{Chat, check, check_key};
use ordinate_remote::{Prompt, PromptError};
use ordinate_tasks::Kind;

use super::{CandidateKind, Opened, Opening, Place, ServedElsewhere};
use crate::error::Error;
use crate::materials::draw;
use crate::reopen::Again;

pub(super) struct ChatKind;

impl CandidateKind for ChatKind {
    fn name(&self) -> &'static str {
        "openai"
    }

    fn takes(&self, place: Place<'_>) -> Result<bool, Error> {
        Ok(place.entry.openai.is_some())
    }

    fn check(&self, place: Place<'_>) -> Result<String, Error> {
        check(openai(place)?).map_err(|error| place.fail(error))?;
        Ok("live".to_owned())
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

    fn spares_train(&self, _: Place<'_>) -> Result<bool, Error> {
        Ok(true)
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Error> {
        let place = opening.place;
        let (task, materials) = (place.task, opening.materials);
        let openai = openai(place)?;
        let make = if opening.asks { Chat::new } else { Chat::without_key };
        let chat = make(openai, task.kind).map_err(|error| place.fail(error))?;
        let structured = openai.structured == Some(true);
        let prompt = Prompt::new(task.kind, &materials.labels, &task.file.prompt, structured)
            .map_err(|error| place.fail(error))?;
        let examples = Arc::clone(&materials.examples);
        let first = materials.items.item(materials.first());
        let shown = prompt.render(&first, &examples.of(&first)).map_err(|error| place.fail(error))?;
        let answerer = ChatAnswerer { chat, prompt: Arc::new(prompt), examples };
        let mut contender = Contender::new(place.entry.name.clone(), answerer);
        set_rates(&mut contender, place.entry, openai);
        Ok(Opened { prompt: Some(shown), ..Opened::new(contender) })
    }

    fn serve(&self, again: &Again<'_>, kind: &'static dyn Kind) -> Result<Option<ServedElsewhere>, Error> {
        let entry = &again.candidate.entry;
        let openai = entry.openai.as_ref().ok_or_else(|| again.fail("it names no API"))?;
        let chat = Chat::new(openai, kind).map_err(|error| again.fail(error))?;
        let price = entry.price.or(openai.price);
        let all = again.all;
        let structured = openai.structured == Some(true);
        let prompt = match Prompt::new(kind, &all.labels, &all.prompt, structured) {
            Ok(prompt) => Some(Arc::new(prompt)),
            // Answers that were scored elsewhere have no prompt of ours: what others say is passed on.
            Err(PromptError::Kind(_) | PromptError::Lacks(_)) => None,
            Err(error) => return Err(again.fail(error)),
        };
        let contender = prompt.map(|prompt| {
            let examples = Arc::new(draw(kind, &all.prompt, all.seed, all.examples.clone()));
            let answerer = ChatAnswerer { chat: chat.clone(), prompt, examples };
            let mut contender = Contender::new(entry.name.clone(), answerer);
            set_rates(&mut contender, entry, openai);
            contender
        });
        Ok(Some(ServedElsewhere { contender, chat: Some((Arc::new(chat), price)), embeddings: None }))
    }
}

/// What an entry says of its API.
pub(super) fn openai(place: Place<'_>) -> Result<&OpenAi, Error> {
    place.entry.openai.as_ref().ok_or_else(|| place.fail("it names no API"))
}

/// The price and the rates of a candidate behind an API.
pub(super) fn set_rates(contender: &mut Contender, entry: &CandidateEntry, openai: &OpenAi) {
    contender.price = entry.price.or(openai.price);
    contender.concurrency = openai.concurrency.map(|most| most.max(1) as usize);
    contender.requests_per_minute = openai.requests_per_minute;
    contender.tokens_per_minute = openai.tokens_per_minute;
}
