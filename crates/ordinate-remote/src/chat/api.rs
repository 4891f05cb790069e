//! The parts of a server's API in whose form a request of somebody else is passed on.

use reqwest::Url;

use crate::failure::{Failure, FailureKind};

/// A part of an OpenAI-compatible API that answers with text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Api {
    /// `/chat/completions`.
    Chat,
    /// `/completions`: a text that is gone on with.
    Completions,
    /// `/responses`.
    Responses,
}

impl Api {
    /// Its path below the base address.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "chat/completions",
            Self::Completions => "completions",
            Self::Responses => "responses",
        }
    }

    /// A server that answers chats may have no other part: that is wrong with the request, and not with the server.
    pub(super) fn absent(self, failure: Failure) -> Failure {
        if self == Self::Chat || failure.kind != FailureKind::NotFound {
            return failure;
        }
        let message =
            format!("the server has no /{}, or no such model there ({})", self.path(), failure.message);
        Failure { kind: FailureKind::Rejected, message, ..failure }
    }

    /// Its address, next to that of the chat API.
    pub(super) fn beside(self, chat: &Url) -> Url {
        let mut url = chat.clone();
        if let Some(base) = chat.path().strip_suffix(Self::Chat.path()) {
            url.set_path(&format!("{base}{}", self.path()));
        }
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_lie_beside_one_another() {
        let chat = Url::parse("http://h:1/v1/chat/completions?api-version=1").unwrap();
        assert_eq!(Api::Chat.beside(&chat), chat);
        assert_eq!(Api::Completions.beside(&chat).as_str(), "http://h:1/v1/completions?api-version=1");
        assert_eq!(Api::Responses.beside(&chat).as_str(), "http://h:1/v1/responses?api-version=1");
    }
}
