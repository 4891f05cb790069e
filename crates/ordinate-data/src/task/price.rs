//! A price is by the hour, or by what is answered.

use crate::error::{DataError, Problem};
use crate::task::position::Document;
use crate::task::{Key, Task};

/// Refuses an hourly price beside another one.
pub(super) fn check(task: &Task, document: &Document<'_>) -> Result<(), DataError> {
    for (place, entry) in task.file.candidate.iter().enumerate() {
        let openai = entry.openai.as_ref().and_then(|openai| openai.price);
        for (price, path) in [(entry.price, &["price"][..]), (openai, &["openai", "price"])] {
            let Some(price) = price.filter(|price| price.per_hour.is_some()) else { continue };
            let others = [
                ("input", price.input > 0.0),
                ("output", price.output > 0.0),
                ("cached_input", price.cached_input.is_some()),
                ("cache_write", price.cache_write.is_some()),
                ("per_item", price.per_item.is_some()),
            ];
            let Some((other, _)) = others.into_iter().find(|(_, given)| *given) else { continue };
            let message = format!(
                "{other} and per_hour are both given. Keep per_hour for a machine of your own, or {other} for an API."
            );
            let start = [Key::Name("candidate"), Key::Place(place)];
            let keys = path.iter().copied().chain(["per_hour"]).map(Key::Name);
            let keys: Vec<Key<'_>> = start.into_iter().chain(keys).collect();
            return Err(document.error_at(&keys, Problem::DataSources(message)));
        }
    }
    Ok(())
}
