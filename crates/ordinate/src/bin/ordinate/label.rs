//! `ordinate label`: a person labels items, or grades answers, in the browser.

use ordinate::{CancellationToken, Error, Label, LabelOrder, Labelling, Options, tell};
use ordinate_cli::{LabelArgs, Order};

use crate::output::print;
use crate::runtime::wait;

pub(crate) fn label(args: LabelArgs) -> Result<(), Error> {
    let stop = CancellationToken::new();
    wait(run(args, stop.clone()), stop)
}

async fn run(args: LabelArgs, stop: CancellationToken) -> Result<(), Error> {
    let LabelArgs { place, items, answers, order, out, bind, open } = args;
    let order = order.map(|order| match order {
        Order::Random => LabelOrder::Random,
        Order::Settling => LabelOrder::Settling,
    });
    let labelling = Labelling { place, items, answers, out, order };
    let options = Options { cancel: stop.clone(), ..Options::default() };
    let label = Label::start(&labelling, bind, &options).await?;
    let address = format!("http://{}", label.address());
    let (asked, given) =
        if label.are_grades() { ("answers to grade", "grades") } else { ("items to label", "labels") };
    tell(&format!("{} {asked}", label.left()));
    label.notes().iter().for_each(|note| tell(note));
    tell(&format!("listening on {address}"));
    tell("Ctrl-C ends it; everything that was said is kept");
    if open && let Err(error) = open::that(&address) {
        tell(&format!("no browser could be opened: {error}"));
    }
    let labelled = label.run(stop).await;
    print(&format!(
        "{} {given} in {}, {} of them now\nfor the task file:\n\n{}",
        labelled.labels,
        labelled.file.display(),
        labelled.given,
        labelled.toml
    ))
}
