//! A span of a context.

use std::sync::Arc;

use ordinate_core::{Item, OutputKind};
use serde_json::{Value, json};

use crate::kind::{Kind, Lacks, Template};
use crate::metric::{ExactMatch, Metric, WordF1};
use crate::reading::{Extracted, Labels, Unreadable, Wrote, answer_text, span};

/// A span of a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extract;

const SYSTEM: &str = r#"You find answers in texts. {% if structured %}Reply with JSON, {"answer": PASSAGE}, where PASSAGE is{% else %}Reply with{% endif %} the shortest passage of the text that answers the question, copied exactly{% if not structured %}, and nothing else{% endif %}."#;
const USER: &str = "{% if instruction %}
{{ instruction }}

{% endif %}
{% for example in examples %}
Text: {{ example.context }}
Question: {{ example.input }}
Answer: {{ example.target }}

{% endfor %}
Text: {{ context }}
Question: {{ input }}
Answer:";

impl Kind for Extract {
    fn name(&self) -> &'static str {
        "extract"
    }

    fn about(&self) -> &'static str {
        "A span of a context."
    }

    fn output(&self) -> Option<OutputKind> {
        Some(OutputKind::Text)
    }

    fn metrics(&self) -> Vec<Arc<dyn Metric>> {
        vec![Arc::new(WordF1), Arc::new(ExactMatch)]
    }

    fn prompt(&self) -> Option<Template> {
        Some(Template { system: SYSTEM, user: USER })
    }

    fn read(&self, item: &Item, _labels: &Labels, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        let said = answer_text(reply)?;
        span::read(item.context.as_deref(), said.wrote()).map(|found| said.place(found))
    }

    fn max_tokens(&self) -> u32 {
        256
    }

    fn extracts(&self) -> bool {
        true
    }

    fn lacks(&self, item: &Item) -> Option<Lacks> {
        item.context.is_none().then_some(Lacks { what: "context to extract from", key: "context" })
    }

    fn schema(&self, _item: &Item, _labels: &[String]) -> Option<Value> {
        Some(json!({ "type": "string" }))
    }
}
