//! The encoders as one: whichever the configuration names.

use std::collections::{BTreeSet, HashMap};

use candle_core::Tensor;
use ordinate_core::task::Precision;
use serde::Deserialize;
use serde_json::Value;

use crate::encoder::bert::{self, Bert};
use crate::encoder::layers::Result;
use crate::encoder::modernbert::{self, ModernBert};
use crate::model::Facts;

/// The architectures, as `model_type` names them.
pub(crate) const KNOWN: [&str; 6] =
    ["bert", "roberta", "xlm-roberta", "camembert", "distilbert", "modernbert"];

/// What stands between the tokens and a pooling or a head.
#[derive(Debug)]
pub(crate) enum Body {
    Bert(Bert),
    Modern(ModernBert),
}

impl Body {
    /// The encoder of a configuration and its weights.
    pub(crate) fn new(config: &Value, tensors: &HashMap<String, Tensor>) -> Result<Self> {
        let unread = |error: serde_json::Error| candle_core::Error::Msg(format!("config.json: {error}"));
        if config["model_type"] == "modernbert" {
            let config = modernbert::Config::deserialize(config).map_err(unread)?;
            return ModernBert::new(config, tensors).map(Self::Modern);
        }
        Bert::new(bert::Config::deserialize(config).map_err(unread)?, tensors).map(Self::Bert)
    }

    /// Holds the weights of its layers so from now on: nothing can be trained through them then.
    pub(crate) fn hold(&mut self, precision: Precision) -> Result<()> {
        match self {
            Self::Bert(body) => body.hold(precision),
            Self::Modern(body) => body.hold(precision),
        }
    }

    pub(crate) fn states(&self, batch: &[&[u32]]) -> Result<Tensor> {
        self.states_of_pairs(batch, &[])
    }

    /// The states of pairs of texts, each one behind the other: so many tokens of each are of the first.
    pub(crate) fn states_of_pairs(&self, batch: &[&[u32]], firsts: &[usize]) -> Result<Tensor> {
        match self {
            Self::Bert(body) => body.states_of_pairs(batch, firsts),
            // It tells the texts of a pair by what stands between them.
            Self::Modern(body) => body.states(batch),
        }
    }

    pub(crate) fn width(&self) -> usize {
        match self {
            Self::Bert(body) => body.config().hidden_size,
            Self::Modern(body) => body.width(),
        }
    }

    /// The longest text, in tokens.
    pub(crate) fn longest(&self) -> usize {
        match self {
            Self::Bert(body) => body.config().longest(),
            Self::Modern(body) => body.longest(),
        }
    }

    /// The names of the tensors that it was built of.
    pub(crate) fn names(&self) -> &BTreeSet<String> {
        match self {
            Self::Bert(body) => body.names(),
            Self::Modern(body) => body.names(),
        }
    }

    pub(crate) fn facts(&self) -> Facts {
        match self {
            Self::Bert(body) => body.facts(),
            Self::Modern(body) => body.facts(),
        }
    }
}
