//! Needs as the page writes and shows them.

use ordinate_core::needs::{Goal, Needs, NeedsError};

/// A need that cannot be used.
pub(crate) struct Unusable {
    pub(crate) key: &'static str,
    pub(crate) error: String,
}

/// Lines of `KEY=VALUE`.
pub(crate) fn needs(assignments: &str) -> Result<Needs, Unusable> {
    let mut needs = Needs::default();
    for line in assignments.lines() {
        needs.set(line).map_err(|error| Unusable { key: key(line, &error), error: error.to_string() })?;
    }
    Ok(needs)
}

fn key(line: &str, error: &NeedsError) -> &'static str {
    let named = match error {
        NeedsError::BadValue { key, .. } => Some(*key),
        NeedsError::UnknownKey { .. } | NeedsError::NotAnAssignment(_) => None,
    };
    let written = || Needs::KEYS.into_iter().find(|key| line.starts_with(key));
    named.or_else(written).unwrap_or_default()
}

/// The needs that are set, as `--need KEY=VALUE` takes them.
pub(crate) fn values(needs: &Needs) -> Vec<(&'static str, String)> {
    let goal = match needs.goal {
        Goal::Quality => "quality",
        Goal::Cost => "cost",
        Goal::Latency => "latency",
    };
    let number = |value: Option<f64>| value.map(|value| value.to_string());
    let all = [
        ("goal", Some(goal.to_owned())),
        ("margin", number(needs.margin)),
        ("min_quality", number(needs.min_quality)),
        ("max_cost_per_1k", number(needs.max_cost_per_1k)),
        ("max_p95_ms", number(needs.max_p95_ms)),
        ("max_memory_gb", number(needs.max_memory_gb)),
        ("stay_local", Some(needs.stay_local.to_string())),
        ("volume_per_day", needs.volume_per_day.map(|volume| volume.to_string())),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// The `[needs]` of a task file.
pub(crate) fn toml(needs: &Needs) -> String {
    let line = |(key, value): (&str, String)| match key {
        "goal" => format!("{key} = \"{value}\"\n"),
        "stay_local" if value == "false" => String::new(),
        "stay_local" | "volume_per_day" => format!("{key} = {value}\n"),
        // A float of TOML has a point or an exponent.
        _ => value.parse::<f64>().map_or_else(|_| String::new(), |number| format!("{key} = {number:?}\n")),
    };
    format!("[needs]\n{}", values(needs).into_iter().map(line).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_need_that_cannot_be_used_is_named() {
        let refused = |line: &str| needs(line).map(|_| ()).map_err(|one| one.key).unwrap_err();
        assert_eq!(refused("goal=cost\nmargin=2"), "margin");
        assert_eq!(refused("max_p95_ms=fast"), "max_p95_ms");
        assert_eq!(refused("max_p95=1"), "");
    }

    #[test]
    fn what_is_copied_says_what_was_set() {
        let set =
            needs("goal=latency\nmax_cost_per_1k=1e-7\nmin_quality=1\nvolume_per_day=5_000\nstay_local=true")
                .ok();
        let text = toml(&set.unwrap());
        let expected = "[needs]\ngoal = \"latency\"\nmin_quality = 1.0\nmax_cost_per_1k = 1e-7\nstay_local = true\nvolume_per_day = 5000\n";
        assert_eq!(text, expected);
        assert_eq!(toml(&Needs::default()), "[needs]\ngoal = \"quality\"\n");
    }
}
