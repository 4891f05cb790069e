//! What a network looked at, of an item that is an image: its answer is asked for again and again with parts of the picture covered. One
//! candidate, when somebody wants to see it.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ordinate_core::Item;
use ordinate_core::image::is_image;
use ordinate_images::{Heat, Image};
use ordinate_measure::CancellationToken;
use ordinate_models::{Manifest, Reads};
use ordinate_report::{HeatShown, LookedAt};

use super::opened::OpenedRun;
use crate::folder::Folder;
use crate::options::Options;
use crate::query::Pairs;
use crate::reopen::{AnswersInputs, Reopened, opened};

/// The networks of a run: which there are, and those that were opened.
#[derive(Default)]
pub(super) struct Networks {
    all: OnceLock<Option<Reopened>>,
    /// One at a time is asked: it has all of the machine.
    opened: Mutex<HashMap<usize, Arc<dyn AnswersInputs>>>,
}

impl fmt::Debug for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Networks").finish_non_exhaustive()
    }
}

impl Networks {
    /// What the run folder says of candidates; folders of earlier versions say nothing.
    fn all(&self, folder: &Folder) -> Option<&Reopened> {
        self.all.get_or_init(|| Reopened::read(folder).ok()).as_ref()
    }
}

/// What there is to be seen of what networks looked at, of the item at a place; `None` where it is no image. The number of the candidate
/// whose map is wanted stands in the query, as `heat`.
pub(super) fn looked_at<'r>(
    run: &'r OpenedRun,
    at: usize,
    pairs: &Pairs,
    stop: &CancellationToken,
) -> Option<LookedAt<'r>> {
    let row = run.rows[at];
    let input = run.evidence.items().input(row).filter(|text| is_image(text))?;
    let image = Image::of_text(input).ok()?;
    let mut looked = LookedAt { looks: Heat::looks(image.width(), image.height()), ..LookedAt::default() };
    let all = run.networks.all(run.folder());
    for &column in &run.best_first {
        let name = run.name_of(column);
        let entry = all.and_then(|all| all.candidates.iter().find(|one| one.entry.name.as_str() == name));
        let model = entry.and_then(|one| one.model.as_ref()).map(|model| run.folder().path(model));
        if model.is_some_and(|model| Manifest::read(&model).is_ok_and(|model| model.reads == Reads::Image)) {
            let each = run.evidence.answers(column).latency_ms(row);
            let time = each.map(|ms| ms * (looked.looks + 1) as f64);
            looked.offered.push((column, name, time));
        } else if entry.is_some_and(|one| one.entry.openai.is_some()) {
            looked.elsewhere.push(name);
        } else {
            looked.absent.push(name);
        }
    }
    let wanted = pairs.get("heat").and_then(|text| text.parse().ok());
    let wanted = wanted.filter(|wanted| looked.offered.iter().any(|(column, ..)| column == wanted));
    looked.shown = wanted.zip(all).map(|(column, all)| {
        let name = run.name_of(column);
        map(run, all, column, &image, stop)
            .and_then(|(label, heat)| shown(run, column, at, label, &heat, &image))
            .map_err(|problem| format!("{name} could not be asked: {problem}"))
    });
    Some(looked)
}

/// What a candidate says of an image, and what that hangs on.
fn map(
    run: &OpenedRun,
    all: &Reopened,
    column: usize,
    image: &Image,
    stop: &CancellationToken,
) -> Result<(String, Heat), String> {
    let mut known = run.networks.opened.lock().unwrap_or_else(PoisonError::into_inner);
    let network = match known.get(&column) {
        Some(network) => Arc::clone(network),
        None => {
            let name = &run.evidence.candidates()[column].name;
            let found = opened(run.folder(), all, name, &Options::default());
            let found = found.map_err(|error| error.to_string())?.ok_or("it is not in this process")?;
            let network: Arc<dyn AnswersInputs> = Arc::from(found);
            known.insert(column, Arc::clone(&network));
            network
        }
    };
    let item = Item { input: text(image)?.into(), ..Item::default() };
    let label = network.answer_item(&item)?.output;
    let heat = Heat::of(image, &mut |images: &[Image]| {
        if stop.is_cancelled() {
            return Err("the server ends".to_owned());
        }
        let texts: Vec<String> = images.iter().map(text).collect::<Result<_, _>>()?;
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        network
            .shares(&texts, &label)
            .unwrap_or_else(|| Err("it tells no probabilities of labels".to_owned()))
    })?;
    Ok((label, heat))
}

fn text(image: &Image) -> Result<String, String> {
    image.text().map_err(|error| error.to_string())
}

fn shown<'r>(
    run: &'r OpenedRun,
    column: usize,
    at: usize,
    label: String,
    heat: &Heat,
    image: &Image,
) -> Result<HeatShown<'r>, String> {
    let (fall, place) = heat.peak();
    let measured = run.evidence.answers(column).output(run.rows[at]);
    Ok(HeatShown {
        name: run.name_of(column),
        measured: measured.filter(|measured| *measured != label),
        label,
        whole: heat.whole,
        fall,
        place,
        size: (heat.width, heat.height),
        patch: heat.patch,
        looks: heat.looks,
        picture: text(&heat.over(image))?,
    })
}
