//! A network of images and the items that it is trained on.

use std::collections::BTreeMap;

use candle_core::{Tensor, Var};
use ordinate_core::random::{SplitMix, mix};
use ordinate_models::encoder::Problem;
use ordinate_models::vision::{Planes, Sample, TrainsImages};
use ordinate_models::{ModelError, Stop};

use crate::batches::batches;
use crate::loss::Targets;
use crate::objective::Objective;
use crate::validation::{Validated, validated};

/// Pixels that go through the layers together in training: what a graph keeps of them is the memory that training takes (about
/// 2 kB a pixel).
const PIXELS: usize = 1 << 17;
/// Images that are answered together.
const READ: usize = 64;
/// Images are moved by at most one part in so many of their sides.
const SHIFT: usize = 12;
/// How much brighter and how much richer in contrast they become at most.
const LIGHT: f64 = 0.2;

/// A network that is trained.
pub(crate) struct Pictured<'a> {
    pub(crate) model: &'a dyn TrainsImages,
    pub(crate) planes: Planes,
    pub(crate) targets: Targets,
    /// The right label of each item.
    pub(crate) right: Vec<Vec<usize>>,
    /// The items that are learned from.
    pub(crate) learned: Vec<usize>,
    /// The items that are held out.
    pub(crate) held: Vec<usize>,
    pub(crate) batch: usize,
    pub(crate) seed: u64,
}

impl Pictured<'_> {
    /// The item of a place. A place is an item in a pass, so that in each pass an image looks a little different, and a training
    /// that goes on after a kill draws what it would have drawn.
    fn item(&self, place: usize) -> usize {
        place % self.planes.len().max(1)
    }

    /// How an image looks in a pass: moved by a few pixels, brighter or darker, of more or less contrast. It is not mirrored:
    /// digits and letters would become others.
    fn look(&self, place: usize) -> Sample {
        let mut random = SplitMix::new(mix(self.seed ^ mix(place as u64)));
        let config = self.model.config();
        let mut shift = |side: usize| {
            let reach = (side / SHIFT).max(1);
            i32::try_from(random.below(2 * reach + 1)).unwrap_or(0) - i32::try_from(reach).unwrap_or(0)
        };
        let shift = (shift(config.width), shift(config.height));
        let mut light = || (LIGHT * (2.0 * random.unit() - 1.0)) as f32;
        Sample { shift, gain: 1.0 + light(), offset: light() }
    }

    /// The logits of items as they are, in their order.
    pub(crate) fn logits(&self, items: &[usize], stop: Stop<'_>) -> Result<Vec<Vec<f32>>, ModelError> {
        let mut all = Vec::with_capacity(items.len());
        for items in items.chunks(READ) {
            stop.check()?;
            let images = self.planes.batch(items, self.model.config(), |_| Sample::PLAIN)?;
            let logits = self.model.logits(&images)?.to_vec2::<f32>();
            all.extend(logits.map_err(|error| ModelError::Failed(error.to_string()))?);
        }
        Ok(all)
    }
}

impl Objective for Pictured<'_> {
    fn variables(&self) -> &BTreeMap<String, Var> {
        self.model.variables()
    }

    fn is_new(&self, name: &str) -> bool {
        self.model.is_fresh(name)
    }

    fn batches(&self, pass: u64) -> Vec<Vec<usize>> {
        let first = usize::try_from(pass).unwrap_or(0) * self.planes.len();
        let places: Vec<usize> = self.learned.iter().map(|at| first + at).collect();
        batches(&places, |_| 1, self.batch, self.seed, pass)
    }

    fn parts<'a>(&self, batch: &'a [usize]) -> Vec<&'a [usize]> {
        let config = self.model.config();
        batch.chunks((PIXELS / (config.width * config.height).max(1)).max(1)).collect()
    }

    fn loss(&self, part: &[usize], batch: &[usize]) -> Result<Tensor, ModelError> {
        let items = |places: &[usize]| places.iter().map(|&place| self.item(place)).collect::<Vec<usize>>();
        let (of_part, of_batch) = (items(part), items(batch));
        let images = self.planes.batch(&of_part, self.model.config(), |at| self.look(part[at]))?;
        let logits = self.model.logits(&images)?;
        let loss = self.targets.loss(&logits, &of_part, &of_batch);
        loss.map_err(|error| ModelError::Failed(error.to_string()))
    }

    fn validate(&self) -> Result<Option<Validated>, ModelError> {
        if self.held.is_empty() {
            return Ok(None);
        }
        let logits = self.logits(&self.held, Stop::NEVER)?;
        let right: Vec<Vec<usize>> = self.held.iter().map(|&at| self.right[at].clone()).collect();
        Ok(Some(validated(Problem::OneLabel, &logits, &right)))
    }
}
