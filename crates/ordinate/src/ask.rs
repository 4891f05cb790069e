//! `ordinate ask`: what the recommended policy would do with one input, why, and what it expects.

use std::fmt::Write as _;
use std::io::Read;

use ordinate_combine::Artefact;
use ordinate_core::verdict::Verdict;
use ordinate_core::{Goal, Query, Step, Thought};
use serde_json::json;

use crate::cli::AskArgs;
use crate::failure::Failure;
use crate::folder::{Folder, policy_file};
use crate::output::print;

pub(crate) fn ask(args: &AskArgs) -> Result<(), Failure> {
    let folder = Folder::open(&args.run)?;
    let verdict = folder.verdict()?;
    let artefact = load(&folder, &verdict, args.policy.as_deref())?;
    let input = input(args)?;
    let query = Query { input: Some(&input), slice: args.slice.as_deref(), notes: None };
    let mut thought = artefact.policy.think(&query);
    let step = artefact.policy.next(&query, &mut thought, &[], artefact.dial);
    let asked = match step {
        Step::Ask(candidates) => candidates,
        Step::Give(_) => Vec::new(),
    };
    let seen =
        |slice: &&str| verdict.candidates.iter().any(|candidate| candidate.slices.contains_key(*slice));
    let new_slice = query.slice.filter(|slice| !seen(slice));
    let plan = Plan { artefact: &artefact, verdict: &verdict, thought: &thought, asked: &asked, new_slice };
    if args.json {
        let text = serde_json::to_string_pretty(&plan.json())
            .map_err(|error| Failure::Run(format!("the answer cannot be written as JSON: {error}")))?;
        return print(&(text + "\n"));
    }
    print(&plan.text())
}

fn load(folder: &Folder, verdict: &Verdict, policy: Option<&str>) -> Result<Artefact, Failure> {
    let file = match (policy, &verdict.recommended) {
        (Some(name), _) => policy_file(name),
        (None, Some(recommended)) => {
            recommended.file.clone().unwrap_or_else(|| policy_file(&recommended.name))
        }
        (None, None) => {
            return Err(Failure::Input(
                "the verdict of this run recommends no policy; name one with --policy".to_owned(),
            ));
        }
    };
    let path = folder.path(&file);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let known: Vec<&str> = verdict.policies.iter().map(|policy| policy.name.as_str()).collect();
        let path = path.display();
        Failure::Input(format!(
            "{path}: the policy cannot be read: {error}; the policies of this run are: {}",
            known.join(", ")
        ))
    })?;
    Artefact::from_json(&text).map_err(|error| Failure::Input(format!("{}: {error}", path.display())))
}

fn input(args: &AskArgs) -> Result<String, Failure> {
    if args.input != "-" {
        return Ok(args.input.clone());
    }
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| Failure::Input(format!("standard input cannot be read as UTF-8 text: {error}")))?;
    Ok(text.trim_end_matches('\n').to_owned())
}

struct Plan<'a> {
    artefact: &'a Artefact,
    verdict: &'a Verdict,
    thought: &'a Thought,
    asked: &'a [usize],
    /// The slice, where the evidence of the run has no items of it.
    new_slice: Option<&'a str>,
}

impl Plan<'_> {
    fn name(&self, candidate: usize) -> &str {
        self.artefact.policy.candidates()[candidate].as_str()
    }

    fn unit(&self) -> &'static str {
        if self.verdict.needs.goal == Goal::Latency { "ms" } else { "USD" }
    }

    /// The candidate with the best mean over all items, with which an expectation is compared.
    fn best_single(&self) -> Option<usize> {
        let best = self.verdict.candidates.first()?;
        self.artefact.policy.candidates().iter().position(|name| *name == best.name)
    }

    fn expected(&self, candidate: usize) -> (Option<f64>, Option<f64>) {
        (self.thought.quality.get(candidate).copied(), self.thought.outlay.get(candidate).copied())
    }

    fn json(&self) -> serde_json::Value {
        let candidate = |candidate: usize| {
            let (quality, outlay) = self.expected(candidate);
            json!({ "name": self.name(candidate), "expected_quality": quality, "expected_outlay": outlay })
        };
        let all = 0..self.artefact.policy.candidates().len();
        json!({
            "policy": self.artefact.name,
            "kind": self.artefact.policy.kind(),
            "dial": self.artefact.dial,
            "outlay_unit": self.unit(),
            "ask": self.asked.iter().map(|&asked| self.name(asked)).collect::<Vec<_>>(),
            "candidates": all.map(candidate).collect::<Vec<_>>(),
            "best_single": self.best_single().map(|best| self.name(best)),
            "expected_gain": self.gain().map(|(gain, _)| gain),
            "expected_saving": self.gain().and_then(|(_, saving)| saving),
            "promise": self.artefact.promise,
            "new_slice": self.new_slice,
        })
    }

    /// Expected quality gained and outlay spared against always asking the best single, where one candidate
    /// is asked and expectations are known.
    fn gain(&self) -> Option<(f64, Option<f64>)> {
        let [asked] = self.asked else { return None };
        let best = self.best_single()?;
        let (own, theirs) = (self.expected(*asked), self.expected(best));
        let saving = theirs.1.zip(own.1).map(|(theirs, own)| theirs - own);
        Some((own.0? - theirs.0?, saving))
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let names: Vec<&str> = self.asked.iter().map(|&asked| self.name(asked)).collect();
        let _ = writeln!(text, "{} asks {}", self.artefact.name, names.join(", "));
        if let Some((gain, saving)) = self.gain() {
            let best = self.best_single().map_or("", |best| self.name(best));
            let _ = write!(text, "It expects {gain:+.3} of quality against {best}");
            let _ = match saving {
                Some(saving) => writeln!(text, ", and spares {saving:.6} {}.", self.unit()),
                None => writeln!(text, "."),
            };
        } else if self.asked.len() > 1 {
            let _ = writeln!(text, "The answer is made of theirs.");
        }
        if let Some(promise) = &self.artefact.promise {
            let _ = writeln!(
                text,
                "Over all items its mean score is at most {} below that of {}, with {:.0} % confidence.",
                promise.margin,
                promise.against,
                100.0 * promise.confidence
            );
        }
        if let Some(slice) = self.new_slice {
            let _ =
                writeln!(text, "No item of the run has the slice {slice:?}: it is treated as one of none.");
        }
        let mut order: Vec<usize> = (0..self.thought.quality.len()).collect();
        order.sort_by(|&a, &b| self.thought.quality[b].total_cmp(&self.thought.quality[a]));
        if !order.is_empty() {
            let _ = writeln!(text, "\n  quality   outlay/{:<4}  candidate", self.unit());
        }
        for candidate in order {
            let (quality, outlay) = self.expected(candidate);
            let outlay = outlay.map_or_else(|| "unknown".to_owned(), |outlay| format!("{outlay:.6}"));
            let mark = if self.asked.contains(&candidate) { '>' } else { ' ' };
            let quality = quality.unwrap_or_default();
            let _ = writeln!(text, "{mark} {quality:7.3}   {outlay:>11}  {}", self.name(candidate));
        }
        text
    }
}
