//! What stands between texts and tokens: the chat template, the tokenizer, and the tokens that end a text.

use std::collections::HashMap;
use std::path::Path;

use candle_core::quantized::gguf_file::Value;
use serde::Deserialize;
use serde_json::Value as Json;
use tokenizers::Tokenizer;

use super::adapter::Folders;
use super::chat::{Chat, Role};
use super::config::Tokens;
use super::open::{Place, text};
use super::options::Options;
use super::vocabulary;
use crate::error::ModelError;
use crate::source::file;
use crate::tokenizer;

/// What stands between texts and tokens.
#[derive(Debug)]
pub(crate) struct Wording {
    pub(super) tokenizer: Tokenizer,
    /// The token that begins a text, where the tokenizer does not add it by itself.
    begin: Option<u32>,
    chat: Option<Chat>,
    /// The tokens that end a text, in order.
    ends: Vec<u32>,
    /// Of these, the one that the tokenizer calls so.
    end: Option<u32>,
}

impl Wording {
    /// That of a place, whose configuration says which tokens end a text; `meta` is that of a GGUF file.
    ///
    /// # Errors
    /// [`ModelError::File`] for a file that is missing or damaged.
    pub(super) fn read(
        place: &Place,
        mut ends: Vec<u32>,
        meta: Option<HashMap<String, Value>>,
    ) -> Result<Self, ModelError> {
        let (folder, weights, template, special, origin) = match place {
            Place::Folder(source) => {
                let Folders { texts, weights, .. } = Folders::of(source)?;
                let said = texts.join("tokenizer_config.json");
                let config: Json = if said.is_file() { json(&said)? } else { Json::Null };
                let path = texts.join("chat_template.jinja");
                let (template, origin) = match path.is_file() {
                    true => (Some(text(&path)?), path),
                    false => (template_of(config.get("chat_template")), said),
                };
                let special = [word(config.get("bos_token")), word(config.get("eos_token"))];
                (texts, weights.folder, template, special, origin)
            }
            Place::Gguf(path) | Place::Llama(path) => {
                let meta = meta.unwrap_or_default();
                let template = meta.get("tokenizer.chat_template").and_then(|value| value.to_string().ok());
                let special = ["bos", "eos"].map(|which| vocabulary::named(&meta, which));
                let (template, folder) = (template.cloned(), path.parent().unwrap_or(Path::new("")));
                let beside = folder.join("tokenizer.json");
                if !beside.is_file() {
                    let read = vocabulary::tokenizer(&meta).map_err(|problem| file(path, &problem))?;
                    let (tokenizer, begin) = read;
                    return Self::of(ends, tokenizer, begin, (template.as_deref(), path), special);
                }
                (folder.to_owned(), folder.to_owned(), template, special, path.clone())
            }
        };
        let tokenizer = tokenizer::read(&folder.join("tokenizer.json"))?;
        let generation = weights.join("generation_config.json");
        if generation.is_file() {
            #[derive(Deserialize)]
            struct Ends {
                eos_token_id: Option<Tokens>,
            }
            let said: Ends = json(&generation)?;
            ends.extend(said.eos_token_id.map(|ends| ends.list()).unwrap_or_default());
        }
        Self::of(ends, tokenizer, None, (template.as_deref(), &origin), special)
    }

    fn of(
        mut ends: Vec<u32>,
        tokenizer: Tokenizer,
        begin: Option<u32>,
        (template, origin): (Option<&str>, &Path),
        special: [Option<String>; 2],
    ) -> Result<Self, ModelError> {
        let [first, end] = special.map(Option::unwrap_or_default);
        let chat = template.map(|template| Chat::new(template, &first, &end)).transpose();
        let chat = chat.map_err(|error| file(origin, &error.to_string()))?.map(|chat| chat.of(origin));
        let end = tokenizer.token_to_id(&end);
        ends.extend(end);
        ends.sort_unstable();
        ends.dedup();
        let end = end.or(ends.first().copied());
        Ok(Self { tokenizer, begin, chat, ends, end })
    }

    /// Whether there is a chat template.
    pub(super) fn chats(&self) -> bool {
        self.chat.is_some()
    }

    /// The tokens that end a text.
    pub(super) fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// The text that the model continues to answer these messages.
    pub(super) fn prompt(&self, messages: &[(Role, &str)]) -> Result<String, ModelError> {
        match &self.chat {
            Some(chat) => chat.render(messages),
            None => Ok(messages.iter().map(|(_, text)| *text).collect::<Vec<_>>().join("\n\n")),
        }
    }

    /// The tokens of a text that [`Self::prompt`] made. A chat template writes the token that begins a text itself.
    pub(super) fn tokens(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        let plain = self.chat.is_none();
        let encoding = tokenizer::encode(&self.tokenizer, text, plain)?;
        let begin = self.begin.filter(|_| plain);
        Ok(begin.into_iter().chain(encoding.get_ids().iter().copied()).collect())
    }

    /// What parts a prompt from its answer. Without a chat template the prompt ends in a word ("Label:"), and that is a space.
    fn gap(&self, text: &str) -> &'static str {
        if self.chat.is_none() && !text.ends_with(char::is_whitespace) { " " } else { "" }
    }

    /// The tokens of a text with each of these behind it.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the tokenizer fails, or the text has no tokens.
    pub(super) fn options(&self, text: &str, options: &[&str]) -> Result<Options, ModelError> {
        let gap = self.gap(text);
        let mut whole = Vec::with_capacity(options.len());
        for option in options {
            whole.push(self.tokens(&format!("{text}{gap}{option}"))?);
        }
        // Tokens may join over the seam: what counts is what follows the tokens that all have in common with the
        // prompt.
        let mut shared = self.tokens(text)?;
        let common = |tokens: &[u32]| shared.iter().zip(tokens).take_while(|(a, b)| a == b).count();
        let common = whole.iter().map(|tokens| common(tokens)).min().unwrap_or(0);
        if common == 0 {
            return Err(ModelError::Failed("the prompt has no tokens".to_owned()));
        }
        shared.truncate(common);
        let begins = |at: usize| {
            whole.iter().enumerate().any(|(other, tokens)| other != at && tokens.starts_with(&whole[at]))
        };
        let end = self.ends.first().filter(|_| (0..whole.len()).any(begins));
        let tail = |tokens: &Vec<u32>| tokens[common..].iter().chain(end).copied().collect::<Vec<u32>>();
        let tails: Vec<Vec<u32>> = whole.iter().map(tail).collect();
        match tails.iter().any(Vec::is_empty) {
            true => Err(ModelError::Failed("an option has no tokens".to_owned())),
            false => Ok(Options { shared, tails }),
        }
    }

    /// The tokens of a text, and of its right answer with the token that ends it: of these at most so many, and no more than a model
    /// writes that holds `longest` of both.
    ///
    /// # Errors
    /// [`ModelError::Failed`] where the tokenizer fails, the text has no tokens, or nothing ends a text.
    pub(super) fn answer(
        &self,
        text: &str,
        answer: &str,
        most: usize,
        longest: usize,
    ) -> Result<Options, ModelError> {
        let shared = self.tokens(text)?;
        let Some(end) = self.end.filter(|_| !shared.is_empty()) else {
            let problem = match shared.is_empty() {
                true => "the prompt has no tokens",
                false => {
                    "no token ends its texts: config.json and generation_config.json have no eos_token_id"
                }
            };
            return Err(ModelError::Failed(problem.to_owned()));
        };
        let behind = format!("{}{answer}", self.gap(text));
        let whole = self.tokens(&format!("{text}{behind}"))?;
        // The prompt's tokens are those that it is asked with, also where the answer's first would join its last.
        let mut tail = match whole.strip_prefix(shared.as_slice()) {
            Some(tail) => tail.to_vec(),
            None => tokenizer::encode(&self.tokenizer, &behind, false)?.get_ids().to_vec(),
        };
        // Some tokenizers end every text themselves.
        if tail.last() != Some(&end) {
            tail.push(end);
        }
        // The last token that fits has no successor.
        let room = (longest + 1).saturating_sub(shared.len());
        tail.truncate(most.min(room).max(1));
        Ok(Options { shared, tails: vec![tail] })
    }
}

fn json<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, ModelError> {
    serde_json::from_str(&text(path)?)
        .map_err(|error| file(path, &format!("is not what it should be: {error}")))
}

/// A special token: a text, or an object with one.
fn word(value: Option<&Json>) -> Option<String> {
    let value = value?;
    Some(value.as_str().or_else(|| value.get("content")?.as_str())?.to_owned())
}

/// The chat template of a tokenizer's configuration: a text, or a list of named ones with a default.
fn template_of(value: Option<&Json>) -> Option<String> {
    match value? {
        Json::String(text) => Some(text.clone()),
        Json::Array(list) => {
            let default = list.iter().find(|one| one["name"] == "default").or_else(|| list.first())?;
            Some(default["template"].as_str()?.to_owned())
        }
        _ => None,
    }
}
