//! What runs in the page where a reader moves the needs: trials and needs in, sections of the page out.
//!
//! [`Bench::shown`] is the judge and the report of the program, so that a page cannot say anything else than they do. `exports`
//! is how the page's script calls it; `scripts/page_module` compiles it.

#[cfg(target_family = "wasm")]
mod exports;
mod needs;

use std::collections::BTreeMap;

use ordinate_core::verdict::{Outcome, Verdict};
use ordinate_judge::{KeptError, Recall, Setting, decide_again, kept};
use ordinate_trials::Trials;
use serde::Serialize;

use needs::{Unusable, needs, toml, values};

/// A run on the table.
#[derive(Debug)]
pub struct Bench {
    trials: Trials,
    setting: Setting,
    recall: Recall,
    /// The sections as the page has them.
    there: BTreeMap<&'static str, String>,
}

/// What the page shows under some needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// The title of the page.
    pub title: String,
    /// The verdict in one sentence.
    pub said: String,
    /// The sections that depend on the needs, by id: HTML; those alone that are not as they were before.
    pub sections: BTreeMap<&'static str, String>,
    /// The `[needs]` of a task file.
    pub toml: String,
    /// The needs that are set, as `--need` takes them.
    pub values: BTreeMap<&'static str, String>,
}

/// What the page gets back.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// The verdict.
    Shown(Box<Shown>),
    /// A need that cannot be used.
    Unusable {
        /// Its key; `None` where the page could not be written.
        key: Option<&'static str>,
        /// Why, and what is allowed.
        error: String,
    },
}

impl Bench {
    /// A run, from what the judge keeps of it.
    ///
    /// # Errors
    /// [`KeptError`].
    pub fn open(bytes: &[u8]) -> Result<Self, KeptError> {
        let (trials, setting) = kept(bytes)?;
        Ok(Self { recall: Recall::new(&trials), trials, setting, there: BTreeMap::new() })
    }

    /// What the page shows under these needs: lines of `KEY=VALUE`, where absent ones do not limit.
    pub fn shown(&mut self, assignments: &str) -> Reply {
        let needs = match needs(assignments) {
            Ok(needs) => needs,
            Err(Unusable { key, error }) => return Reply::Unusable { key: Some(key), error },
        };
        let verdict = decide_again(&self.trials, &needs, &self.setting, &self.recall);
        match ordinate_report::sections(&verdict) {
            Ok(sections) => Reply::Shown(Box::new(Shown {
                title: ordinate_report::title(&verdict),
                said: said(&verdict),
                sections: self.changed(sections),
                toml: toml(&needs),
                values: values(&needs).into_iter().collect(),
            })),
            Err(error) => Reply::Unusable { key: None, error: error.to_string() },
        }
    }

    fn changed(&mut self, sections: Vec<(&'static str, String)>) -> BTreeMap<&'static str, String> {
        let differs = |(id, html): &(&'static str, String)| self.there.get(id) != Some(html);
        let changed: BTreeMap<&'static str, String> = sections.into_iter().filter(differs).collect();
        self.there.extend(changed.iter().map(|(id, html)| (*id, html.clone())));
        changed
    }
}

fn said(verdict: &Verdict) -> String {
    let headline = ordinate_report::headline(verdict);
    match &verdict.recommended {
        None => format!("{headline}."),
        Some(it) if verdict.outcome == Outcome::Undecided => {
            format!("{headline}: provisionally {}.", ordinate_report::shown_name(&it.name))
        }
        Some(it) => format!("{headline}: {}.", ordinate_report::shown_name(&it.name)),
    }
}
