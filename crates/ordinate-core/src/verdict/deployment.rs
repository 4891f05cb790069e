//! The parts of the verdict that say what hosting takes, and when it is cheaper than an API.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Estimate, Percentiles};
use crate::name::CandidateName;

/// What hosting one candidate takes: measured in a process of its own, which held nothing but the model and some of the
/// task's inputs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Deployment {
    /// Its name in `candidates`.
    pub name: CandidateName,
    /// Weights.
    pub parameters: u64,
    /// Bytes of its files.
    pub disk_bytes: u64,
    /// Bytes of its weights in memory.
    pub memory_bytes: u64,
    /// The most memory that the process ever held (resident, the program included), bytes; `null` where the system
    /// does not say it (it does on Linux).
    #[serde(default)]
    pub peak_memory_bytes: Option<u64>,
    /// Milliseconds from its files, in the system's cache, to a model that can answer.
    pub load_ms: f64,
    /// Latency of one item alone.
    pub latency_ms: Percentiles,
    /// Items that the latency was measured on.
    pub items: u64,
    /// Items per second, one at a time.
    pub per_second: f64,
    /// The batch at which it answered the most items per second; 1 for a model that takes one at a time.
    pub best_batch: u64,
    /// Items per second at that batch.
    pub best_per_second: f64,
    /// Threads that it could use.
    pub threads: u64,
    /// Where it was measured.
    pub machine: Machine,
}

/// The machine that something was measured on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// Its processor, as the system calls it; the architecture where it does not.
    pub cpu: String,
    /// Logical processors that the program may use.
    pub cores: u64,
}

/// When hosting one candidate is cheaper than asking another one that is paid by the item or token.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BreakEven {
    /// The candidate with an hourly price.
    pub hosted: CandidateName,
    /// The other candidate.
    pub api: CandidateName,
    /// USD per hour of one machine that hosts the first.
    pub per_hour: f64,
    /// Items per second of one machine, at the best batch; `null` where it was not measured: one machine is then taken
    /// to do for any volume.
    #[serde(default)]
    pub items_per_second: Option<f64>,
    /// USD per 1,000 items of the other.
    pub api_cost_per_1k: f64,
    /// Items per day above which one machine is cheaper; `null` where hosting never is.
    pub volume_per_day: Option<f64>,
    /// Items per day above which hosting is always cheaper, also where a further machine has just been added; `null`
    /// where it never is.
    pub always_above: Option<f64>,
    /// Mean score of the first.
    pub hosted_quality: Estimate,
    /// Mean score of the other.
    pub api_quality: Estimate,
}
