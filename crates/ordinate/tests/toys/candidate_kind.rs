//! A kind of candidate of a caller's own, in one file: it counts words, and where it names a teacher, it says what the
//! teacher said of the train items that begin alike.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ordinate::{CandidateKind, Error, Opened, Opening, Place, Want, Whom};
use ordinate_core::task::CandidateEntry;
use ordinate_core::{CandidateName, Item};
use ordinate_measure::{Answerer, Attempt, Contender, Request, Row};
use ordinate_remote::{PromptError, Reply};

pub struct Counting;

fn setting<'a>(entry: &'a CandidateEntry, key: &str) -> Option<&'a str> {
    entry.custom.as_ref()?.settings.get(key)?.as_str()
}

impl CandidateKind for Counting {
    fn name(&self) -> &'static str {
        "counting"
    }

    fn takes(&self, place: Place<'_>) -> Result<bool, Error> {
        Ok(place.entry.custom.as_ref().is_some_and(|custom| custom.kind == "counting"))
    }

    fn check(&self, _: Place<'_>) -> Result<String, Error> {
        Ok("counts words".to_owned())
    }

    fn after(&self, entry: &CandidateEntry) -> Vec<CandidateName> {
        setting(entry, "teacher").into_iter().filter_map(|name| CandidateName::new(name).ok()).collect()
    }

    fn open(&self, opening: &Opening<'_>) -> Result<Opened, Error> {
        let entry = opening.place.entry;
        let taught: Arc<Mutex<HashMap<String, String>>> = Arc::default();
        let answerer = Counter { name: entry.name.to_string(), taught: Arc::clone(&taught) };
        let mut opened = Opened::new(Contender::new(entry.name.clone(), answerer));
        for teacher in self.after(entry) {
            let items = Arc::clone(&opening.materials.items);
            let rows = (0..items.len() as u32).filter(|row| row % 2 == 0).collect();
            let taught = Arc::clone(&taught);
            let take = Box::new(move |answers: Vec<Row>| {
                for row in answers {
                    let text = items.input(row.item).unwrap_or_default().to_owned();
                    taught.lock().unwrap().extend(row.output.map(|output| (text, output)));
                }
                Ok(())
            });
            opened.wants.push(Want { whom: Whom::Candidate(teacher), rows, take });
        }
        Ok(opened)
    }
}

struct Counter {
    name: String,
    taught: Arc<Mutex<HashMap<String, String>>>,
}

impl Answerer for Counter {
    fn identity(&self) -> String {
        format!("counting 1 {} {}", self.name, self.taught.lock().unwrap().len())
    }

    fn request(&self, _: usize, item: &Item) -> Result<String, PromptError> {
        Ok(item.input.text.clone())
    }

    fn ask<'a>(&'a self, batch: &'a [Request]) -> Attempt<'a> {
        let reply = |request: &Request| {
            let counted = if request.body.split(' ').count().is_multiple_of(2) { "even" } else { "odd" };
            let taught = self.taught.lock().unwrap().get(&request.body).cloned();
            Ok(Reply { text: taught.unwrap_or_else(|| counted.to_owned()), ..Reply::default() })
        };
        let replies = batch.iter().map(reply).collect();
        Box::pin(std::future::ready(Ok(replies)))
    }
}
