//! One label of a fixed list.

use std::sync::Arc;

use ordinate_core::{Item, OutputKind};
use serde_json::{Value, json};

use crate::kind::{Kind, Template};
use crate::metric::{Accuracy, Metric};
use crate::reading::{Extracted, Labels, Unreadable, Wrote, answer_text};

/// One label of a fixed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classify;

const SYSTEM: &str = r#"You label texts. {% if structured %}Reply with JSON, {"answer": LABEL}, where LABEL is exactly one of the labels.{% else %}Reply with exactly one of the labels, copied as it is written, and nothing else.{% endif %}"#;
const USER: &str = "{% if instruction %}
{{ instruction }}

{% endif %}
Labels:
{% for label in labels %}
- {{ label }}
{% endfor %}

{% for example in examples %}
Text: {{ example.input }}
Label: {{ example.target }}

{% endfor %}
Text: {{ input }}
Label:";

impl Kind for Classify {
    fn name(&self) -> &'static str {
        "classify"
    }

    fn about(&self) -> &'static str {
        "One label of a fixed list."
    }

    fn output(&self) -> Option<OutputKind> {
        Some(OutputKind::Label)
    }

    fn metrics(&self) -> Vec<Arc<dyn Metric>> {
        vec![Arc::new(Accuracy)]
    }

    fn prompt(&self) -> Option<Template> {
        Some(Template { system: SYSTEM, user: USER })
    }

    fn read(&self, _item: &Item, labels: &Labels, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        let said = answer_text(reply)?;
        labels.read(said.wrote()).map(|found| said.place(found))
    }

    fn max_tokens(&self) -> u32 {
        64
    }

    fn labels(&self, targets: Vec<String>) -> Vec<String> {
        targets
    }

    fn has_labels(&self) -> bool {
        true
    }

    fn takes_fields(&self) -> bool {
        true
    }

    fn choices<'a>(&self, _item: &'a Item, labels: &'a [String]) -> Option<Vec<&'a str>> {
        Some(labels.iter().map(String::as_str).collect())
    }

    fn schema(&self, _item: &Item, labels: &[String]) -> Option<Value> {
        Some(json!({ "type": "string", "enum": labels }))
    }
}
