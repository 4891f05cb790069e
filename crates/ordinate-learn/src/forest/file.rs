//! A forest in a file: bytes in base64.
//!
//! Per node, trees in pre-order, little-endian: the feature (16 bits), then in an inner node the cut (32-bit
//! float), in a leaf a step (16 bits) per output. Where right children are follows from the order.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::{Forest, Node};
use crate::error::LearnError;

/// What is written.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct File {
    features: usize,
    trees: usize,
    lowest: Vec<f64>,
    step: Vec<f64>,
    nodes: String,
}

impl From<Forest> for File {
    fn from(forest: Forest) -> Self {
        let mut bytes = Vec::with_capacity(6 * forest.nodes.len() + 2 * forest.leaves.len());
        for node in &forest.nodes {
            bytes.extend(node.feature.to_le_bytes());
            if node.feature == Node::LEAF {
                let leaf = node.next as usize * forest.outputs;
                for step in &forest.leaves[leaf..leaf + forest.outputs] {
                    bytes.extend(step.to_le_bytes());
                }
            } else {
                bytes.extend(node.cut.to_le_bytes());
            }
        }
        Self {
            features: forest.features,
            trees: forest.roots.len(),
            lowest: forest.lowest,
            step: forest.step,
            nodes: STANDARD.encode(bytes),
        }
    }
}

impl TryFrom<File> for Forest {
    type Error = LearnError;

    fn try_from(file: File) -> Result<Self, LearnError> {
        let damaged = |why: &str| LearnError::Damaged(format!("its trees {why}"));
        let bytes =
            STANDARD.decode(&file.nodes).map_err(|error| damaged(&format!("are no base64 ({error})")))?;
        let outputs = file.lowest.len();
        if outputs == 0 || file.step.len() != outputs || file.trees == 0 {
            return Err(damaged("have no outputs, or as many steps as they should not have"));
        }
        let mut reader = Reader { bytes: &bytes };
        let mut forest = Self {
            features: file.features,
            outputs,
            lowest: file.lowest,
            step: file.step,
            nodes: Vec::new(),
            roots: Vec::new(),
            leaves: Vec::new(),
        };
        for _ in 0..file.trees {
            forest.roots.push(forest.nodes.len() as u32);
            reader.tree(&mut forest).ok_or_else(|| damaged("end too early"))?;
        }
        if !reader.bytes.is_empty() {
            return Err(damaged("are followed by more bytes"));
        }
        Ok(forest)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*head)
    }

    /// Reads one tree; `None` when the bytes end before it does.
    fn tree(&mut self, forest: &mut Forest) -> Option<()> {
        // Inner nodes that wait for their right child; the first entry is the place of the root.
        let mut waiting = vec![None];
        while let Some(parent) = waiting.pop() {
            let number = forest.nodes.len() as u32;
            if let Some(parent) = parent {
                let parent: usize = parent;
                forest.nodes[parent].next = number;
            }
            loop {
                let feature = u16::from_le_bytes(self.take()?);
                if feature == Node::LEAF {
                    let next = (forest.leaves.len() / forest.outputs) as u32;
                    for _ in 0..forest.outputs {
                        forest.leaves.push(u16::from_le_bytes(self.take()?));
                    }
                    forest.nodes.push(Node { feature, cut: 0.0, next });
                    break;
                }
                let cut = f32::from_le_bytes(self.take()?);
                waiting.push(Some(forest.nodes.len()));
                forest.nodes.push(Node { feature, cut, next: 0 });
            }
        }
        Some(())
    }
}
