//! How many requests fit into the files and connections that this process may have open at once.

/// Left for stores, models and what else is opened meanwhile.
const RESERVED: usize = 48;

/// The most requests in flight of each lane, all together within what may be open: `wanted` has for each the most that it
/// would have, and the files that one of them takes. A lane that wants little gets it, and what is left is shared evenly.
pub(crate) fn share(wanted: &[(usize, usize)], available: Option<usize>) -> Vec<usize> {
    let Some(mut left) = available else { return wanted.iter().map(|(most, _)| *most).collect() };
    let mut order: Vec<usize> = (0..wanted.len()).filter(|&lane| wanted[lane].1 > 0).collect();
    order.sort_by_key(|&lane| wanted[lane].0.saturating_mul(wanted[lane].1));
    let mut shares: Vec<usize> = wanted.iter().map(|(most, _)| *most).collect();
    let lanes = order.len();
    for (at, lane) in order.into_iter().enumerate() {
        let (most, files) = wanted[lane];
        let fair = left / (lanes - at);
        shares[lane] = most.min(fair / files).max(1);
        left = left.saturating_sub(shares[lane] * files);
    }
    shares
}

/// Files that may still be opened; `None` where that is not known or not limited.
pub(crate) fn available() -> Option<usize> {
    let limit = limit()?;
    // Where that cannot be looked at, a program that has just begun has few.
    let open = std::fs::read_dir("/dev/fd").map_or(RESERVED, Iterator::count);
    Some(limit.saturating_sub(open).saturating_sub(RESERVED))
}

#[cfg(unix)]
fn limit() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current?;
    usize::try_from(limit).ok()
}

#[cfg(not(unix))]
fn limit() -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_scarce_is_shared() {
        let four = [(256, 2); 4];
        assert_eq!(share(&four, None), [256; 4]);
        assert_eq!(share(&four, Some(100_000)), [256; 4]);
        assert_eq!(share(&four, Some(800)), [100; 4]);
        // Whoever wants little has it; what opens nothing is not held back.
        assert_eq!(share(&[(256, 2), (10, 2), (7, 0), (256, 2)], Some(220)), [50, 10, 7, 50]);
        assert_eq!(share(&four, Some(0)), [1; 4], "one at a time always goes on");
    }
}
