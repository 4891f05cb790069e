//! The arguments of `ordinate models`.

use clap::{Args, Subcommand, ValueHint};

/// `ordinate models`.
#[derive(Debug, Args)]
pub struct ModelsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: ModelsCommand,
}

/// What to do with models.
#[derive(Debug, Subcommand)]
pub enum ModelsCommand {
    /// List the models in the hub's cache, and the built-in one
    List(ListArgs),
    /// Download a model from the hub into its cache
    Fetch(FetchArgs),
    /// Say what a model is, what it needs, and whether it runs here
    Inspect(InspectArgs),
}

/// `ordinate models list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `ordinate models fetch`.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// hf:org/name, hf:org/name@revision or hf:org/name/file.gguf
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `ordinate models inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A folder, a .gguf file, hf:org/name or hf:org/name@revision in the hub's cache, or builtin
    #[arg(value_name = "MODEL", value_hint = ValueHint::AnyPath)]
    pub model: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
