//! Evidence from known truths.
#![allow(dead_code, unreachable_pub)] // each test file uses its own part

use ordinate_combine::random::SplitMix;
use ordinate_combine::{Plan, learn};
use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
use ordinate_core::verdict::Verdict;
use ordinate_core::{Answer, Candidate, CandidateName, Evidence, Lineage, Needs, OutputKind, Score};
use ordinate_judge::{Resampling, Setting, decide};

/// Models with a known probability of being right, independent of each other given the group.
pub struct Pool {
    pub items: usize,
    pub slices: usize,
    /// Number of groups; every model's luck is shared by the items of a group.
    pub groups: Option<usize>,
    /// Probability of being right, one a model; `m0` is general, `m1` vertical, and so on in turn.
    pub truth: Vec<f64>,
    pub seed: u64,
}

/// What a model that is right, or wrong, says about a choice of four; the right letter is that of the item.
fn letter(item: usize, right: bool, random: &mut SplitMix) -> &'static str {
    const LETTERS: [&str; 4] = ["A", "B", "C", "D"];
    let off = if right { 0 } else { 1 + (3.0 * random.unit()) as usize };
    LETTERS[(item * 7 + off) % 4]
}

/// Words that say nothing of who is right.
fn words(random: &mut SplitMix) -> String {
    let word = |_| ["ba", "do", "ke", "lim", "nu", "pra", "so", "tev"][(8.0 * random.unit()) as usize];
    (0..12).map(word).collect::<Vec<_>>().join(" ")
}

impl Pool {
    pub fn evidence(&self) -> Evidence {
        self.evidence_with(|_, _, quality| quality)
    }

    /// With inputs, which say nothing, and outputs, so that every policy has something to learn from.
    pub fn spoken(&self) -> Evidence {
        self.build(|_, _, quality| quality, true)
    }

    /// With inputs and outputs, and qualities that depend on model and slice.
    pub fn spoken_with(&self, quality: impl Fn(usize, usize, f64) -> f64) -> Evidence {
        self.build(quality, true)
    }

    /// With qualities that depend on model and slice.
    pub fn evidence_with(&self, quality: impl Fn(usize, usize, f64) -> f64) -> Evidence {
        self.build(quality, false)
    }

    fn build(&self, quality: impl Fn(usize, usize, f64) -> f64, speaks: bool) -> Evidence {
        let mut random = SplitMix::new(self.seed.wrapping_mul(0x9e37_79b9) + 17);
        let mut babble = SplitMix::new(self.seed + 1);
        let candidates = (0..self.truth.len()).map(|model| {
            let lineage = if model % 2 == 0 { Lineage::General } else { Lineage::Vertical };
            Candidate::new(CandidateName::new(&format!("m{model}")).unwrap(), lineage)
        });
        let mut builder = EvidenceBuilder::new(candidates).unwrap();
        let luck: Vec<f64> =
            (0..self.groups.unwrap_or(0) * self.truth.len()).map(|_| random.unit()).collect();
        for item in 0..self.items {
            let slice = item % self.slices;
            let (slice_name, group_name) =
                (format!("s{slice}"), self.groups.map(|g| format!("g{}", item % g)));
            let input = speaks.then(|| words(&mut babble));
            let fields = ItemFields {
                slice: Some(&slice_name),
                group: group_name.as_deref(),
                input: input.as_deref(),
                ..Default::default()
            };
            let row = builder.add_item(&item.to_string(), fields).unwrap();
            for (model, truth) in self.truth.iter().enumerate() {
                // Half of the luck is the group's, where there are groups.
                let own = random.unit();
                let draw = match self.groups {
                    Some(groups) if random.unit() < 0.5 => luck[item % groups * self.truth.len() + model],
                    _ => own,
                };
                let right = draw < quality(model, slice, *truth);
                let score = if right { Score::ONE } else { Score::ZERO };
                let cost_usd = Some(0.001 * (model + 1) as f64);
                let output = speaks.then(|| letter(item, right, &mut babble));
                let answer = Answer { score: Some(score), output, cost_usd, ..Default::default() };
                builder.answer(row, model, &answer).unwrap();
            }
        }
        let evidence = builder.finish().unwrap();
        if speaks { evidence.with_output_kind(OutputKind::Label) } else { evidence }
    }
}

/// The verdict with every learner, 500 resamples.
pub fn verdict(evidence: &Evidence, needs: &[&str]) -> Verdict {
    let mut all = Needs::default();
    for need in needs {
        all.set(need).unwrap();
    }
    let learners = ordinate_combine::learners(None);
    let learned = learn(&evidence.view(), &learners, &Plan { folds: 5, seed: 1 }).unwrap();
    decide(&learned.trials, &all, &setting())
}

/// 500 resamples.
pub fn setting() -> Setting {
    Setting {
        task: "simulated".to_owned(),
        resampling: Resampling { resamples: 500.try_into().unwrap(), seed: 1, interval: Default::default() },
        guess_rate: None,
        metric: None,
        floors: Vec::new(),
        notes: Vec::new(),
        hosted: Vec::new(),
        measured: Vec::new(),
        deployment: Vec::new(),
        series: Vec::new(),
        learning: Vec::new(),
        judge: None,
    }
}
