//! What asking will probably cost, for people.

use ordinate_measure::Estimate;

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
