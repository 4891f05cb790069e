//! Verdicts to show: small ones made by hand, and large or hostile ones.
#![allow(dead_code, clippy::unwrap_used)] // each test file uses some of them, and a test may

mod pairs;

use std::collections::BTreeMap;

use ordinate_core::needs::{Goal, Needs};
use ordinate_core::policy::{Dial, PolicyKind};
use ordinate_core::verdict::*;
use ordinate_core::{CandidateName, Lineage};
use pairs::{comparison, rescue};

/// What a name may try: elements, attributes, entities, the ends of CDATA and comments, template syntax.
pub(crate) const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "]]></title></desc></svg></style></script><b id=pwned>",
    "<!-- --> &lt;b&gt; &amp;",
    "{{ 7 * 7 }} {% include \"x\" %}",
    "javascript:alert(1)",
    "gpt\u{202e}4-lacol\u{2066}\u{200b}",
];

pub(crate) fn estimate(mean: f64, half: f64) -> Estimate {
    Estimate { mean, low: mean - half, high: mean + half }
}

pub(crate) fn candidate(name: &str, lineage: Lineage, quality: f64, cost: Option<f64>) -> CandidateRow {
    let slices = [("contract", 0.03), ("statute", -0.05)]
        .map(|(slice, offset)| (slice.to_owned(), cell(quality + offset)))
        .into_iter()
        .collect();
    CandidateRow {
        name: CandidateName::new(name).unwrap(),
        lineage,
        quality: estimate(quality, 0.02),
        quality_without_errors: None,
        items: 1_200,
        cost_per_1k: cost,
        not_priced: false,
        p95_ms: None,
        memory_gb: None,
        errors: 0,
        meets_needs: true,
        misses: Vec::new(),
        slices,
    }
}

fn cell(mean: f64) -> SliceCell {
    SliceCell { mean, low: mean - 0.03, high: mean + 0.03, shrunken: mean * 0.9 + 0.05, items: 600 }
}

pub(crate) fn policy(
    name: &str,
    kind: PolicyKind,
    quality: f64,
    cost: Option<f64>,
    share: &[(&str, f64)],
) -> PolicyRow {
    PolicyRow {
        name: name.to_owned(),
        kind,
        quality: estimate(quality, 0.02),
        gain_over_best_single: estimate(0.041, 0.012),
        gain_over_by_slice: (kind != PolicyKind::BySlice).then(|| estimate(-0.004, 0.009)),
        gain_over_zero_router: Some(estimate(0.05, 0.01)),
        cost_per_1k: cost,
        not_priced: false,
        p95_ms: Some(1_840.0),
        memory_gb: Some(26.0),
        share: share.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect(),
        meets_needs: true,
        misses: Vec::new(),
        clears_the_bar: kind == PolicyKind::BySlice,
        dial: Some(Dial(0.0)),
        mix: None,
        promise: None,
        file: None,
        slices: vec![
            SliceGain { slice: "statute".to_owned(), difference: estimate(0.11, 0.03), p_adjusted: 0.0001 },
            SliceGain { slice: "contract".to_owned(), difference: estimate(-0.04, 0.02), p_adjusted: 0.031 },
        ],
        measures: BTreeMap::from([("aiq".to_owned(), 0.5612), ("regret".to_owned(), 0.081)]),
        pool: None,
        folding_share: None,
    }
}

/// Two candidates and a policy that joins them: outcome `combined`.
pub(crate) fn combined() -> Verdict {
    let share = [("gpt-large", 0.62), ("law-7b", 0.38)];
    let candidates = vec![
        candidate("gpt-large", Lineage::General, 0.712, Some(14.08)),
        candidate("law-7b", Lineage::Vertical, 0.655, Some(0.12)),
        CandidateRow { errors: 31, ..candidate("minilm-probe", Lineage::Transferred, 0.601, Some(0.0)) },
    ];
    let policies = vec![
        policy("by-slice", PolicyKind::BySlice, 0.753, Some(8.77), &share),
        policy("route", PolicyKind::Route, 0.749, Some(7.9), &share),
    ];
    let point = |name: &str, cost_per_1k, quality: f64| FrontierPoint {
        name: name.to_owned(),
        cost_per_1k,
        quality,
        low: Some(quality - 0.02),
        high: Some(quality + 0.02),
    };
    Verdict {
        version: VERSION,
        task: "contracts".to_owned(),
        outcome: Outcome::Combined,
        recommended: Some(Recommended {
            name: "by-slice".to_owned(),
            kind: PolicyKind::BySlice,
            lineage: "mixed".to_owned(),
            quality: estimate(0.753, 0.02),
            cost_per_1k: Some(8.77),
            not_priced: false,
            p95_ms: Some(1_840.0),
            memory_gb: Some(26.0),
            share: policies[0].share.clone(),
            dial: Some(Dial(0.0)),
            mix: None,
            file: Some("policies/by-slice.json".to_owned()),
        }),
        needs: Needs { goal: Goal::Quality, max_cost_per_1k: Some(10.0), ..Needs::default() },
        basis: Basis {
            items: 1_200,
            metric: None,
            floors: Vec::new(),
            groups: Some(80),
            slices: 2,
            folds: Some(5),
            foldings: Some(2),
            resamples: 2_000,
            seed: 1,
            interval: "bca".to_owned(),
            margin: 0.01,
            ordinate: "0.1.0".to_owned(),
        },
        comparisons: vec![comparison("gpt-large", "law-7b"), comparison("law-7b", "minilm-probe")],
        frontier: vec![point("minilm-probe", 0.0, 0.601), point("law-7b", 0.12, 0.655), point("by-slice", 8.77, 0.753)],
        curves: vec![Curve {
            name: "route".to_owned(),
            kind: PolicyKind::Route,
            points: [(0.12, 0.655), (1.0, 0.70), (4.0, 0.74), (7.9, 0.749)]
                .map(|(cost_per_1k, quality)| CurvePoint { dial: Dial(1.0 / cost_per_1k), cost_per_1k, quality })
                .to_vec(),
        }],
        zero_router: vec![point("minilm-probe", 0.0, 0.601), point("law-7b", 0.12, 0.655), point("gpt-large", 14.08, 0.712)],
        oracle: Some(FrontierPoint { name: "oracle".to_owned(), cost_per_1k: 6.0, quality: 0.861, low: None, high: None }),
        data_needs: vec![DataNeed {
            candidate: "minilm-probe".to_owned(),
            points: vec![(50, 0.41), (500, 0.56), (5_000, 0.601)],
            overtakes: Some(Overtakes { other: "law-7b".to_owned(), labels: LabelRange { low: 9_000, high: 21_000 }, never: 0.1 }),
            labels: Some(5_000),
            draws: Some(3),
            band: [(50, 0.40), (500, 0.55), (5_000, 0.60), (50_000, 0.69)]
                .map(|(labels, mid)| LearningBand { labels, low: mid - 0.02, mid, high: mid + 0.02 })
                .to_vec(),
            families: vec![FamilyWeight { family: "pow3".to_owned(), weight: 1.0 }],
            next_point: Some(NextPoint { gain: 0.01, labels: LabelRange { low: 5_900, high: 8_100 }, never: 0.0 }),
        }],
        complementarity: vec![
            rescue("gpt-large", "law-7b", 0.44, Some(0.25), true),
            rescue("law-7b", "minilm-probe", 0.26, Some(0.25), false),
            rescue("minilm-probe", "gpt-large", 0.51, None, false),
        ],
        undecided: None,
        errors_left_out: None,
        missing_at_worst: None,
        crossing: None,
        measured: Vec::new(),
        deployment: Vec::new(),
        series: Vec::new(),
        break_even: Vec::new(),
        judge: None,
        why: vec![
            "by-slice reaches 0.753 [0.733, 0.773], the best of what meets the needs.".to_owned(),
            "It beats the best single, gpt-large, by 0.041 [0.029, 0.053] on the same items, at 0.62 of its cost."
                .to_owned(),
        ],
        assumed: vec!["Costs are estimates: token counts were estimated from text lengths.".to_owned()],
        candidates,
        policies,
    }
}

/// [`combined`] with a candidate that was asked.
pub(crate) fn asked() -> Verdict {
    let mut verdict = combined();
    let errors = [("empty", 3), ("unreadable", 45), ("filtered", 5), ("overloaded", 7)];
    verdict.basis.metric = Some("accuracy".to_owned());
    verdict.basis.floors = vec![Floor { name: "always \"A\"".to_owned(), quality: 0.323 }];
    verdict.measured = vec![Measured {
        name: verdict.candidates[0].name.clone(),
        items: 1_000,
        answered: 1_000,
        requests: 1_010,
        errors: errors.into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect(),
        cut: 48,
        other_models: [("gpt-small".to_owned(), 12)].into(),
        tokens_unbelievable: 0,
        tokens_disagree: 0,
        input_tokens: 1,
        output_tokens: 1,
        cost_usd: None,
        latency_ms: None,
        first_token_ms: None,
        stopped: None,
    }];
    verdict
}

/// [`combined`] with two candidates that ran here, one of them hosted by the hour.
pub(crate) fn deployed() -> Verdict {
    let mut verdict = combined();
    let one = |name: &str, peak, best_batch| Deployment {
        name: CandidateName::new(name).unwrap(),
        parameters: 7_600_000,
        disk_bytes: 31_000_000,
        memory_bytes: 30_400_000,
        peak_memory_bytes: peak,
        load_ms: 84.2,
        latency_ms: Percentiles { p50: 0.064, p95: 3.21, p99: 1_250.0 },
        items: 256,
        per_second: 9.5,
        best_batch,
        best_per_second: 2_345.6,
        threads: 2,
        machine: Machine { cpu: "AMD EPYC".to_owned(), cores: 2 },
    };
    verdict.deployment = vec![one("minilm-probe", Some(96_000_000), 32), one("law-7b", None, 1)];
    let pair = |hosted: &str, api: &str, volume_per_day, always_above| BreakEven {
        hosted: CandidateName::new(hosted).unwrap(),
        api: CandidateName::new(api).unwrap(),
        per_hour: 0.5,
        items_per_second: Some(2_345.6),
        api_cost_per_1k: 14.08,
        volume_per_day,
        always_above,
        hosted_quality: estimate(0.601, 0.02),
        api_quality: estimate(0.712, 0.02),
    };
    verdict.break_even = vec![
        pair("minilm-probe", "gpt-large", Some(852.3), Some(852.3)),
        pair("minilm-probe", "law-7b", None, None),
        pair("law-7b", "gpt-large", Some(12_000.0), Some(36_000.0)),
    ];
    verdict
}

/// Two singles that the data cannot separate; costs and latencies unknown.
pub(crate) fn undecided() -> Verdict {
    let mut verdict = combined();
    verdict.outcome = Outcome::Undecided;
    verdict.candidates = vec![
        candidate("gpt-large", Lineage::General, 0.712, None),
        candidate("law-7b", Lineage::Vertical, 0.705, None),
    ];
    verdict.policies.clear();
    verdict.curves.clear();
    verdict.frontier.clear();
    verdict.zero_router.clear();
    verdict.oracle = None;
    verdict.data_needs.clear();
    verdict.recommended = Some(Recommended {
        name: "gpt-large".to_owned(),
        kind: PolicyKind::Single,
        lineage: "general".to_owned(),
        quality: estimate(0.712, 0.02),
        cost_per_1k: None,
        not_priced: false,
        p95_ms: None,
        memory_gb: None,
        share: BTreeMap::from([("gpt-large".to_owned(), 1.0)]),
        dial: None,
        mix: None,
        file: None,
    });
    verdict.undecided = Some(Undecided { smallest_detectable: 0.028, items_needed: 19_000 });
    verdict.errors_left_out =
        Some(OtherReading { outcome: Outcome::Vertical, recommended: Some("law-7b".to_owned()) });
    verdict.why =
        vec!["gpt-large leads law-7b by 0.007 [-0.015, 0.028]: the margin of 0.01 is inside.".to_owned()];
    verdict
}

/// Needs that nothing meets.
pub(crate) fn no_policy() -> Verdict {
    let mut verdict = combined();
    verdict.recommended = None;
    verdict.needs.max_cost_per_1k = Some(0.0);
    verdict.needs.min_quality = Some(0.9);
    for row in &mut verdict.candidates {
        row.meets_needs = false;
        row.misses = vec![format!("quality of at least 0.9 (its lower bound is {:.3})", row.quality.low)];
    }
    for row in &mut verdict.policies {
        row.meets_needs = false;
        row.misses =
            vec!["quality of at least 0.9".to_owned(), "cost of at most 0 USD per 1,000 items".to_owned()];
    }
    verdict.why = vec!["min_quality = 0.9 excludes the most: all 3 candidates and both policies.".to_owned()];
    verdict
}

/// Every name, reason and slice in Chinese.
pub(crate) fn chinese() -> Verdict {
    renamed(&combined(), |text| match text {
        "gpt-large" => "通义千问-大模型-2024年版".to_owned(),
        "law-7b" => "夫子·明察司法大模型".to_owned(),
        "minilm-probe" => "迁移模型".to_owned(),
        "by-slice" => "按领域查表".to_owned(),
        "contracts" => "合同审查".to_owned(),
        _ => text.replace("the best single", "最好的单一模型"),
    })
}

/// Every text of others is one of [`HOSTILE`], with escape sequences where names allow control characters.
/// With `turn` from 0 to 7, every text takes every name.
pub(crate) fn hostile(turn: usize) -> Verdict {
    let mut others = 0;
    renamed(&deployed(), |text| {
        let known =
            ["gpt-large", "law-7b", "minilm-probe", "by-slice", "route"].iter().position(|n| *n == text);
        let index = known.unwrap_or_else(|| {
            others += 1;
            others
        });
        // Candidates' names may hold no control characters; everything else may.
        let escapes =
            if known.is_some_and(|known| known < 3) { "" } else { "\u{1b}[2J\u{1b}]0;pwned\u{7}\r\n" };
        format!("{}{escapes}", HOSTILE[(index + turn) % HOSTILE.len()])
    })
}

/// `verdict` with every text of others changed: names, slices, reasons, but not the words of the format.
pub(crate) fn renamed(verdict: &Verdict, mut rename: impl FnMut(&str) -> String) -> Verdict {
    const FIXED: [&str; 5] = ["lineage", "outcome", "kind", "goal", "stay_local"];
    const KEYED: [&str; 3] = ["share", "slices", "measures"];
    fn walk(value: &mut serde_json::Value, rename: &mut impl FnMut(&str) -> String) {
        use serde_json::Value;
        match value {
            Value::String(text) => *text = rename(text),
            Value::Array(values) => values.iter_mut().for_each(|value| walk(value, rename)),
            Value::Object(fields) => {
                for (key, value) in fields.iter_mut().filter(|(key, _)| !FIXED.contains(&key.as_str())) {
                    if let (true, Value::Object(map)) = (KEYED.contains(&key.as_str()), &mut *value) {
                        *map = std::mem::take(map).into_iter().map(|(k, v)| (rename(&k), v)).collect();
                    }
                    walk(value, rename);
                }
            }
            _ => {}
        }
    }
    let mut value = serde_json::to_value(verdict).unwrap();
    walk(&mut value, &mut rename);
    serde_json::from_value(value).unwrap()
}

/// Many candidates with the longest names there are, and many slices.
pub(crate) fn large(candidates: usize, slices: usize) -> Verdict {
    let mut verdict = combined();
    let name =
        |i: usize| format!("{i:02}-{}", "超长的模型名字".repeat(10).chars().take(65).collect::<String>());
    let lineages = [Lineage::General, Lineage::Vertical, Lineage::Transferred];
    verdict.candidates = (0..candidates)
        .map(|i| {
            let quality = 0.8 - i as f64 * 0.03;
            let mut row = candidate(
                &name(i),
                lineages[i % 3],
                quality,
                (i % 5 > 0).then(|| 0.1 * 1.6f64.powi(i as i32)),
            );
            row.slices = (0..slices)
                .map(|s| (format!("slice {s:03}"), cell(quality + (s * (i + 3) % 17) as f64 / 100.0)))
                .collect();
            row
        })
        .collect();
    verdict.comparisons = (0..candidates)
        .flat_map(|i| (i + 1..candidates).map(move |j| (i, j)))
        .map(|(i, j)| comparison(&name(i), &name(j)))
        .collect();
    verdict.complementarity = (0..candidates)
        .flat_map(|i| (0..candidates).filter(move |j| *j != i).map(move |j| (i, j)))
        .map(|(i, j)| rescue(&name(i), &name(j), 0.3 + (i * j % 7) as f64 / 50.0, Some(0.25), i < j))
        .collect();
    verdict.basis.slices = slices as u64;
    verdict
}
