//! The chat template of a model: how messages become one text. Templates are Jinja with the methods of Python's texts,
//! as `transformers` renders them.

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value, context};

use crate::error::ModelError;

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What the model is told to be.
    System,
    /// Who asks.
    User,
    /// The model.
    Assistant,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// A chat template, compiled.
#[derive(Debug)]
pub struct Chat {
    environment: Environment<'static>,
    begin: String,
    end: String,
}

impl Chat {
    /// Compiles a template; `begin` and `end` are its `bos_token` and `eos_token`.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where it is no template.
    pub fn new(template: &str, begin: &str, end: &str) -> Result<Self, ModelError> {
        let mut environment = Environment::new();
        // As transformers sets Jinja up.
        let mut syntax = SyntaxConfig::builder();
        syntax.trim_blocks(true).lstrip_blocks(true);
        environment.set_syntax(syntax.build().map_err(|error| failed(&error))?);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |message: String| -> Result<Value, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        // A template that does not end must not hold a run up.
        environment.set_fuel(Some(10_000_000));
        environment.add_template_owned("chat", template.to_owned()).map_err(|error| failed(&error))?;
        Ok(Self { environment, begin: begin.to_owned(), end: end.to_owned() })
    }

    /// The text of these messages, with the beginning of the answer. Where the template refuses a system message
    /// (Gemma's does), its text goes in front of the next message. Templates that can switch thinking off
    /// (`enable_thinking`) do: an answer of a few tokens has no room for it.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the template fails or refuses.
    pub fn render(&self, messages: &[(Role, &str)]) -> Result<String, ModelError> {
        match (self.try_render(messages), messages) {
            (Err(error), [(Role::System, system), (role, text), rest @ ..]) => {
                let joined = format!("{system}\n\n{text}");
                let mut without = vec![(*role, joined.as_str())];
                without.extend_from_slice(rest);
                self.try_render(&without).map_err(|_| failed(&error))
            }
            (rendered, _) => rendered.map_err(|error| failed(&error)),
        }
    }

    fn try_render(&self, messages: &[(Role, &str)]) -> Result<String, Error> {
        let messages: Vec<Value> = messages
            .iter()
            .map(|(role, content)| context! { role => role.word(), content => *content })
            .collect();
        self.environment.get_template("chat")?.render(context! {
            messages,
            bos_token => self.begin.as_str(),
            eos_token => self.end.as_str(),
            add_generation_prompt => true,
            enable_thinking => false,
            tools => (),
            documents => (),
        })
    }
}

fn failed(error: &Error) -> ModelError {
    let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
    let what = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    ModelError::Failed(format!("the chat template fails{line}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: [(Role, &str); 2] = [(Role::System, "Be brief."), (Role::User, " Why? ")];

    fn rendered(template: &str) -> String {
        Chat::new(template, "<s>", "</s>").unwrap().render(&ASKED).unwrap()
    }

    #[test]
    fn python_methods_namespaces_and_slices() {
        let template = "{{ bos_token }}{%- set ns = namespace(last=0) %}
{%- for message in messages[::-1] %}
    {%- if message.role == 'user' and not message.content.startswith('<x>') %}
        {%- set ns.last = messages|length - 1 - loop.index0 %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {{- '<|' + message['role'] + '|>' + message.content.strip().split('?')[0] }}
{%- endfor %}
{{- ns.last }}{% if tools is not none %}tools{% endif %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
        assert_eq!(rendered(template), "<s><|system|>Be brief.<|user|>Why1<|assistant|>");
    }

    #[test]
    fn a_refused_system_message_goes_to_the_user() {
        let template = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}{{ message.role }}: {{ message.content }}{% endfor %}";
        assert_eq!(rendered(template), "user: Be brief.\n\n Why? ");
        let chat = Chat::new("{{ raise_exception('never') }}", "", "").unwrap();
        assert!(chat.render(&ASKED).unwrap_err().to_string().contains("never"));
        assert!(Chat::new("{% if %}", "", "").is_err());
        let endless = "{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}";
        assert!(Chat::new(endless, "", "").unwrap().render(&ASKED).is_err());
    }
}
