//! Several labels of a fixed list.

use std::collections::BTreeSet;
use std::sync::Arc;

use ordinate_core::{Item, Output, OutputKind};
use serde_json::{Value, json};

use crate::kind::{Kind, Template};
use crate::metric::{LabelF1, Metric, SetAccuracy};
use crate::reading::{Extracted, Labels, Said, Unreadable, Wrote, first_list, said};

/// Several labels of a fixed list, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag;

const SYSTEM: &str = r#"You label texts. Any number of labels may fit, or none. Reply with JSON and nothing else: {% if structured %}{"answer": [LABEL, ...]}{% else %}an array of the labels that fit, copied as they are written, or []{% endif %}."#;
const USER: &str = "{% if instruction %}
{{ instruction }}

{% endif %}
Labels:
{% for label in labels %}
- {{ label }}
{% endfor %}

{% for example in examples %}
Text: {{ example.input }}
Labels: {{ example.target }}

{% endfor %}
Text: {{ input }}
Labels:";

impl Kind for Tag {
    fn name(&self) -> &'static str {
        "tag"
    }

    fn about(&self) -> &'static str {
        "Several labels of a fixed list."
    }

    fn output(&self) -> Option<OutputKind> {
        Some(OutputKind::Labels)
    }

    fn metrics(&self) -> Vec<Arc<dyn Metric>> {
        vec![Arc::new(LabelF1), Arc::new(SetAccuracy)]
    }

    fn prompt(&self) -> Option<Template> {
        Some(Template { system: SYSTEM, user: USER })
    }

    fn read(&self, _item: &Item, labels: &Labels, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        if let Said::List(values) = said(reply) {
            return labels.listed(&values, 0..0);
        }
        match first_list(reply.text) {
            Some((values, span)) => labels.listed(&values, span),
            None => labels.read_all(reply),
        }
    }

    fn max_tokens(&self) -> u32 {
        256
    }

    fn labels(&self, targets: Vec<String>) -> Vec<String> {
        let named = targets.iter().flat_map(|target| match OutputKind::Labels.read(target) {
            Some(Output::Labels(labels)) => labels,
            _ => Vec::new(),
        });
        let set: BTreeSet<String> = named.collect();
        set.into_iter().collect()
    }

    fn has_labels(&self) -> bool {
        true
    }

    fn takes_fields(&self) -> bool {
        true
    }

    fn schema(&self, _item: &Item, labels: &[String]) -> Option<Value> {
        Some(json!({ "type": "array", "items": { "type": "string", "enum": labels } }))
    }
}
