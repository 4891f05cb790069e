//! Anything: the answers were scored elsewhere.

use std::sync::Arc;

use ordinate_core::{Item, OutputKind};

use crate::kind::{Kind, Template};
use crate::metric::Metric;
use crate::reading::{Extracted, Labels, Unreadable, Wrote, whole};

/// Anything: the answers were scored elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scored;

impl Kind for Scored {
    fn name(&self) -> &'static str {
        "scored"
    }

    fn about(&self) -> &'static str {
        "Anything: the answers were scored elsewhere."
    }

    fn output(&self) -> Option<OutputKind> {
        None
    }

    fn metrics(&self) -> Vec<Arc<dyn Metric>> {
        Vec::new()
    }

    fn prompt(&self) -> Option<Template> {
        None
    }

    fn read(&self, _item: &Item, _labels: &Labels, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        // The whole text is the answer, also where it is JSON.
        whole(reply)
    }

    fn max_tokens(&self) -> u32 {
        1_024
    }
}
