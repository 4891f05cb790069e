//! The method by which a candidate is made in this process.

use ordinate_models::{Kind, Method, Reads};

use super::Place;
use crate::error::Error;

/// The method by which a candidate is made here, checked.
pub(super) fn method(place: Place<'_>) -> Result<(Box<dyn Method>, Kind), Error> {
    let method = place.methods.of(place.entry, place.task.dir()).map_err(|error| place.fail(error))?;
    let method = method.ok_or_else(|| place.fail("no method makes it"))?;
    let kind = method.kind(place.task.kind).map_err(|error| place.fail(error))?;
    let reads_fields = method.reads() == Reads::Fields;
    if reads_fields && place.task.file.data.features.is_none() {
        return Err(place.fail(
            "it reads fields of items, and [data] names none; say features = \"all\" there, or features = [\"name\", ...]",
        ));
    }
    if reads_fields && place.entry.local.as_ref().is_some_and(|local| !local.labels.is_empty()) {
        return Err(
            place.fail("labels are for models that were not trained on the task, and it is; remove them")
        );
    }
    Ok((method, kind))
}
