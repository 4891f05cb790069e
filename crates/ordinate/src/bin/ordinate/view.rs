//! `ordinate view`: the runs of a folder in the browser.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use ordinate::{CancellationToken, View};

use crate::failure::Failure;
use crate::output::tell;
use crate::runtime::wait;

/// `ordinate view`.
#[derive(Debug, Args)]
pub(crate) struct ViewArgs {
    /// The folder that run folders lie in, or a run folder [default: the current folder]
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    folder: Option<PathBuf>,
    /// Where to listen, on this machine; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8090")]
    bind: SocketAddr,
    /// Open the list in the browser
    #[arg(long)]
    open: bool,
}

pub(crate) fn view(args: &ViewArgs) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    wait(run(args, stop.clone()), stop)
}

async fn run(args: &ViewArgs, stop: CancellationToken) -> Result<(), Failure> {
    let folder = args.folder.as_deref().unwrap_or(Path::new("."));
    let view = View::start(folder, args.bind).await?;
    let address = format!("http://{}", view.address());
    tell(&format!("listening on {address}"));
    tell("Ctrl-C ends it");
    if args.open
        && let Err(error) = open::that(&address)
    {
        tell(&format!("no browser could be opened: {error}"));
    }
    view.run(stop).await;
    Ok(())
}
