//! The chat template of a model: how messages become one text. Templates are Jinja with the methods of Python's texts,
//! as `transformers` renders them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error, ErrorKind, Value, context};

use crate::error::ModelError;
use crate::source::file;

/// What rendering may take: so many steps, and 64 times as many bytes. Templates of models take some 1,000 steps, and a step
/// for 64 bytes of a message whenever they look at it.
const FUEL: u64 = 2_000_000;
/// How long rendering may take, where it does not count its steps. Templates of models take a millisecond.
const LONGEST: Duration = Duration::from_secs(5);
/// The stack of a rendering: lists within lists are dropped one within the other.
const STACK: usize = 1 << 28;

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
    environment: Arc<Environment<'static>>,
    begin: String,
    end: String,
    /// The file that it stands in.
    path: PathBuf,
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
        environment.set_fuel(Some(FUEL));
        environment.add_template_owned("chat", template.to_owned()).map_err(|error| failed(&error))?;
        let environment = Arc::new(environment);
        Ok(Self { environment, begin: begin.to_owned(), end: end.to_owned(), path: PathBuf::new() })
    }

    /// The same, which stands in a file.
    pub(crate) fn of(self, path: &Path) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// The text of these messages, with the beginning of the answer. Where the template refuses a system message
    /// (Gemma's does), its text goes in front of the next message. Templates that can switch thinking off
    /// (`enable_thinking`) do: an answer of a few tokens has no room for it.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the template fails or refuses; [`ModelError::File`] where it comes to no end, which it
    /// then does for no message.
    pub fn render(&self, messages: &[(Role, &str)]) -> Result<String, ModelError> {
        match (self.try_render(messages), messages) {
            (Err(error), _) if error.kind() == ErrorKind::OutOfFuel => Err(file(
                &self.path,
                &format!(
                    "its chat template takes more than {FUEL} steps, {} MB or {} s for one message, and may never end; take the model's own, \
                     or another revision",
                    64 * FUEL / 1_000_000,
                    LONGEST.as_secs()
                ),
            )),
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
        let values = context! {
            messages,
            bos_token => self.begin.as_str(),
            eos_token => self.end.as_str(),
            add_generation_prompt => true,
            enable_thinking => false,
            tools => (),
            documents => (),
        };
        let lost = |problem: &str| Error::new(ErrorKind::InvalidOperation, problem.to_owned());
        let (environment, (tell, told)) = (Arc::clone(&self.environment), mpsc::sync_channel(1));
        let rendering = move || {
            let rendered = environment.get_template("chat").and_then(|template| template.render(values));
            // Nobody may wait for it any more.
            let _ = tell.send(rendered);
        };
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(rendering);
        thread.map_err(|error| lost(&format!("no thread for it: {error}")))?;
        match told.recv_timeout(LONGEST) {
            Ok(rendered) => rendered,
            // minijinja 3.1 does not count what it takes to join lists that were joined 32 times.
            Err(RecvTimeoutError::Timeout) => Err(Error::from(ErrorKind::OutOfFuel)),
            Err(RecvTimeoutError::Disconnected) => Err(lost("it cannot be rendered")),
        }
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
    }

    /// What has no end, or no measure, is ended, soon and with little memory.
    #[test]
    fn what_does_not_end_is_ended() {
        let twice = |what: &str, how: &str| {
            format!(
                "{{% set ns = namespace(s={what}) %}}{{% for i in range(60) %}}{{% set ns.s = {how} %}}{{% endfor %}}{{{{ ns.s|length }}}}{{{{ ns.s }}}}"
            )
        };
        for template in [
            "{% for a in range(99999) %}{% for b in range(99999) %}{{ b }}{% endfor %}{% endfor %}".to_owned(),
            twice("'xyz'", "ns.s + ns.s"),
            twice("'xyz'", "ns.s ~ ns.s"),
            twice("'xyz'", "ns.s * 7"),
            twice("'xyz'", "ns.s.replace('x', 'xx').replace('y', 'yy')"),
            twice("'xyz'", "ns.s|replace('x', 'xxxxxxxx')"),
            twice("[1, 2]", "ns.s * 3"),
            twice("[1, 2]", "[ns.s, ns.s]"),
            twice("'xyz'", "[ns.s, ns.s]|join('')"),
            twice("'xyz'", "'%s%s'|format(ns.s, ns.s)"),
            twice("'xyz'", "'{}{}'.format(ns.s, ns.s)"),
            "{{ 'x' * 9999999999 }}".to_owned(),
            "{{ range(999999999)|list|length }}".to_owned(),
            "{{ '{:>9999999999}'.format('x')|length }}{{ '%9999999999d'|format(1)|length }}{{ 'x'|indent(9999999999) }}"
                .to_owned(),
            "{% macro m(n) %}{{ m(n + 1) }}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}".to_owned(),
        ] {
            let started = std::time::Instant::now();
            let said = Chat::new(&template, "", "").unwrap().of(Path::new("t.json")).render(&ASKED);
            assert!(said.is_err(), "{template}: {}", said.unwrap().len());
            assert!(started.elapsed().as_secs() < 20, "{template}: {:?}", started.elapsed());
        }
        // Deep, and dropped without an overflow of the stack.
        let deep =
            "{% set ns = namespace(s=[]) %}{% for i in range(50000) %}{% set ns.s = [ns.s] %}{% endfor %}x";
        assert_eq!(rendered(deep), "x");
        // A long message is no endless template.
        let long = "a ".repeat(500_000);
        let template = "{% for m in messages %}{% if 'x' not in m.content %}{{ m.content.strip() }}{% endif %}{% endfor %}";
        let text = Chat::new(template, "", "").unwrap().render(&[(Role::User, &long)]).unwrap();
        assert_eq!(text.len(), 999_999);
    }
}
