//! One label for an image.

use std::sync::Arc;

use ordinate_core::{Item, OutputKind};
use serde_json::{Value, json};

use crate::kind::{Kind, Template};
use crate::metric::{Accuracy, Metric};
use crate::reading::{Extracted, Labels, Unreadable, Wrote, answer_text};

/// One label for an image. Language models are sent it as a picture, and have to be able to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassifyImage;

const SYSTEM: &str = r#"You label images. {% if structured %}Reply with JSON, {"answer": LABEL}, where LABEL is exactly one of the labels.{% else %}Reply with exactly one of the labels, copied as it is written, and nothing else.{% endif %}"#;
const USER: &str = "{% if instruction %}
{{ instruction }}

{% endif %}
Labels:
{% for label in labels %}
- {{ label }}
{% endfor %}

{% for example in examples %}
Image: {{ example.input }}
Label: {{ example.target }}

{% endfor %}
Image: {{ input }}
Label:";

impl Kind for ClassifyImage {
    fn name(&self) -> &'static str {
        "classify-image"
    }

    fn about(&self) -> &'static str {
        "One label for an image."
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

    fn takes_images(&self) -> bool {
        true
    }

    fn choices<'a>(&self, _item: &'a Item, labels: &'a [String]) -> Option<Vec<&'a str>> {
        Some(labels.iter().map(String::as_str).collect())
    }

    fn schema(&self, _item: &Item, labels: &[String]) -> Option<Value> {
        Some(json!({ "type": "string", "enum": labels }))
    }
}
