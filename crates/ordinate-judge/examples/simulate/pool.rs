//! Tasks with a known truth: items, and candidates that are right with a known probability.

use ordinate_combine::random::{SplitMix, mix};
use ordinate_core::evidence::{EvidenceBuilder, ItemFields};
use ordinate_core::{Answer, Candidate, CandidateName, Evidence, Lineage, OutputKind, Score};

/// On which items one candidate is better than the others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Know {
    /// On none: all are equal.
    Nothing,
    /// The first is better by this much on even slices and worse on odd ones; the second the other way round.
    Slices(f64),
    /// The same by a word in the text, which tells which of the two is better.
    Text(f64),
}

/// A kind of task.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pool {
    pub(crate) candidates: usize,
    /// The mean quality of every candidate.
    pub(crate) quality: f64,
    pub(crate) know: Know,
    /// Slices; 0 for none.
    pub(crate) slices: usize,
    pub(crate) texts: bool,
    pub(crate) outputs: bool,
    /// Items of a group, which share half of every candidate's luck; 1 for none.
    pub(crate) of_group: usize,
}

const LETTERS: [&str; 4] = ["A", "B", "C", "D"];
const WORDS: [&str; 24] = [
    "ba", "do", "ke", "lim", "nu", "pra", "so", "tev", "gor", "hul", "jin", "mek", "nol", "pif", "quer",
    "rud", "sal", "tum", "ulk", "vad", "wex", "yor", "zim", "os",
];
/// The words that tell who is better.
const CUES: [&str; 2] = ["lanterns", "harbours"];

impl Pool {
    /// Equal candidates without anything to learn from.
    pub(crate) const PLAIN: Self = Self {
        candidates: 2,
        quality: 0.7,
        know: Know::Nothing,
        slices: 0,
        texts: false,
        outputs: false,
        of_group: 1,
    };

    /// How likely a candidate is right on an item of this slice and cue.
    fn right(&self, candidate: usize, slice: usize, cue: usize) -> f64 {
        let (gain, side) = match self.know {
            Know::Nothing => return self.quality,
            Know::Slices(gain) => (gain, slice % 2),
            Know::Text(gain) => (gain, cue),
        };
        match candidate {
            0 | 1 => self.quality + if candidate == side { gain } else { -gain },
            _ => self.quality,
        }
    }

    /// How likely each candidate is right on each of these items.
    pub(crate) fn chances(&self, evidence: &Evidence) -> Vec<Vec<f64>> {
        let items = evidence.items();
        let slices = items.slices();
        let of_item = |row: usize| {
            let name = slices.names().iter().nth(slices.codes()[row] as usize);
            let slice = name.and_then(|name| name.strip_prefix('s')?.parse().ok()).unwrap_or(0);
            let cue = usize::from(items.input(row).is_some_and(|text| text.contains(CUES[1])));
            (0..self.candidates).map(|candidate| self.right(candidate, slice, cue)).collect()
        };
        (0..evidence.len()).map(of_item).collect()
    }

    /// So many items of this kind. Candidates are general and vertical in turn.
    pub(crate) fn evidence(&self, items: usize, seed: u64) -> Evidence {
        let mut random = SplitMix::new(mix(mix(seed) ^ 0x51));
        let candidates = (0..self.candidates).map(|candidate| {
            let lineage = if candidate % 2 == 0 { Lineage::General } else { Lineage::Vertical };
            Candidate::new(CandidateName::new(&format!("m{candidate}")).expect("a name"), lineage)
        });
        let mut builder = EvidenceBuilder::new(candidates).expect("candidates");
        let mut luck = vec![0.5; self.candidates];
        for item in 0..items {
            if item % self.of_group == 0 {
                luck.iter_mut().for_each(|luck| *luck = random.unit());
            }
            let slice = (random.unit() * self.slices.max(1) as f64) as usize;
            let cue = usize::from(random.unit() < 0.5);
            let text = self.text(&mut random, cue);
            let (slice_name, group_name) = (format!("s{slice}"), format!("g{}", item / self.of_group));
            let fields = ItemFields {
                slice: (self.slices > 0).then_some(slice_name.as_str()),
                group: (self.of_group > 1).then_some(group_name.as_str()),
                input: text.as_deref(),
                ..Default::default()
            };
            let row = builder.add_item(&format!("{seed}-{item}"), fields).expect("an item");
            let truth = (random.unit() * 4.0) as usize;
            // Equals that err apart from one another are not equal to their vote. So either all are right, or each is with
            // a half, and those that are wrong say the same.
            let tossed = (self.outputs && self.know == Know::Nothing).then(|| {
                let open = random.unit() < 2.0 * (1.0 - self.quality);
                (open, 1 + (random.unit() * 3.0) as usize)
            });
            for (candidate, &shared) in luck.iter().enumerate() {
                let own = random.unit();
                let draw = if self.of_group > 1 && random.unit() < 0.5 { shared } else { own };
                let right = match tossed {
                    Some((open, _)) => !open || draw < 0.5,
                    None => draw < self.right(candidate, slice, cue),
                };
                let off = match tossed {
                    _ if right => 0,
                    Some((_, wrong)) => wrong,
                    None => 1 + (random.unit() * 3.0) as usize,
                };
                let said = LETTERS[(truth + off) % 4];
                let answer = Answer {
                    score: Some(if right { Score::ONE } else { Score::ZERO }),
                    output: self.outputs.then_some(said),
                    cost_usd: Some(0.001 * (candidate + 1) as f64),
                    ..Default::default()
                };
                builder.answer(row, candidate, &answer).expect("an answer");
            }
        }
        let evidence = builder.finish().expect("evidence");
        if self.outputs { evidence.with_output_kind(OutputKind::Label) } else { evidence }
    }

    fn text(&self, random: &mut SplitMix, cue: usize) -> Option<String> {
        if !self.texts {
            return None;
        }
        let mut words: Vec<&str> =
            (0..14).map(|_| WORDS[(random.unit() * WORDS.len() as f64) as usize]).collect();
        let place = (random.unit() * words.len() as f64) as usize;
        words[place] = CUES[cue];
        Some(words.join(" "))
    }
}
