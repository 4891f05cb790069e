//! What is to be sent.

use crate::answerer::Request;
use crate::estimate::request;
use crate::key::Key;
use crate::run::MeasureError;
use crate::shared::Shared;

/// An item that is to be asked about.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) position: usize,
    pub(super) key: Key,
    pub(super) request: Request,
    pub(super) id: String,
}

/// The request about the item in this position.
pub(super) fn pending(
    shared: &Shared,
    which: usize,
    identity: &str,
    position: usize,
) -> Result<Pending, MeasureError> {
    let at = shared.order.item(position);
    let item = shared.plan.items.item(at);
    let body = request(&shared.plan, which, at, &item)?;
    let key = Key::of(identity, &body);
    Ok(Pending { position, key, request: Request { item: at, body }, id: item.id })
}
