//! Whether weights fit into the memory that is free.

use std::fs;
use std::path::Path;

use crate::error::ModelError;
use crate::source::file;

/// Refuses weights for which the machine has no room now.
pub(crate) fn enough_memory(path: &Path, needed: u64) -> Result<(), ModelError> {
    free_memory().map_or(Ok(()), |free| enough(path, needed, free))
}

/// Refuses weights for which there is no room.
fn enough(path: &Path, needed: u64, free: u64) -> Result<(), ModelError> {
    if needed <= free {
        return Ok(());
    }
    let gb = |bytes: u64| bytes as f64 / 1e9;
    Err(file(
        path,
        &format!(
            "its weights need {:.1} GB of memory, and {:.1} GB are free; take a smaller model or a quantised GGUF of it, or put it behind a server (`openai = {{ ... }}`)",
            gb(needed),
            gb(free)
        ),
    ))
}

/// Bytes of memory that are free (Linux), else `None`.
fn free_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory() {
        let path = Path::new("model.gguf");
        assert!(enough(path, 5, 5).is_ok());
        let said = enough(path, 70_000_000_000, 8_000_000_000).unwrap_err().to_string();
        assert!(said.contains("70.0 GB") && said.contains("8.0 GB are free"), "{said}");
        if cfg!(target_os = "linux") {
            assert!(free_memory().unwrap() > 1 << 20);
        }
    }
}
