//! The examples that the program carries. Each runs as it is, without a key, a server or a download.

/// A file of an example.
type Bundled = (&'static str, &'static [u8]);

/// What an example folder is made of.
#[derive(Debug)]
pub(super) struct Example {
    pub(super) kind: &'static str,
    /// Another word for it.
    pub(super) also: &'static str,
    pub(super) about: &'static str,
    pub(super) files: &'static [Bundled],
}

/// A file of `examples/`, which the program carries.
macro_rules! example {
    ($path:literal) => {
        include_bytes!(concat!("../../../../examples/", $path))
    };
}

pub(super) const TASK: &str = "ordinate.toml";

pub(super) const EXAMPLES: [Example; 5] = [
    Example {
        kind: "texts",
        also: "text",
        about: "texts to label: models that run here, taught or only told what the labels mean",
        files: &[
            (TASK, example!("triage/ordinate.toml")),
            ("messages.jsonl", example!("triage/messages.jsonl")),
        ],
    },
    Example {
        kind: "answers",
        also: "scores",
        about: "a table of answers that were marked elsewhere: which model, which question, right or wrong",
        files: &[(TASK, example!("answers/ordinate.toml")), ("scores.csv", example!("answers/scores.csv"))],
    },
    Example {
        kind: "api",
        also: "live",
        about: "a model behind an API against small ones that run here",
        files: &[(TASK, include_bytes!("api.toml")), ("messages.jsonl", example!("triage/messages.jsonl"))],
    },
    Example {
        kind: "images",
        also: "image",
        about: "images to label: people against a network that is trained here, in half a minute",
        files: &[
            (TASK, include_bytes!("images.toml")),
            ("tiles.npz", example!("images/tiles.npz")),
            ("inspectors.jsonl", example!("images/inspectors.jsonl")),
        ],
    },
    Example {
        kind: "series",
        also: "forecast",
        about: "series to continue: methods that see the past alone against people, and both together",
        files: &[
            (TASK, example!("forecast/ordinate.toml")),
            ("sales.jsonl", example!("forecast/sales.jsonl")),
            ("buyers.jsonl", example!("forecast/buyers.jsonl")),
        ],
    },
];
