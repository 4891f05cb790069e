//! How measuring asks a trained model.

use std::sync::Arc;

use ordinate_core::Item;
use ordinate_measure::{Answerer, AnswererError, Attempt, Limits, PuttingAway, Request};
use ordinate_models::{Fold, Kind};
use ordinate_remote::PromptError;
use serde::Serialize;

use super::Trained;

/// Items of one batch: of fast models, and of those that stand on a network.
const BATCHES: [usize; 2] = [1_000, 100];

/// Asks a trained model, batch by batch.
pub(in crate::kinds) struct TrainedAnswerer(pub(in crate::kinds) Arc<Trained>);

impl Answerer for TrainedAnswerer {
    fn identity(&self) -> String {
        self.0.given.get().map(|given| given.identity.clone()).unwrap_or_default()
    }

    fn request(&self, at: usize, item: &Item) -> Result<String, PromptError> {
        #[derive(Serialize)]
        struct Body<'a> {
            item: &'a str,
            fold: Option<Fold>,
        }
        serde_json::to_string(&Body { item: &item.id, fold: self.0.fold(at) })
            .map_err(|error| PromptError::Lacks(error.to_string()))
    }

    fn ask<'a>(&'a self, batch: &'a [Request]) -> Attempt<'a> {
        let trained = Arc::clone(&self.0);
        let rows: Vec<usize> = batch.iter().map(|request| request.item).collect();
        Box::pin(async move {
            let work = move || trained.answer(&rows);
            let answered = tokio::task::spawn_blocking(work).await.map_err(AnswererError::new)?;
            answered.map_err(AnswererError::new)
        })
    }

    fn put_away(&self) -> PuttingAway<'_> {
        let trained = Arc::clone(&self.0);
        Box::pin(async move {
            let work = move || trained.put_away();
            tokio::task::spawn_blocking(work).await.map_err(AnswererError::new)?.map_err(AnswererError::new)
        })
    }

    fn stage(&self, at: usize) -> u32 {
        match self.0.fold(at) {
            Some(Fold::Whole) | None => 0,
            Some(Fold::Without(fold)) => u32::try_from(fold + 1).unwrap_or(u32::MAX),
        }
    }

    fn limits(&self) -> Limits {
        // Each answer of a decoder takes long, and a kill loses a batch.
        let batch = match &self.0.asked {
            Some(_) => 1,
            None => BATCHES[usize::from(self.0.method.source().is_some())],
        };
        Limits { in_flight: Some(1), batch, files: 0, alone: true }
    }

    fn gives_outputs(&self) -> bool {
        // What a decoder writes is read as a live candidate's reply is.
        self.0.asked.is_none() || self.0.kind != Kind::Text
    }
}
