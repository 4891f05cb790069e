//! A kind of task of a caller's own, in one file: is a number of words even or odd?

use std::sync::Arc;

use ordinate_core::{Item, Output, OutputKind};
use ordinate_tasks::metric::{Accuracy, Metric};
use ordinate_tasks::reading::{Extracted, Labels, Unreadable, Wrote};
use ordinate_tasks::{Kind, Template};

#[derive(Debug)]
pub struct Parity;

impl Kind for Parity {
    fn name(&self) -> &'static str {
        "parity"
    }

    fn about(&self) -> &'static str {
        "Whether a text has an even number of words."
    }

    fn output(&self) -> Option<OutputKind> {
        Some(OutputKind::Label)
    }

    fn metrics(&self) -> Vec<Arc<dyn Metric>> {
        vec![Arc::new(Accuracy)]
    }

    fn prompt(&self) -> Option<Template> {
        Some(Template { system: "", user: "Even or odd? {{ input }}" })
    }

    fn read(&self, _: &Item, _: &Labels, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        let word = ["even", "odd"].into_iter().find(|word| reply.text.contains(word));
        let word = word.ok_or_else(|| Unreadable("neither even nor odd".into()))?;
        Ok(Extracted { output: Output::Label(word.into()), span: 0..reply.text.len() })
    }

    fn max_tokens(&self) -> u32 {
        64
    }

    fn labels(&self, _: Vec<String>) -> Vec<String> {
        vec!["even".into(), "odd".into()]
    }

    fn has_labels(&self) -> bool {
        true
    }
}
