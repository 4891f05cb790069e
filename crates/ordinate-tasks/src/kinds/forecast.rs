//! The next values of a series.

use std::sync::Arc;

use ordinate_core::{Item, Output, OutputKind, Series};
use serde_json::{Value, json};

use crate::kind::{Kind, Template};
use crate::metric::{Mase, Metric, Rmsse, Smape};
use crate::reading::{Extracted, Labels, Unreadable, Wrote, series};

/// The next values of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast;

const SYSTEM: &str = r#"You continue series of numbers. Reply with JSON and nothing else: {% if structured %}{"answer": [NUMBER, ...]}{% else %}an array of the next numbers{% endif %}{% if item.horizon %}, {{ item.horizon }} of them{% endif %}.{% if item.season and item.season > 1 %} A season has {{ item.season }} values.{% endif %}"#;
const USER: &str = "{% if instruction %}
{{ instruction }}

{% endif %}
{% for example in examples %}
Series: {{ example.input }}
Next: {{ example.target }}

{% endfor %}
Series: {{ input }}
Next:";

impl Kind for Forecast {
    fn name(&self) -> &'static str {
        "forecast"
    }

    fn about(&self) -> &'static str {
        "The next values of a series."
    }

    fn output(&self) -> Option<OutputKind> {
        Some(OutputKind::Series)
    }

    fn metrics(&self) -> Vec<Arc<dyn Metric>> {
        vec![Arc::new(Smape), Arc::new(Mase), Arc::new(Rmsse)]
    }

    fn prompt(&self) -> Option<Template> {
        Some(Template { system: SYSTEM, user: USER })
    }

    fn read(&self, item: &Item, _labels: &Labels, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        let found = series(reply)?;
        let wanted = Series::read(&item.input.text).map(|series| series.horizon as usize);
        match (&found.output, wanted) {
            // Neither cut nor filled up: that would be a forecast that nobody made.
            (Output::Series(values), Some(wanted)) if values.len() != wanted => {
                Err(Unreadable(format!("the reply has {} values, and {wanted} were asked for", values.len())))
            }
            _ => Ok(found),
        }
    }

    fn max_tokens(&self) -> u32 {
        1_024
    }

    fn is_long(&self) -> bool {
        true
    }

    fn takes_series(&self) -> bool {
        true
    }

    fn schema(&self, _item: &Item, _labels: &[String]) -> Option<Value> {
        Some(json!({ "type": "array", "items": { "type": "number" } }))
    }
}
