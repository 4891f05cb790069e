//! Libraries that panic on damaged files.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// What reading gives.
///
/// # Errors
/// The message of the panic, and nothing on standard error, where the library panics: arrow-buffer 60.1 on damaged pages of
/// Parquet, tokenizers 0.23 on a merge that is longer than every token, candle 0.11 on an alignment of 0. What was half made is
/// dropped, and must not be looked at again.
pub fn caught<T>(read: impl FnOnce() -> T) -> Result<T, String> {
    thread_local!(static QUIET: std::cell::Cell<bool> = const { std::cell::Cell::new(false) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                usual(info);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(read));
    QUIET.set(before);
    result.map_err(|thrown| {
        let text = thrown.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| thrown.downcast_ref::<&str>().copied()).unwrap_or("it cannot be read").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_are_errors() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught(|| -> u8 { panic!("once {}", 1) }), Err("once 1".to_owned()));
        let nested = caught(|| caught(|| -> u8 { panic!("within") }));
        assert_eq!(nested, Ok(Err("within".to_owned())));
    }
}
