//! One of the options that the item gives.

use std::borrow::Cow;
use std::sync::Arc;

use ordinate_core::{Choice, Item, OutputKind};
use serde_json::{Value, json};

use crate::kind::{Kind, Lacks, Template};
use crate::metric::{Accuracy, Metric};
use crate::reading::{Extracted, Labels, Unreadable, Wrote, answer_text, letter};

/// One of the options that the item gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choose;

const SYSTEM: &str = r#"You answer questions with options. {% if structured %}Reply with JSON, {"answer": LETTER}, where LETTER stands before the right option.{% else %}Reply with the letter that stands before the right option, and nothing else.{% endif %}"#;
const USER: &str = "{% if instruction %}
{{ instruction }}

{% endif %}
{% for example in examples %}
{% if example.context %}
{{ example.context }}

{% endif %}
Question: {{ example.input }}
{% for option in example.options %}
{{ option.key }}. {{ option.text }}
{% endfor %}
Answer: {{ example.target }}

{% endfor %}
{% if context %}
{{ context }}

{% endif %}
Question: {{ input }}
{% for option in options %}
{{ option.key }}. {{ option.text }}
{% endfor %}
Answer:";

impl Kind for Choose {
    fn name(&self) -> &'static str {
        "choose"
    }

    fn about(&self) -> &'static str {
        "One of the options that the item gives."
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

    fn read(&self, item: &Item, _labels: &Labels, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        let said = answer_text(reply)?;
        letter::read(&item.options, said.wrote()).map(|found| said.place(found))
    }

    fn max_tokens(&self) -> u32 {
        64
    }

    fn lacks(&self, item: &Item) -> Option<Lacks> {
        (item.options.len() < 2).then_some(Lacks { what: "options to choose from", key: "options" })
    }

    fn target<'a>(&self, target: &'a str, options: &'a [Choice]) -> Cow<'a, str> {
        Choice::key_of(options, target).unwrap_or(target).into()
    }

    fn choices<'a>(&self, item: &'a Item, _labels: &'a [String]) -> Option<Vec<&'a str>> {
        Some(item.options.iter().map(|option| option.key.as_str()).collect())
    }

    fn schema(&self, item: &Item, _labels: &[String]) -> Option<Value> {
        let keys: Vec<&str> = item.options.iter().map(|option| option.key.as_str()).collect();
        Some(json!({ "type": "string", "enum": keys }))
    }
}
