//! A number.

use std::sync::Arc;

use ordinate_core::{Item, OutputKind};
use serde_json::{Value, json};

use crate::kind::{Kind, Template};
use crate::metric::{Closeness, Metric};
use crate::reading::{Extracted, Labels, Unreadable, Wrote, answer_text, number};

/// A number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Regress;

const SYSTEM: &str = r#"{% if structured %}Reply with JSON, {"answer": NUMBER}.{% else %}Reply with one number and nothing else.{% endif %}"#;
const USER: &str = "{% if instruction %}
{{ instruction }}

{% endif %}
{% for example in examples %}
{{ example.input }}
Number: {{ example.target }}

{% endfor %}
{{ input }}
Number:";

impl Kind for Regress {
    fn name(&self) -> &'static str {
        "regress"
    }

    fn about(&self) -> &'static str {
        "A number."
    }

    fn output(&self) -> Option<OutputKind> {
        Some(OutputKind::Number)
    }

    fn metrics(&self) -> Vec<Arc<dyn Metric>> {
        vec![Arc::new(Closeness { range: 1.0 })]
    }

    fn prompt(&self) -> Option<Template> {
        Some(Template { system: SYSTEM, user: USER })
    }

    fn read(&self, _item: &Item, _labels: &Labels, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        let said = answer_text(reply)?;
        number::read(said.wrote()).map(|found| said.place(found))
    }

    fn max_tokens(&self) -> u32 {
        64
    }

    fn takes_fields(&self) -> bool {
        true
    }

    fn schema(&self, _item: &Item, _labels: &[String]) -> Option<Value> {
        Some(json!({ "type": "number" }))
    }
}
