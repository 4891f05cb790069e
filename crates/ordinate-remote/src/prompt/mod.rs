//! What a candidate is told about an item: a default for each task kind, or templates of the user's.

mod examples;
mod pictures;

pub use examples::Examples;
pub use pictures::billed_bytes;
pub(crate) use pictures::{content, weighed};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use ordinate_core::task::PromptSection;
use ordinate_tasks::{Kind, Lacks, Template};
use serde_json::{Map, Value, json};

use ordinate_core::{Item, Output, Series};

/// A prompt that could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromptError {
    /// The task kind has no text prompt.
    #[error(
        "a {0} task cannot be asked by a text prompt; write `[prompt] template`, or use a command or local candidate"
    )]
    Kind(&'static str),
    /// A template of the user's is wrong.
    #[error("[prompt] {key}: {problem}")]
    Template {
        /// `system` or `template`.
        key: &'static str,
        /// What minijinja says, with the line.
        problem: String,
    },
    /// The task lacks what its kind needs.
    #[error("{0}")]
    Lacks(String),
}

/// What is sent: messages, and the schema of a structured answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Prompted {
    /// The system message.
    pub system: Option<String>,
    /// The user message; where a picture stands in it, its number is marked.
    pub user: String,
    /// The pictures in it, as data URLs.
    pub pictures: Vec<String>,
    /// JSON schema of the answer, for candidates with `structured = true`.
    pub schema: Option<Value>,
}

impl std::fmt::Display for Prompted {
    /// As `--show-prompt` shows it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(system) = &self.system {
            writeln!(f, "--- system ---\n{system}")?;
        }
        write!(f, "--- user ---\n{}", pictures::shown(&self.user, &self.pictures))
    }
}

/// A prompt that is ready to be rendered for items.
#[derive(Debug)]
pub struct Prompt {
    kind: &'static dyn Kind,
    labels: Vec<String>,
    instruction: Option<String>,
    language: Option<String>,
    structured: bool,
    environment: Environment<'static>,
    own: bool,
}

impl Prompt {
    /// Compiles the templates of a task. `labels` is the fixed list of a kind that has one; `structured`
    /// says that the answer is to be JSON.
    ///
    /// # Errors
    /// [`PromptError`] when a template is wrong, or a kind that takes answers from a list has no labels.
    pub fn new(
        kind: &'static dyn Kind,
        labels: &[String],
        section: &PromptSection,
        structured: bool,
    ) -> Result<Self, PromptError> {
        let own = section.template.is_some();
        let default = kind.prompt();
        if default.is_none() && !own {
            return Err(PromptError::Kind(kind.name()));
        }
        if kind.has_labels() && labels.is_empty() {
            return Err(PromptError::Lacks(
                "the task has no labels: no item has a target; name the field with `[data] target`".into(),
            ));
        }
        let Template { system, user } = default.unwrap_or(Template { system: "", user: "" });
        let mut environment = Environment::new();
        // A misspelt field must not send thousands of prompts without their text.
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        let mut syntax = SyntaxConfig::builder();
        syntax.trim_blocks(true).lstrip_blocks(true);
        if let Ok(syntax) = syntax.build() {
            environment.set_syntax(syntax);
        }
        let system_text = match (&section.system, own) {
            (Some(system), _) => system.clone(),
            (None, true) => String::new(),
            (None, false) => system.to_owned(),
        };
        let user_text = section.template.clone().unwrap_or_else(|| user.to_owned());
        for (key, text) in [("system", system_text), ("template", user_text)] {
            environment
                .add_template_owned(key, text)
                .map_err(|error| PromptError::Template { key, problem: describe(&error) })?;
        }
        Ok(Self {
            kind,
            labels: labels.to_vec(),
            instruction: section.instruction.clone(),
            language: section.language.clone(),
            structured: structured && !own,
            environment,
            own,
        })
    }

    /// The messages for `item`, with these examples.
    ///
    /// # Errors
    /// [`PromptError`] when the item lacks what the kind needs, or a template uses a field that is not there.
    pub fn render(&self, item: &Item, examples: &[&Item]) -> Result<Prompted, PromptError> {
        if !self.own {
            self.check(item)?;
        }
        let sees = self.kind.takes_images();
        // The item's own picture is the first.
        let pictures = || std::iter::once(item).chain(examples.iter().copied());
        let shown = |item: &Item, number: usize, with_target: bool| {
            let options: Vec<Value> =
                item.options.iter().map(|c| json!({ "key": c.key, "text": c.text })).collect();
            json!({
                "input": if sees { pictures::mark(number) } else { self.input(item) },
                "context": item.context,
                "options": options,
                "target": if with_target { json!(item.target) } else { Value::Null },
            })
        };
        let pictures: Vec<String> =
            if sees { pictures().map(|item| item.input.text.clone()).collect() } else { Vec::new() };
        let examples: Vec<Value> =
            examples.iter().enumerate().map(|(at, example)| shown(example, at + 1, true)).collect();
        let this = shown(item, 0, false);
        let context = json!({
            "input": this["input"],
            "context": item.context,
            "options": this["options"],
            "labels": self.labels,
            "examples": examples,
            "instruction": self.instruction,
            "language": self.language,
            "structured": self.structured,
            "item": self.fields(item),
        });
        let render = |key: &'static str| {
            self.environment
                .get_template(key)
                .and_then(|template| template.render(Serde(&context)))
                .map(|text| text.trim().to_owned())
                .map_err(|error| PromptError::Template { key, problem: describe(&error) })
        };
        let system = Some(render("system")?).filter(|text| !text.is_empty());
        let user = render("template")?;
        if user.is_empty() {
            let problem = format!("it makes an empty message for item {:?}", item.id);
            return Err(PromptError::Template { key: "template", problem });
        }
        Ok(Prompted { system, user, pictures, schema: self.structured.then(|| self.schema(item)).flatten() })
    }

    /// The input as a prompt shows it: of a series its values.
    fn input(&self, item: &Item) -> String {
        match self.series(item) {
            Some(series) => Output::Series(series.values).to_string(),
            None => item.input.text.clone(),
        }
    }

    fn series(&self, item: &Item) -> Option<Series> {
        self.kind.takes_series().then(|| Series::read(&item.input.text)).flatten()
    }

    /// `item` of a template: never the item's own target.
    fn fields(&self, item: &Item) -> Map<String, Value> {
        let mut fields = fields(item);
        if let Some(series) = self.series(item) {
            fields.insert("season".into(), json!(series.season));
            fields.insert("horizon".into(), json!(series.horizon));
            if !series.quantiles.is_empty() {
                fields.insert("quantiles".into(), json!(series.quantiles));
            }
        }
        fields
    }

    fn check(&self, item: &Item) -> Result<(), PromptError> {
        let Some(Lacks { what, key }) = self.kind.lacks(item) else { return Ok(()) };
        Err(PromptError::Lacks(format!(
            "item {:?} has no {what}; name the field with `[data] {key}`, or write `[prompt] template`",
            item.id
        )))
    }

    fn schema(&self, item: &Item) -> Option<Value> {
        let answer = self.kind.schema(item, &self.labels)?;
        Some(json!({
            "type": "object",
            "properties": { "answer": answer },
            "required": ["answer"],
            "additionalProperties": false,
        }))
    }
}

fn fields(item: &Item) -> Map<String, Value> {
    let own = item.input.fields.iter().map(|field| (field.name.clone(), json!(field.value)));
    let mut fields: Map<String, Value> = own.collect();
    fields.insert("id".into(), json!(item.id));
    for (key, value) in [("slice", &item.slice), ("group", &item.group)] {
        if let Some(value) = value {
            fields.insert(key.into(), json!(value));
        }
    }
    fields
}

/// One line: what is wrong, where, and by which name.
fn describe(error: &minijinja::Error) -> String {
    let mut text = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    if error.detail().is_some() {
        text = format!("{}: {text}", error.kind());
    }
    if let Some(line) = error.line() {
        text = format!("line {line}: {text}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use ordinate_core::{Choice, Field, FieldValue};
    use ordinate_tasks::Kinds;
    use ordinate_tasks::kinds::{Choose, Classify, ClassifyImage, Forecast};

    fn item() -> Item {
        Item {
            id: "1".into(),
            input: "gold up".into(),
            context: Some("Gold went up.".into()),
            options: Choice::lettered(["red", "blue"]),
            target: Some("SECRET TARGET".into()),
            ..Item::default()
        }
    }

    fn labels() -> Vec<String> {
        ["up", "down"].map(String::from).to_vec()
    }

    #[test]
    fn no_default_prompt_shows_the_target() {
        for kind in Kinds::builtin().iter().filter(|kind| kind.prompt().is_some()) {
            for structured in [false, true] {
                let prompt = Prompt::new(kind, &labels(), &PromptSection::default(), structured).unwrap();
                let shown = prompt.render(&item(), &[]).unwrap();
                assert!(!shown.to_string().contains("SECRET"), "{shown}");
                let sent = if kind.takes_images() { &shown.pictures[0] } else { &shown.user };
                assert!(sent.contains("gold up"), "{shown}");
                let other = Item { target: Some("the example's".into()), ..item() };
                let with = prompt.render(&item(), &[&other]).unwrap().user;
                assert!(with.contains("the example's"), "{kind:?}: {with}");
            }
        }
    }

    #[test]
    fn the_default_for_labels() {
        let section = PromptSection { instruction: Some("Where did gold go?".into()), ..Default::default() };
        let prompt = Prompt::new(&Classify, &labels(), &section, false).unwrap();
        let example = Item { input: "gold falls".into(), target: Some("down".into()), ..Item::default() };
        let shown = prompt.render(&item(), &[&example]).unwrap();
        assert_eq!(
            shown.to_string(),
            "--- system ---\nYou label texts. Reply with exactly one of the labels, copied as it is written, and \
             nothing else.\n--- user ---\nWhere did gold go?\n\nLabels:\n- up\n- down\n\nText: gold falls\nLabel: \
             down\n\nText: gold up\nLabel:"
        );
    }

    #[test]
    fn forecasts_are_asked_for_quantiles_where_the_series_asks() {
        let shown = |quantiles: &str, structured| {
            let text = format!(r#"{{"values":[1,2],"season":1,"horizon":3{quantiles}}}"#);
            let item = Item { id: "1".into(), input: text.as_str().into(), ..Item::default() };
            let prompt = Prompt::new(&Forecast, &[], &PromptSection::default(), structured).unwrap();
            let shown = prompt.render(&item, &[]).unwrap();
            (shown.system.unwrap(), shown.schema.map(|schema| schema.to_string()))
        };
        assert_eq!(
            shown("", false).0,
            "You continue series of numbers. Reply with JSON and nothing else: an array of the next numbers, 3 of them."
        );
        let asked = r#","quantiles":[0.1,0.9]"#;
        assert_eq!(
            shown(asked, false).0,
            "You continue series of numbers. Reply with JSON and nothing else: {\"values\": [NUMBER, ...], \"quantiles\": \
             {\"0.1\": [NUMBER, ...], \"0.9\": [NUMBER, ...]} }: the next numbers, and quantiles of what they may be, 3 in each \
             list."
        );
        let (system, schema) = shown(asked, true);
        assert!(system.contains("{\"answer\": {\"values\": [NUMBER, ...], \"quantiles\": {"), "{system}");
        let schema = schema.unwrap();
        assert!(
            schema.contains("\"0.9\":{") && schema.contains("\"required\":[\"0.1\",\"0.9\"]"),
            "{schema}"
        );
    }

    #[test]
    fn templates_of_the_users() {
        let mut item = item();
        item.input.fields.push(Field { name: "title".into(), value: FieldValue::Category("T".into()) });
        let section =
            |template: &str| PromptSection { template: Some(template.into()), ..Default::default() };
        let make = |text: &str| {
            Prompt::new(&Classify, &labels(), &section(text), false)
                .and_then(|prompt| prompt.render(&item, &[]))
        };
        assert_eq!(
            make("{{ item.title }}: {{ input }} [{{ labels | join(', ') }}]").unwrap().user,
            "T: gold up [up, down]"
        );
        assert_eq!(make("{{ input }}").unwrap().system, None);
        for (bad, says) in [
            ("{{ inpt }}", "template"),
            ("{{ item.titel }}", "template"),
            ("{% if %}", "line 1"),
            (" ", "empty"),
        ] {
            let error = make(bad).unwrap_err().to_string();
            assert!(error.contains(says), "{bad}: {error}");
        }
    }

    #[test]
    fn what_is_lacking_is_said() {
        let none = Prompt::new(&Classify, &[], &PromptSection::default(), false);
        assert!(none.unwrap_err().to_string().contains("[data] target"));
        let prompt = Prompt::new(&Choose, &[], &PromptSection::default(), false).unwrap();
        let bare = Item { id: "q7".into(), options: vec![], ..item() };
        assert!(prompt.render(&bare, &[]).unwrap_err().to_string().contains("q7"));
    }

    #[test]
    fn a_picture_is_sent_as_one() {
        let prompt = Prompt::new(&ClassifyImage, &labels(), &PromptSection::default(), false).unwrap();
        let of = |id: &str, data: &str, target: Option<&str>| Item {
            id: id.into(),
            input: format!("data:image/png;base64,{data}").as_str().into(),
            target: target.map(str::to_owned),
            ..Item::default()
        };
        let (item, example) = (of("a", "AAAA", None), of("b", "BBBB", Some("up")));
        let prompted = prompt.render(&item, &[&example]).unwrap();
        assert_eq!(prompted.pictures, [item.input.text, example.input.text]);
        assert!(!prompted.user.contains("base64"), "{}", prompted.user);
        let shown = prompted.to_string();
        assert!(shown.contains("[image/png, 26 characters]\nLabel: up"), "{shown}");
    }
}
