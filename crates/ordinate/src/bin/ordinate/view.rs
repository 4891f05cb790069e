//! `ordinate view`: the runs of a folder in the browser.

use std::path::Path;

use ordinate::{CancellationToken, Error, View, tell};
use ordinate_cli::ViewArgs;

use crate::runtime::wait;

pub(crate) fn view(args: &ViewArgs) -> Result<(), Error> {
    let stop = CancellationToken::new();
    wait(run(args, stop.clone()), stop)
}

async fn run(args: &ViewArgs, stop: CancellationToken) -> Result<(), Error> {
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
