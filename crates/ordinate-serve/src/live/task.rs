//! What the live page says of a task: traffic, cost, and whether its verdict still stands.

use std::fmt::Write as _;

use super::{Text, time, usd};
use crate::metrics::{Asked, Counters, OfTask};
use crate::state::Server;
use crate::task::ServedTask;
use crate::watch::{REFUTED, Standing};

/// Priced requests from which on the best single's own mean is taken for what it costs.
const ENOUGH: u64 = 30;

pub(super) fn section(
    page: &mut String,
    server: &Server,
    task: &ServedTask,
    counted: &Counters,
    standings: &[(String, Standing)],
) {
    let run = &task.run;
    let none = OfTask::default();
    let of = counted.tasks.get(&run.name).unwrap_or(&none);
    let _ = write!(
        page,
        "<section class=\"task\"><p class=\"kicker\">ordinate/{}</p><h2>{}</h2>\n\
         <p class=\"about\">A policy of the kind {}. {} answers, {} without one, {} of somebody who stood in, {} from memory, {} with feedback.</p>\n",
        Text(&run.name),
        Text(&run.artefact.name),
        Text(run.artefact.policy.kind().as_str()),
        of.answers,
        of.errors,
        of.stood_in,
        of.cached,
        of.feedback
    );
    traffic(page, task, of);
    cost(page, task, of);
    verdict(page, server, task, standings);
    page.push_str("</section>\n");
}

fn traffic(page: &mut String, task: &ServedTask, of: &OfTask) {
    page.push_str(
        "<h3>Traffic</h3>\n<table><thead><tr><th>candidate</th><th>asked</th><th>answers given</th><th></th><th>failed</th>\
         <th>tokens read</th><th>written</th><th>cost</th><th>mean time</th><th>state</th></tr></thead><tbody>",
    );
    let none = Asked::default();
    let given: u64 = of.candidates.values().map(|asked| asked.given).sum();
    for candidate in &task.run.candidates {
        let asked = of.candidates.get(candidate.name.as_str()).unwrap_or(&none);
        let share = asked.given as f64 / given.max(1) as f64;
        let failed: u64 = asked.errors.values().sum();
        let kinds: Vec<String> = asked.errors.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        let unknown = match (asked.unpriced, asked.estimated) {
            (0, 0) => String::new(),
            (unpriced, estimated) => format!("; {unpriced} not known, {estimated} estimated"),
        };
        let state = match candidate.breaker.standing() {
            (Some(rest), _) => {
                format!("<td class=\"bad\">rests for {}</td>", time(rest.as_secs_f64().max(0.1)))
            }
            (None, 0) => "<td>ready</td>".to_owned(),
            (None, in_a_row) => format!("<td class=\"doubt\">ready; the last {in_a_row} failed</td>"),
        };
        let _ = write!(
            page,
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{} ({:.1} %)</td>\
             <td><meter min=\"0\" max=\"1\" value=\"{share:.4}\">{:.0} %</meter></td><td title=\"{}\">{failed}</td><td>{}</td><td>{}</td>\
             <td>{}{unknown}</td><td>{}</td>{state}</tr>",
            Text(candidate.name.as_str()),
            asked.requests,
            asked.given,
            100.0 * share,
            100.0 * share,
            Text(&kinds.join(", ")),
            asked.input_tokens,
            asked.output_tokens,
            usd(asked.cost_usd),
            if asked.requests == 0 { "-".to_owned() } else { time(asked.seconds / asked.requests as f64) },
        );
    }
    page.push_str("</tbody></table>\n");
}

/// What was paid, against what the best single would have cost for as many answers.
fn cost(page: &mut String, task: &ServedTask, of: &OfTask) {
    let paid: f64 = of.candidates.values().map(|asked| asked.cost_usd).sum();
    let _ = write!(page, "<h3>Cost</h3>\n<p>{} for {} answers.", usd(paid), of.answers);
    let Some(best) = &task.run.best_single else {
        page.push_str("</p>\n");
        return;
    };
    let asked = of.candidates.get(best.as_str());
    let own =
        asked.map(|asked| (asked.cost_usd, asked.requests - asked.unpriced)).filter(|(_, n)| *n >= ENOUGH);
    let (each, by) = match (own, task.run.best_single_usd) {
        (Some((cost, priced)), _) => (Some(cost / priced as f64), "as it costs here"),
        (None, said) => (said, "as the verdict has it"),
    };
    let name = Text(best.as_str());
    // What was given again from memory would not have been paid by anybody.
    let fresh = (of.answers - of.cached) as f64;
    match each.map(|each| each * fresh) {
        None => {
            let _ = write!(page, " What {name}, the best single, costs is not known.");
        }
        Some(would) if would > 0.0 => {
            let change = 100.0 * (paid / would - 1.0);
            let _ = write!(
                page,
                " {name}, the best single, would have cost {}, {by}: <b>{change:+.1} %</b>.",
                usd(would)
            );
        }
        Some(_) => {
            let _ = write!(page, " {name}, the best single, costs nothing, {by}.");
        }
    }
    page.push_str("</p>\n");
}

fn verdict(page: &mut String, server: &Server, task: &ServedTask, standings: &[(String, Standing)]) {
    let name = &task.run.name;
    page.push_str("<h3>Verdict</h3>\n<ul class=\"state\">\n");
    let mut line = |class: &str, word: &str, text: String| {
        let _ = writeln!(page, "<li class=\"{class}\"><b>{word}</b> {text}</li>");
    };
    match standings.iter().find(|(task, _)| task == name) {
        None => line("doubt", "Not watched.", "The verdict says nothing of this policy.".to_owned()),
        Some((_, now)) => {
            let said = format!(
                "at least {:.3} was said (evidence against it {:.1} of {REFUTED})",
                now.claimed, now.evidence
            );
            match now.mean {
                None => line("doubt", "Not known.", format!("No feedback with a score yet; {said}.")),
                Some(mean) => {
                    let text = format!("{} scores of feedback have a mean of {mean:.3}; {said}.", now.scores);
                    match now.holds {
                        true => line("good", "It stands.", text),
                        false => line(
                            "bad",
                            "It does not stand any more.",
                            text + " Run the task again with answers of now.",
                        ),
                    }
                }
            }
        }
    }
    for (_, runner_up, now) in server.pairs().iter().filter(|(task, ..)| task == name) {
        let runner_up = Text(runner_up);
        let scored = match (now.policy, now.candidate) {
            (Some(policy), Some(candidate)) => format!(
                "on the same {} items it scored {candidate:.3}, and the policy {policy:.3} (margin {}, evidence {:.1} of {REFUTED})",
                now.items, now.margin, now.evidence
            ),
            _ => "no item was scored for both yet".to_owned(),
        };
        match now.holds {
            true => {
                line("good", "The runner-up", format!("{runner_up} is not shown to be better: {scored}."));
            }
            false => line("bad", "The runner-up", format!("{runner_up} is better: {scored}.")),
        }
    }
    let shadows = server.shadows.counted();
    for ((_, runner_up), asked) in shadows.asked.iter().filter(|((task, _), _)| task == name) {
        let text = format!(
            "{} to {}: {} the same answer, {} none; {}.",
            asked.requests,
            Text(runner_up),
            asked.same,
            asked.errors,
            usd(asked.cost_usd)
        );
        line("", "Shadow requests:", text);
    }
    let dropped: Vec<String> = shadows
        .dropped
        .iter()
        .filter(|((task, _), _)| task == name)
        .map(|((_, why), count)| format!("{} {count}", why.as_str()))
        .collect();
    if !dropped.is_empty() {
        line("", "Dropped:", format!("{}.", dropped.join(", ")));
    }
    match task.lock_drift(|drift| drift.standings()) {
        None => line("doubt", "Inputs", "are not held against the measured ones.".to_owned()),
        Some(standings) => {
            for now in standings {
                let of = format!(
                    "{}: {:.3} on average when it was measured, {} of late ({} inputs, evidence {:.1} of {REFUTED})",
                    Text(now.figure.as_str()),
                    now.measured,
                    now.lately.map_or_else(|| "nothing".to_owned(), |lately| format!("{lately:.3}")),
                    now.inputs,
                    now.evidence
                );
                match &now.since {
                    None => line("good", "Inputs", format!("are like the measured ones: {of}.")),
                    Some(since) => line(
                        "bad",
                        "Inputs",
                        format!("are not like the measured ones since {}: {of}.", Text(since)),
                    ),
                }
            }
        }
    }
    let changed = server.changed_names();
    let mut own = changed.iter().filter(|(task, ..)| task == name).peekable();
    if own.peek().is_none() {
        line("good", "Models", "answer by the names that were measured, or told first.".to_owned());
    }
    for (_, candidate, told, before) in own {
        let before =
            before.as_deref().map(|before| format!("; before: {}", Text(before))).unwrap_or_default();
        let text = format!(
            "What answers as {} is not what was measured: {} is {} since {}, in {} answers{before}.",
            Text(candidate),
            told.part.as_str(),
            Text(&told.name),
            Text(&told.since),
            told.answers
        );
        line("bad", "Model change.", text);
    }
    page.push_str("</ul>\n");
}
