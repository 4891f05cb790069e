//! Who is asked, as the semantic conventions for generative models name it.

use super::span::{Attribute, Attributes, Kind};
use crate::candidate::{Candidate, How};

/// Who is asked, by the words of the conventions.
pub(super) struct Who<'a> {
    pub(super) kind: Kind,
    pub(super) operation: &'static str,
    pub(super) provider: &'static str,
    pub(super) model: &'a str,
    pub(super) server: Option<(&'a str, u16)>,
}

impl<'a> Who<'a> {
    pub(super) fn of(candidate: &'a Candidate, route: &str) -> Self {
        let elsewhere = |operation, model, server: (&'a str, u16)| Self {
            kind: Kind::Client,
            operation,
            provider: provider(server.0),
            model,
            server: Some(server),
        };
        match &candidate.how {
            How::Elsewhere { chat: Some((chat, _)), .. } => {
                let operation = if route == "completions" { "text_completion" } else { "chat" };
                elsewhere(operation, chat.model(), chat.server())
            }
            How::Elsewhere { embeddings: Some(api), .. } => {
                elsewhere("embeddings", api.model(), api.server())
            }
            // A model in this process, or a program.
            _ => Self {
                kind: Kind::Internal,
                operation: "answer",
                provider: "ordinate",
                model: candidate.name.as_str(),
                server: None,
            },
        }
    }

    /// What is said of it, in spans and in metrics alike.
    pub(super) fn attributes(&self) -> Attributes {
        let mut attributes = vec![
            ("gen_ai.operation.name", Attribute::from(self.operation)),
            ("gen_ai.provider.name", self.provider.into()),
            ("gen_ai.request.model", self.model.into()),
        ];
        if let Some((host, port)) = self.server {
            attributes.push(("server.address", host.into()));
            attributes.push(("server.port", Attribute::Whole(u64::from(port))));
        }
        attributes
    }
}

/// Providers as the conventions name them, by the ends of their hosts. All others talk as OpenAI does.
const PROVIDERS: [(&str, &str); 13] = [
    ("openai.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("anthropic.com", "anthropic"),
    ("amazonaws.com", "aws.bedrock"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("cohere.com", "cohere"),
    ("deepseek.com", "deepseek"),
    ("groq.com", "groq"),
    ("mistral.ai", "mistral_ai"),
    ("moonshot.ai", "moonshot_ai"),
    ("perplexity.ai", "perplexity"),
    ("x.ai", "x_ai"),
];

fn provider(host: &str) -> &'static str {
    let is_of = |end: &str| {
        host.strip_suffix(end).is_some_and(|start| start.is_empty() || start.ends_with(['.', '-']))
    };
    PROVIDERS.iter().find(|(end, _)| is_of(end)).map_or("openai", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_known_by_their_hosts() {
        for (host, name) in [
            ("api.openai.com", "openai"),
            ("desk.openai.azure.com", "azure.ai.openai"),
            ("api.x.ai", "x_ai"),
            ("api.foox.ai", "openai"),
            ("bedrock-runtime.eu-central-1.amazonaws.com", "aws.bedrock"),
            ("europe-west4-aiplatform.googleapis.com", "gcp.vertex_ai"),
            ("127.0.0.1", "openai"),
        ] {
            assert_eq!(provider(host), name, "{host}");
        }
    }
}
