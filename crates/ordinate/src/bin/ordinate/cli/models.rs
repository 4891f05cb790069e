//! The arguments of `ordinate models`.

use clap::{Args, Subcommand, ValueHint};

/// `ordinate models`.
#[derive(Debug, Args)]
pub(crate) struct ModelsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub(crate) command: ModelsCommand,
}

/// What to do with models.
#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// List the models in the hub's cache, and the built-in one
    List(ListArgs),
    /// Download a model from the hub into its cache
    Fetch(FetchArgs),
    /// Say what a model is, what it needs, and whether it runs here
    Inspect(InspectArgs),
}

/// `ordinate models list`.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `ordinate models fetch`.
#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    /// hf:org/name, hf:org/name@revision or hf:org/name/file.gguf
    #[arg(value_name = "MODEL")]
    pub(crate) model: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `ordinate models inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A folder, a .gguf file, hf:org/name or hf:org/name@revision in the hub's cache, or builtin
    #[arg(value_name = "MODEL", value_hint = ValueHint::AnyPath)]
    pub(crate) model: String,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
