//! `ordinate check`.

use ordinate::{Error, Options, read_task};
use ordinate_cli::CheckArgs;

use crate::output::print;
use crate::runtime::wait;

pub(crate) fn check(args: &CheckArgs) -> Result<(), Error> {
    let task = read_task(&args.task)?;
    let store = Options::shared_store(args.store.as_deref())?;
    let options = Options { folder: args.out.clone(), store, ..Options::default() };
    let mut checked = wait(ordinate::check(&task, &options), options.cancel.clone())?;
    if !args.show_prompt {
        checked.prompts.clear();
    } else if checked.prompts.is_empty() && checked.targets.is_none() {
        return Err(Error::Options(format!(
            "{}: --show-prompt: the task has no live candidates, so nobody is prompted",
            args.task.display()
        )));
    }
    print(&checked.to_string())
}
