//! How much of what is read may be kept in memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::error::Problem;
use crate::limit::Limit;

/// What is kept where the system does not say what it has.
const UNKNOWN: u64 = 4 << 30;

/// A third of what is there is kept, since a buffer that grows stands twice in memory for a while.
const SHARE: u64 = 3;

/// Texts that are kept, against what there is memory for. Clones share one count.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    bytes: Arc<AtomicU64>,
    most: u64,
}

impl Default for Kept {
    fn default() -> Self {
        static MOST: OnceLock<u64> = OnceLock::new();
        let most = *MOST.get_or_init(|| available().unwrap_or(UNKNOWN) / SHARE);
        Self { bytes: Arc::default(), most }
    }
}

impl Kept {
    /// Counts a text that is kept.
    ///
    /// # Errors
    /// [`Limit::TooMuchText`] once all together are more than there is memory for.
    pub(crate) fn add(&self, text: Option<&str>) -> Result<(), Problem> {
        let len = text.map_or(0, |text| text.len() as u64);
        let before = self.bytes.fetch_add(len, Ordering::Relaxed);
        if before.saturating_add(len) <= self.most {
            return Ok(());
        }
        Err(Problem::Limit(Limit::TooMuchText { most: self.most }))
    }
}

/// Memory that this process may still take, in bytes: what the system has, or less where a limit is set.
fn available() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let meminfo = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    });
    let group = read("/sys/fs/cgroup/memory.max").and_then(|text| text.trim().parse::<u64>().ok());
    // `ulimit -v`.
    let own = read("/proc/self/limits").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("Max address space"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    });
    [meminfo, group, own].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_count() {
        let kept = Kept { bytes: Arc::default(), most: 10 };
        let other = kept.clone();
        kept.add(Some("12345")).unwrap();
        other.add(None).unwrap();
        other.add(Some("12345")).unwrap();
        assert!(matches!(kept.add(Some("1")), Err(Problem::Limit(Limit::TooMuchText { most: 10 }))));
    }

    #[test]
    fn this_system_says_what_it_has() {
        if cfg!(target_os = "linux") {
            assert!(available().is_some_and(|bytes| bytes > 1 << 20));
        }
    }
}
