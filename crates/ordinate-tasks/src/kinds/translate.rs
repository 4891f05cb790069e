//! Text in another language.

use std::sync::Arc;

use ordinate_core::{Item, OutputKind};

use crate::kind::{Kind, Template};
use crate::metric::{Bleu, Chrf, Judged, Metric, Ter, Tokenizer};
use crate::reading::{Extracted, Labels, Unreadable, Wrote, whole};

/// Text in another language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Translate;

const SYSTEM: &str = "You translate{% if language %} into {{ language }}{% endif %}. Reply with the translation and nothing else.";
const USER: &str = "{% if instruction %}
{{ instruction }}

{% endif %}
{% for example in examples %}
Text: {{ example.input }}
Translation: {{ example.target }}

{% endfor %}
{% if examples %}
Text: {{ input }}
Translation:
{% else %}
{{ input }}
{% endif %}";

impl Kind for Translate {
    fn name(&self) -> &'static str {
        "translate"
    }

    fn about(&self) -> &'static str {
        "Text in another language."
    }

    fn output(&self) -> Option<OutputKind> {
        Some(OutputKind::Text)
    }

    fn metrics(&self) -> Vec<Arc<dyn Metric>> {
        vec![
            Arc::new(Chrf::Plain),
            Arc::new(Chrf::PlusPlus),
            Arc::new(Bleu(Tokenizer::V13a)),
            Arc::new(Bleu(Tokenizer::Zh)),
            Arc::new(Ter),
            Arc::new(Judged),
        ]
    }

    fn prompt(&self) -> Option<Template> {
        Some(Template { system: SYSTEM, user: USER })
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

    fn reports_corpora(&self) -> bool {
        true
    }
}
