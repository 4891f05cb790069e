//! Free text.

use std::sync::Arc;

use ordinate_core::{Item, OutputKind};

use crate::kind::{Kind, Template};
use crate::metric::{Bleu, Chrf, ExactMatch, Judged, Metric, Rouge, Tokenizer, WordF1};
use crate::reading::{Extracted, Labels, Unreadable, Wrote, whole};

/// Free text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generate;

const USER: &str = "{% if instruction %}
{{ instruction }}

{% endif %}
{% for example in examples %}
{{ example.input }}

Answer: {{ example.target }}

{% endfor %}
{% if context %}
{{ context }}

{% endif %}
{{ input }}";

impl Kind for Generate {
    fn name(&self) -> &'static str {
        "generate"
    }

    fn about(&self) -> &'static str {
        "Free text."
    }

    fn output(&self) -> Option<OutputKind> {
        Some(OutputKind::Text)
    }

    fn metrics(&self) -> Vec<Arc<dyn Metric>> {
        // A graded one first: of free texts hardly two are the same, and exact match would be 0 throughout.
        vec![
            Arc::new(Chrf::Plain),
            Arc::new(Chrf::PlusPlus),
            Arc::new(WordF1),
            Arc::new(Rouge::One),
            Arc::new(Rouge::Two),
            Arc::new(Rouge::Longest),
            Arc::new(Bleu(Tokenizer::V13a)),
            Arc::new(Bleu(Tokenizer::Zh)),
            Arc::new(ExactMatch),
            Arc::new(Judged),
        ]
    }

    fn prompt(&self) -> Option<Template> {
        Some(Template { system: "", user: USER })
    }

    fn read(&self, _item: &Item, _labels: &Labels, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        // The whole text is the answer, also where it is JSON.
        whole(reply)
    }

    fn max_tokens(&self) -> u32 {
        1_024
    }

    fn is_long(&self) -> bool {
        true
    }

    fn takes_fields(&self) -> bool {
        true
    }
}
