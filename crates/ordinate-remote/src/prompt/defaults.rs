//! The default prompt of each task kind: a system message and a user message, as minijinja templates.

use ordinate_core::task::TaskKind;

/// System and user template of `kind`; none for kinds that text cannot ask.
pub(super) fn of(kind: TaskKind) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        TaskKind::Classify => (CLASSIFY_SYSTEM, CLASSIFY),
        TaskKind::Tag => (TAG_SYSTEM, TAG),
        TaskKind::Choose => (CHOOSE_SYSTEM, CHOOSE),
        TaskKind::Extract => (EXTRACT_SYSTEM, EXTRACT),
        TaskKind::Generate => ("", GENERATE),
        TaskKind::Translate => (TRANSLATE_SYSTEM, TRANSLATE),
        TaskKind::Regress => (REGRESS_SYSTEM, REGRESS),
        TaskKind::Forecast => (FORECAST_SYSTEM, FORECAST),
        TaskKind::ClassifyImage | TaskKind::Scored => return None,
    })
}

const CLASSIFY_SYSTEM: &str = r#"You label texts. {% if structured %}Reply with JSON, {"answer": LABEL}, where LABEL is exactly one of the labels.{% else %}Reply with exactly one of the labels, copied as it is written, and nothing else.{% endif %}"#;
const CLASSIFY: &str = "{% if instruction %}
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

const TAG_SYSTEM: &str = r#"You label texts. Any number of labels may fit, or none. Reply with JSON and nothing else: {% if structured %}{"answer": [LABEL, ...]}{% else %}an array of the labels that fit, copied as they are written, or []{% endif %}."#;
const TAG: &str = "{% if instruction %}
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

const CHOOSE_SYSTEM: &str = r#"You answer questions with options. {% if structured %}Reply with JSON, {"answer": LETTER}, where LETTER stands before the right option.{% else %}Reply with the letter that stands before the right option, and nothing else.{% endif %}"#;
const CHOOSE: &str = "{% if instruction %}
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

const EXTRACT_SYSTEM: &str = r#"You find answers in texts. {% if structured %}Reply with JSON, {"answer": PASSAGE}, where PASSAGE is{% else %}Reply with{% endif %} the shortest passage of the text that answers the question, copied exactly{% if not structured %}, and nothing else{% endif %}."#;
const EXTRACT: &str = "{% if instruction %}
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

const GENERATE: &str = "{% if instruction %}
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

const TRANSLATE_SYSTEM: &str = "You translate{% if language %} into {{ language }}{% endif %}. Reply with the translation and nothing else.";
const TRANSLATE: &str = "{% if instruction %}
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

const REGRESS_SYSTEM: &str = r#"{% if structured %}Reply with JSON, {"answer": NUMBER}.{% else %}Reply with one number and nothing else.{% endif %}"#;
const REGRESS: &str = "{% if instruction %}
{{ instruction }}

{% endif %}
{% for example in examples %}
{{ example.input }}
Number: {{ example.target }}

{% endfor %}
{{ input }}
Number:";

const FORECAST_SYSTEM: &str = r#"You continue series of numbers. Reply with JSON and nothing else: {% if structured %}{"answer": [NUMBER, ...]}{% else %}an array of the next numbers{% endif %}{% if item.horizon %}, {{ item.horizon }} of them{% endif %}."#;
const FORECAST: &str = "{% if instruction %}
{{ instruction }}

{% endif %}
{% for example in examples %}
Series: {{ example.input }}
Next: {{ example.target }}

{% endfor %}
Series: {{ input }}
Next:";
