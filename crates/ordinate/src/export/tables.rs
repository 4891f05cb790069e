//! The tables of the verdict.

use ordinate_core::verdict::{CurvePoint, DataNeed, Estimate, FrontierPoint, Verdict};
use ordinate_data::Sheet;

/// The name of a table, what it holds, and the table.
pub(super) type Named = (&'static str, &'static str, Sheet);

/// Every table of the report; those without rows too.
pub(super) fn tables(verdict: &Verdict) -> Vec<Named> {
    vec![
        (
            "candidates",
            "the candidates: quality with its 95 % interval, cost, latency, memory, needs",
            candidates(verdict),
        ),
        ("policies", "the policies: the same, and what they gain over what is simpler", policies(verdict)),
        ("shares", "the share of items that each candidate answers, by policy", shares(verdict)),
        ("measures", "further measures of routing, by policy", measures(verdict)),
        ("slices", "each candidate on each slice", slices(verdict)),
        (
            "policy-slices",
            "slices on which a policy is clearly better or worse than the best single",
            policy_slices(verdict),
        ),
        ("pairs", "paired differences of candidates", pairs(verdict)),
        ("rescues", "how often one candidate is right where another is wrong", rescues(verdict)),
        ("frontier", "the frontier, the zero router and the oracle: cost and quality", frontier(verdict)),
        ("curves", "each policy over its dial", curves(verdict)),
        ("learning", "quality against labelled examples, as measured", learning(verdict)),
        ("learning-bands", "the curve of that with its 95 % interval", learning_bands(verdict)),
        (
            "data-needs",
            "with how many labels a candidate overtakes another, and where the next point of quality is",
            data_needs(verdict),
        ),
        ("asked", "how the candidates came through that the run asked", asked(verdict)),
        ("hosting", "what hosting takes, measured on this machine", hosting(verdict)),
        ("break-even", "from which volume on hosting is cheaper than an API", break_even(verdict)),
        ("grades", "what a judge and people said of each candidate", grades(verdict)),
        ("floors", "what is scored by whoever knows nothing of the task", floors(verdict)),
        ("series", "a few series: what was known, what came, what was forecast", series(verdict)),
    ]
}

/// Three columns of an estimate.
fn estimate<'r, R: 'r>(
    sheet: Sheet,
    names: [&'static str; 3],
    rows: impl Iterator<Item = &'r R> + Clone,
    of: impl Fn(&'r R) -> Option<Estimate>,
) -> Sheet {
    let [mean, low, high] = names;
    sheet
        .number(mean, rows.clone().map(|row| of(row).map(|estimate| estimate.mean)))
        .number(low, rows.clone().map(|row| of(row).map(|estimate| estimate.low)))
        .number(high, rows.map(|row| of(row).map(|estimate| estimate.high)))
}

/// The same for tables with one estimate, or where it comes first.
fn quality<'r, R: 'r>(
    sheet: Sheet,
    rows: impl Iterator<Item = &'r R> + Clone,
    of: impl Fn(&'r R) -> Option<Estimate>,
) -> Sheet {
    estimate(sheet, ["quality", "low", "high"], rows, of)
}

fn listed(texts: &[String]) -> Option<String> {
    (!texts.is_empty()).then(|| texts.join("; "))
}

fn grades(verdict: &Verdict) -> Sheet {
    let rows = || verdict.judge.iter().flat_map(|judge| &judge.candidates);
    let sheet = Sheet::new()
        .text("name", rows().map(|row| Some(row.name.as_str())))
        .flag("own_family", rows().map(|row| Some(row.own_family)))
        .count("graded", rows().map(|row| Some(row.graded)))
        .count("by_people_too", rows().map(|row| Some(row.labelled)))
        .number("judge", rows().map(|row| row.judge));
    let sheet = estimate(sheet, ["people", "people_low", "people_high"], rows(), |row| row.human);
    estimate(sheet, ["bias", "bias_low", "bias_high"], rows(), |row| row.bias)
        .number("lambda", rows().map(|row| row.lambda))
}

fn candidates(verdict: &Verdict) -> Sheet {
    let rows = || verdict.candidates.iter();
    let recommended = verdict.recommended.as_ref().map(|recommended| recommended.name.as_str());
    let sheet = Sheet::new()
        .text("name", rows().map(|row| Some(row.name.as_str())))
        .text("lineage", rows().map(|row| Some(row.lineage.as_str())));
    let sheet = quality(sheet, rows(), |row| Some(row.quality));
    let without = ["quality_without_errors", "without_errors_low", "without_errors_high"];
    estimate(sheet, without, rows(), |row| row.quality_without_errors)
        .count("items", rows().map(|row| Some(row.items)))
        .count("errors", rows().map(|row| Some(row.errors)))
        .number("usd_per_1k", rows().map(|row| row.cost_per_1k))
        .flag("machine_not_priced", rows().map(|row| Some(row.not_priced)))
        .number("p95_ms", rows().map(|row| row.p95_ms))
        .number("memory_gb", rows().map(|row| row.memory_gb))
        .flag("meets_needs", rows().map(|row| Some(row.meets_needs)))
        .text("misses", rows().map(|row| listed(&row.misses)))
        .flag("recommended", rows().map(|row| Some(recommended == Some(row.name.as_str()))))
}

fn policies(verdict: &Verdict) -> Sheet {
    let rows = || verdict.policies.iter();
    let recommended = verdict.recommended.as_ref().map(|recommended| recommended.name.as_str());
    let sheet = Sheet::new()
        .text("name", rows().map(|row| Some(row.name.as_str())))
        .text("kind", rows().map(|row| Some(row.kind.as_str())))
        .text("pool", rows().map(|row| row.pool.as_ref().map(|pool| pool.name.as_str())));
    let sheet = quality(sheet, rows(), |row| Some(row.quality));
    let gain = ["over_best_single", "over_best_single_low", "over_best_single_high"];
    let sheet = estimate(sheet, gain, rows(), |row| Some(row.gain_over_best_single));
    let gain = ["over_by_slice", "over_by_slice_low", "over_by_slice_high"];
    let sheet = estimate(sheet, gain, rows(), |row| row.gain_over_by_slice);
    let gain = ["over_zero_router", "over_zero_router_low", "over_zero_router_high"];
    estimate(sheet, gain, rows(), |row| row.gain_over_zero_router)
        .flag("clears_the_bar", rows().map(|row| Some(row.clears_the_bar)))
        .number("dial", rows().map(|row| row.dial.map(|dial| dial.0)))
        .number("usd_per_1k", rows().map(|row| row.cost_per_1k))
        .flag("machine_not_priced", rows().map(|row| Some(row.not_priced)))
        .number("p95_ms", rows().map(|row| row.p95_ms))
        .number("memory_gb", rows().map(|row| row.memory_gb))
        .flag("meets_needs", rows().map(|row| Some(row.meets_needs)))
        .text("misses", rows().map(|row| listed(&row.misses)))
        .flag("recommended", rows().map(|row| Some(recommended == Some(row.name.as_str()))))
}

fn shares(verdict: &Verdict) -> Sheet {
    let policies = verdict.policies.iter().map(|row| (row.name.as_str(), &row.share));
    // A single that is recommended is no row of the policies.
    let single =
        verdict.recommended.as_ref().filter(|one| policies.clone().all(|(name, _)| name != one.name));
    let all: Vec<(&str, &str, f64)> = single
        .map(|one| (one.name.as_str(), &one.share))
        .into_iter()
        .chain(policies)
        .flat_map(|(name, share)| {
            share.iter().map(move |(candidate, share)| (name, candidate.as_str(), *share))
        })
        .collect();
    Sheet::new()
        .text("policy", all.iter().map(|row| Some(row.0)))
        .text("candidate", all.iter().map(|row| Some(row.1)))
        .number("share", all.iter().map(|row| Some(row.2)))
}

fn measures(verdict: &Verdict) -> Sheet {
    let of = verdict.policies.iter();
    let all: Vec<(&str, &str, f64)> = of
        .flat_map(|row| row.measures.iter().map(|(name, value)| (row.name.as_str(), name.as_str(), *value)))
        .collect();
    Sheet::new()
        .text("policy", all.iter().map(|row| Some(row.0)))
        .text("measure", all.iter().map(|row| Some(row.1)))
        .number("value", all.iter().map(|row| Some(row.2)))
}

fn slices(verdict: &Verdict) -> Sheet {
    let of = verdict.candidates.iter();
    let all: Vec<_> = of
        .flat_map(|row| row.slices.iter().map(|(slice, cell)| (row.name.as_str(), slice.as_str(), *cell)))
        .collect();
    Sheet::new()
        .text("slice", all.iter().map(|row| Some(row.1)))
        .text("candidate", all.iter().map(|row| Some(row.0)))
        .number("quality", all.iter().map(|row| Some(row.2.mean)))
        .number("low", all.iter().map(|row| Some(row.2.low)))
        .number("high", all.iter().map(|row| Some(row.2.high)))
        .number("shrunken", all.iter().map(|row| Some(row.2.shrunken)))
        .count("items", all.iter().map(|row| Some(row.2.items)))
}

fn policy_slices(verdict: &Verdict) -> Sheet {
    let of = verdict.policies.iter();
    let all: Vec<_> = of.flat_map(|row| row.slices.iter().map(|slice| (row.name.as_str(), slice))).collect();
    let sheet = Sheet::new()
        .text("policy", all.iter().map(|row| Some(row.0)))
        .text("slice", all.iter().map(|row| Some(row.1.slice.as_str())));
    estimate(sheet, ["difference", "low", "high"], all.iter(), |row| Some(row.1.difference))
        .number("p_adjusted", all.iter().map(|row| Some(row.1.p_adjusted)))
}

fn pairs(verdict: &Verdict) -> Sheet {
    let rows = || verdict.comparisons.iter();
    let sheet = Sheet::new()
        .text("a", rows().map(|row| Some(row.a.as_str())))
        .text("b", rows().map(|row| Some(row.b.as_str())));
    estimate(sheet, ["a_minus_b", "low", "high"], rows(), |row| Some(row.difference))
        .number("p", rows().map(|row| Some(row.p)))
        .number("p_adjusted", rows().map(|row| Some(row.p_adjusted)))
        .flag("non_inferior", rows().map(|row| Some(row.non_inferior)))
        .count("items", rows().map(|row| Some(row.items)))
}

fn rescues(verdict: &Verdict) -> Sheet {
    let rows = || verdict.complementarity.iter();
    let sheet = Sheet::new()
        .text("wrong", rows().map(|row| Some(row.a.as_str())))
        .text("right", rows().map(|row| Some(row.b.as_str())));
    estimate(sheet, ["rescue_rate", "low", "high"], rows(), |row| Some(row.rescue_rate))
        .number("guess_rate", rows().map(|row| row.guess_rate))
        .flag("complementary", rows().map(|row| Some(row.complementary)))
}

fn frontier(verdict: &Verdict) -> Sheet {
    let line = |name: &'static str, points: &'_ [FrontierPoint]| -> Vec<(&'static str, FrontierPoint)> {
        points.iter().map(|point| (name, point.clone())).collect()
    };
    let mut all = line("frontier", &verdict.frontier);
    all.extend(line("zero-router", &verdict.zero_router));
    all.extend(line("oracle", verdict.oracle.as_slice()));
    Sheet::new()
        .text("line", all.iter().map(|row| Some(row.0)))
        .text("name", all.iter().map(|row| Some(row.1.name.as_str())))
        .number("usd_per_1k", all.iter().map(|row| Some(row.1.cost_per_1k)))
        .number("quality", all.iter().map(|row| Some(row.1.quality)))
        .number("low", all.iter().map(|row| row.1.low))
        .number("high", all.iter().map(|row| row.1.high))
}

fn curves(verdict: &Verdict) -> Sheet {
    let of = verdict.curves.iter();
    let all: Vec<(&str, &str, CurvePoint)> = of
        .flat_map(|curve| curve.points.iter().map(|point| (curve.name.as_str(), curve.kind.as_str(), *point)))
        .collect();
    Sheet::new()
        .text("policy", all.iter().map(|row| Some(row.0)))
        .text("kind", all.iter().map(|row| Some(row.1)))
        .number("dial", all.iter().map(|row| Some(row.2.dial.0)))
        .number("usd_per_1k", all.iter().map(|row| Some(row.2.cost_per_1k)))
        .number("quality", all.iter().map(|row| Some(row.2.quality)))
}

fn learning(verdict: &Verdict) -> Sheet {
    let of = |need: &DataNeed| need.points.clone();
    let all: Vec<(&str, u64, f64)> = verdict
        .data_needs
        .iter()
        .flat_map(|need| {
            of(need).into_iter().map(|(labels, quality)| (need.candidate.as_str(), labels, quality))
        })
        .collect();
    Sheet::new()
        .text("candidate", all.iter().map(|row| Some(row.0)))
        .count("labels", all.iter().map(|row| Some(row.1)))
        .number("quality", all.iter().map(|row| Some(row.2)))
}

fn learning_bands(verdict: &Verdict) -> Sheet {
    let of = verdict.data_needs.iter();
    let all: Vec<_> =
        of.flat_map(|need| need.band.iter().map(|band| (need.candidate.as_str(), *band))).collect();
    Sheet::new()
        .text("candidate", all.iter().map(|row| Some(row.0)))
        .count("labels", all.iter().map(|row| Some(row.1.labels)))
        .number("quality", all.iter().map(|row| Some(row.1.mid)))
        .number("low", all.iter().map(|row| Some(row.1.low)))
        .number("high", all.iter().map(|row| Some(row.1.high)))
}

fn data_needs(verdict: &Verdict) -> Sheet {
    let rows = || verdict.data_needs.iter();
    Sheet::new()
        .text("candidate", rows().map(|row| Some(row.candidate.as_str())))
        .count("labels_at_hand", rows().map(|row| row.labels))
        .text("overtakes", rows().map(|row| row.overtakes.as_ref().map(|over| over.other.as_str())))
        .count("overtakes_from", rows().map(|row| row.overtakes.as_ref().map(|over| over.labels.low)))
        .count("overtakes_to", rows().map(|row| row.overtakes.as_ref().map(|over| over.labels.high)))
        .number("overtakes_never", rows().map(|row| row.overtakes.as_ref().map(|over| over.never)))
        .number("next_gain", rows().map(|row| row.next_point.map(|next| next.gain)))
        .count("next_from", rows().map(|row| row.next_point.map(|next| next.labels.low)))
        .count("next_to", rows().map(|row| row.next_point.map(|next| next.labels.high)))
        .number("next_never", rows().map(|row| row.next_point.map(|next| next.never)))
}

fn asked(verdict: &Verdict) -> Sheet {
    let rows = || verdict.measured.iter();
    let kinds = |errors: &std::collections::BTreeMap<String, u64>| {
        listed(&errors.iter().map(|(kind, count)| format!("{kind} {count}")).collect::<Vec<_>>())
    };
    Sheet::new()
        .text("candidate", rows().map(|row| Some(row.name.as_str())))
        .count("items", rows().map(|row| Some(row.items)))
        .count("answered", rows().map(|row| Some(row.answered)))
        .count("requests", rows().map(|row| Some(row.requests)))
        .text("errors", rows().map(|row| kinds(&row.errors)))
        .count("cut", rows().map(|row| Some(row.cut)))
        .count("input_tokens", rows().map(|row| Some(row.input_tokens)))
        .count("output_tokens", rows().map(|row| Some(row.output_tokens)))
        .number("cost_usd", rows().map(|row| row.cost_usd))
        .number("p50_ms", rows().map(|row| row.latency_ms.map(|latency| latency.p50)))
        .number("p95_ms", rows().map(|row| row.latency_ms.map(|latency| latency.p95)))
        .number("p99_ms", rows().map(|row| row.latency_ms.map(|latency| latency.p99)))
        .text("stopped", rows().map(|row| row.stopped.as_ref().map(|stopped| stopped.why.as_str())))
        .count("saved_items", rows().map(|row| row.stopped.as_ref().map(|stopped| stopped.saved_items)))
        .number("saved_usd", rows().map(|row| row.stopped.as_ref().and_then(|stopped| stopped.saved_usd)))
}

fn hosting(verdict: &Verdict) -> Sheet {
    let rows = || verdict.deployment.iter();
    Sheet::new()
        .text("candidate", rows().map(|row| Some(row.name.as_str())))
        .count("parameters", rows().map(|row| Some(row.parameters)))
        .count("disk_bytes", rows().map(|row| Some(row.disk_bytes)))
        .count("memory_bytes", rows().map(|row| Some(row.memory_bytes)))
        .count("peak_memory_bytes", rows().map(|row| row.peak_memory_bytes))
        .number("load_ms", rows().map(|row| Some(row.load_ms)))
        .number("p50_ms", rows().map(|row| Some(row.latency_ms.p50)))
        .number("p95_ms", rows().map(|row| Some(row.latency_ms.p95)))
        .number("p99_ms", rows().map(|row| Some(row.latency_ms.p99)))
        .number("per_second", rows().map(|row| Some(row.per_second)))
        .count("best_batch", rows().map(|row| Some(row.best_batch)))
        .number("best_per_second", rows().map(|row| Some(row.best_per_second)))
        .count("threads", rows().map(|row| Some(row.threads)))
        .text("cpu", rows().map(|row| Some(row.machine.cpu.as_str())))
        .count("cores", rows().map(|row| Some(row.machine.cores)))
}

fn break_even(verdict: &Verdict) -> Sheet {
    let rows = || verdict.break_even.iter();
    Sheet::new()
        .text("hosted", rows().map(|row| Some(row.hosted.as_str())))
        .text("api", rows().map(|row| Some(row.api.as_str())))
        .number("usd_per_hour", rows().map(|row| Some(row.per_hour)))
        .number("items_per_second", rows().map(|row| row.items_per_second))
        .number("api_usd_per_1k", rows().map(|row| Some(row.api_cost_per_1k)))
        .number("volume_per_day", rows().map(|row| row.volume_per_day))
        .number("always_above", rows().map(|row| row.always_above))
        .number("hosted_quality", rows().map(|row| Some(row.hosted_quality.mean)))
        .number("api_quality", rows().map(|row| Some(row.api_quality.mean)))
}

fn floors(verdict: &Verdict) -> Sheet {
    let rows = || verdict.basis.floors.iter();
    Sheet::new()
        .text("name", rows().map(|row| Some(row.name.as_str())))
        .number("quality", rows().map(|row| Some(row.quality)))
}

fn series(verdict: &Verdict) -> Sheet {
    let mut all: Vec<(&str, &str, Option<&str>, usize, f64)> = Vec::new();
    for shown in &verdict.series {
        let id = shown.id.as_str();
        all.extend(shown.past.iter().enumerate().map(|(at, value)| (id, "known", None, at, *value)));
        let next = shown.past.len();
        all.extend(shown.target.iter().enumerate().map(|(at, value)| (id, "came", None, next + at, *value)));
        for forecast in &shown.forecasts {
            let name = Some(forecast.name.as_str());
            let values = forecast.values.iter().enumerate();
            all.extend(values.map(|(at, value)| (id, "forecast", name, next + at, *value)));
        }
    }
    Sheet::new()
        .text("series", all.iter().map(|row| Some(row.0)))
        .text("what", all.iter().map(|row| Some(row.1)))
        .text("candidate", all.iter().map(|row| row.2))
        .count("step", all.iter().map(|row| Some(row.3 as u64)))
        .number("value", all.iter().map(|row| Some(row.4)))
}
