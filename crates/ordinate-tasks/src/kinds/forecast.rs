//! The next values of a series.

use std::sync::Arc;

use ordinate_core::{Item, OutputKind, Series};
use serde_json::{Map, Value, json};

use crate::kind::{Kind, Template};
use crate::metric::{Mase, Metric, Rmsse, Smape, Wql};
use crate::reading::{Extracted, Labels, Unreadable, Wrote, series};

/// The next values of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast;

const SYSTEM: &str = r#"You continue series of numbers. Reply with JSON and nothing else: {% if item.quantiles %}{% if structured %}{"answer": {% endif %}{"values": [NUMBER, ...], "quantiles": { {%- for level in item.quantiles %}{% if not loop.first %}, {% endif %}"{{ level }}": [NUMBER, ...]{% endfor -%} } }{% if structured %} }{% endif %}: the next numbers, and quantiles of what they may be{% if item.horizon %}, {{ item.horizon }} in each list{% endif %}{% else %}{% if structured %}{"answer": [NUMBER, ...]}{% else %}an array of the next numbers{% endif %}{% if item.horizon %}, {{ item.horizon }} of them{% endif %}{% endif %}.{% if item.season and item.season > 1 %} A season has {{ item.season }} values.{% endif %}"#;
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
        vec![Arc::new(Smape), Arc::new(Mase), Arc::new(Rmsse), Arc::new(Wql)]
    }

    fn prompt(&self) -> Option<Template> {
        Some(Template { system: SYSTEM, user: USER })
    }

    fn read(&self, item: &Item, _labels: &Labels, reply: Wrote<'_>) -> Result<Extracted, Unreadable> {
        let found = series(reply)?;
        let given = found.output.values().map_or(0, <[f64]>::len);
        match Series::read(&item.input.text).map(|series| series.horizon as usize) {
            // Neither cut nor filled up: that would be a forecast that nobody made.
            Some(wanted) if given != wanted => {
                Err(Unreadable(format!("the reply has {given} values, and {wanted} were asked for")))
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

    fn schema(&self, item: &Item, _labels: &[String]) -> Option<Value> {
        let numbers = || json!({ "type": "array", "items": { "type": "number" } });
        let levels = Series::read(&item.input.text).map_or_else(Vec::new, |series| series.quantiles);
        if levels.is_empty() {
            return Some(numbers());
        }
        let object = |lists: Map<String, Value>| {
            let names: Vec<String> = lists.keys().cloned().collect();
            json!({ "type": "object", "properties": lists, "required": names, "additionalProperties": false })
        };
        let quantiles = levels.iter().map(|level| (level.to_string(), numbers())).collect();
        let parts = [("values", numbers()), ("quantiles", object(quantiles))];
        Some(object(parts.into_iter().map(|(name, part)| (name.to_owned(), part)).collect()))
    }
}
