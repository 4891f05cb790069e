//! The verdict as Markdown, to paste into a record of a decision.

use std::fmt::Write as _;

use ordinate_core::verdict::{Outcome, Verdict};

use crate::figures;
use crate::text::clean;
use crate::words;

/// Text of others on one line of Markdown, also in a table: nothing in it is markup.
pub(crate) fn plain(text: &str) -> String {
    let mut safe = String::new();
    for c in clean(text).chars() {
        if matches!(c, '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '#' | '~') {
            safe.push('\\');
        }
        safe.push(c);
    }
    safe
}

pub(crate) fn markdown(verdict: &Verdict) -> String {
    let mut text = format!("# {}: {}\n\n", plain(&verdict.task), plain(words::headline(verdict)));
    // Writing to a string does not fail.
    let _ = write_all(&mut text, verdict);
    text
}

fn write_all(text: &mut String, verdict: &Verdict) -> std::fmt::Result {
    match &verdict.recommended {
        Some(recommended) => {
            let verb = if verdict.outcome == Outcome::Undecided { "Provisionally use" } else { "Use" };
            let what = words::what_it_does(recommended.kind);
            let kind = plain(&words::kind_and_lineage(recommended));
            writeln!(text, "{verb} **{}** ({kind}): {}.\n", plain(&recommended.name), plain(what))?;
            let shares: Vec<String> = words::shares(&recommended.share)
                .into_iter()
                .map(|(name, share)| format!("{} {}", plain(name), figures::percent(share)))
                .collect();
            text.push_str("| | |\n|---|---|\n");
            for (name, value) in [
                ("Outcome", verdict.outcome.to_string()),
                ("Quality", figures::estimate(&recommended.quality)),
                ("Cost per 1,000 items", figures::price(recommended.cost_per_1k, recommended.not_priced)),
                ("Latency, 95th percentile", figures::latency(recommended.p95_ms)),
                ("Memory", figures::memory(recommended.memory_gb)),
            ] {
                writeln!(text, "| {name} | {} |", plain(&value))?;
            }
            if !shares.is_empty() {
                writeln!(text, "| Who answers | {} |", shares.join(", "))?;
            }
        }
        None => text.push_str("Nothing that was tried meets every need.\n"),
    }
    for note in words::distance_to_a_decision(verdict).into_iter().chain(words::other_reading(verdict)) {
        writeln!(text, "\n{}", plain(&note))?;
    }
    section(text, "Why", verdict.why.iter().map(String::as_str))?;

    text.push_str(
        "\n## Candidates and policies\n\n| | kind | quality [95% interval] | per 1,000 items | p95 | needs |\n|---|---|---|---|---|---|\n",
    );
    for row in rows(verdict) {
        writeln!(text, "| {} |", row.join(" | "))?;
    }
    let grades = verdict.judge.as_ref().map(words::judge).unwrap_or_default();
    section(text, "Grades", grades.iter().map(String::as_str))?;
    let by_slice = verdict.judge.as_ref().map(words::judged_slices).unwrap_or_default();
    section(text, "Grades by slice", by_slice.iter().map(String::as_str))?;
    let needs = words::needs(&verdict.needs, verdict.basis.margin);
    let needs: Vec<String> = needs.into_iter().map(|(name, limit)| format!("{name}: {limit}")).collect();
    section(text, "Needs in force", needs.iter().map(String::as_str))?;
    section(text, "Assumed", verdict.assumed.iter().map(String::as_str))?;
    writeln!(
        text,
        "\nRests on {}. Ordinate {}.",
        plain(&words::basis(verdict)),
        plain(&verdict.basis.ordinate)
    )
}

fn section<'a>(text: &mut String, title: &str, lines: impl Iterator<Item = &'a str>) -> std::fmt::Result {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        writeln!(text, "\n## {title}\n")?;
    }
    lines.try_for_each(|line| writeln!(text, "- {}", plain(line)))
}

/// Candidates and policies, best first.
fn rows(verdict: &Verdict) -> Vec<Vec<String>> {
    let recommended = verdict.recommended.as_ref().map(|recommended| recommended.name.as_str());
    let name = |name: &str| match recommended == Some(name) {
        true => format!("**{}**", plain(name)),
        false => plain(name),
    };
    let met = |meets: bool, misses: &[String]| match (meets, misses) {
        (true, _) => "met".to_owned(),
        (false, []) => "missed".to_owned(),
        (false, misses) => format!("missed: {}", plain(&misses.join("; "))),
    };
    let candidates = verdict.candidates.iter().map(|row| {
        let cells = vec![
            name(row.name.as_str()),
            row.lineage.to_string(),
            plain(&figures::estimate(&row.quality)),
            plain(&figures::price(row.cost_per_1k, row.not_priced)),
            plain(&figures::latency(row.p95_ms)),
            met(row.meets_needs, &row.misses),
        ];
        (row.quality.mean, cells)
    });
    let policies = verdict.policies.iter().map(|row| {
        let cells = vec![
            name(&row.name),
            row.kind.to_string(),
            plain(&figures::estimate(&row.quality)),
            plain(&figures::price(row.cost_per_1k, row.not_priced)),
            plain(&figures::latency(row.p95_ms)),
            met(row.meets_needs, &row.misses),
        ];
        (row.quality.mean, cells)
    });
    let mut all: Vec<(f64, Vec<String>)> = policies.chain(candidates).collect();
    all.sort_by(|a, b| b.0.total_cmp(&a.0));
    all.into_iter().map(|(_, cells)| cells).collect()
}
