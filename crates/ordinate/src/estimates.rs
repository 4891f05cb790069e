//! What asking will probably cost, how fast it goes and how it ended, as lines for people.

use std::time::Duration;

use ordinate_measure::{Ended, Estimate, Progress, Summary};

/// What is to be asked and what it will probably cost.
#[must_use]
pub fn estimate_lines(estimates: &[Estimate], max_spend: Option<f64>) -> Vec<String> {
    let mut lines: Vec<String> = estimates
        .iter()
        .map(|estimate| {
            let cost = match (estimate.cost_usd, estimate.most_usd) {
                (Some(cost), Some(most)) => {
                    format!(", about ${cost:.4} (at most ${most:.4} without retries)")
                }
                _ if estimate.input_tokens > 0.0 => ", cost not known: no price".to_owned(),
                _ => String::new(),
            };
            let tokens = if estimate.input_tokens > 0.0 {
                format!(
                    ", about {:.0} tokens to read and {:.0} to write",
                    estimate.input_tokens, estimate.output_tokens
                )
            } else {
                String::new()
            };
            format!(
                "  {}: {} of {} items to ask, {} kept{tokens}{cost}",
                estimate.name, estimate.to_ask, estimate.items, estimate.kept
            )
        })
        .collect();
    let total: f64 = estimates.iter().filter_map(|estimate| estimate.cost_usd).sum();
    let paid: f64 = estimates.iter().map(|estimate| estimate.paid_usd).sum();
    if let Some(most) = max_spend {
        let short = if total + paid > most { "; it will probably not suffice" } else { "" };
        lines.push(format!(
            "  estimate ${total:.4}, paid before ${paid:.4}, max_spend {}{short}",
            dollars(most)
        ));
    } else if total > 0.0 || paid > 0.0 {
        lines.push(format!("  estimate ${total:.4}, paid before ${paid:.4}"));
    }
    lines
}

/// An amount as it was written, or what is left of one: without the dust of subtracting.
fn dollars(amount: f64) -> String {
    format!("${}", (amount * 1e6).round() / 1e6)
}

/// How the asking of a candidate ended.
#[must_use]
pub fn ended_line(summary: &Summary) -> String {
    let how = match &summary.ended {
        Ended::Complete => "done".to_owned(),
        Ended::Budget => "stopped by max_spend".to_owned(),
        Ended::Cancelled => "stopped".to_owned(),
        Ended::Dead(_) => "dead".to_owned(),
        Ended::Beaten { why, saved_items, .. } => format!("beaten ({why}); {saved_items} items saved"),
    };
    let errors: u64 = summary.errors.values().sum();
    let latency = summary.latency_ms.map(|ms| format!(", p50 {:.0} ms, p95 {:.0} ms", ms.p50, ms.p95));
    format!(
        "  {}: {how}; {} of {} items, {} of them kept from before, {errors} errors{}{}",
        summary.name,
        summary.done,
        summary.items,
        summary.kept,
        summary.cost_usd.map(|cost| format!(", ${cost:.4}")).unwrap_or_default(),
        latency.unwrap_or_default(),
    )
}

/// How fast a candidate is, its errors, its money, the time left.
#[must_use]
pub fn pace(progress: &Progress) -> String {
    let left = progress.left.map(|left| format!(", {} left", time(left))).unwrap_or_default();
    let Progress { items_per_s, errors, cost_usd, .. } = progress;
    let waits = progress.waits.filter(|time| time.as_secs() > 0);
    let left = waits.map_or(left, |waits| format!(", waits {} as its server asks", time(waits)));
    format!("{items_per_s:.0}/s, {errors} errors, ${cost_usd:.4}{left}")
}

fn time(left: Duration) -> String {
    let seconds = left.as_secs();
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5_999 => format!("{} min", seconds / 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}
