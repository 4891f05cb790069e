//! A second request where the first takes long: to the same candidate, so that whoever wins, the policy's decision is the
//! measured one. The first good answer is taken, and the other request is ended.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use tokio::time::Instant;

/// The request that was not taken.
#[derive(Debug, PartialEq)]
pub(crate) enum Lost<T> {
    /// It had ended before: it was no good.
    Ended(T),
    /// It was ended, after so long.
    Left(Duration),
}

/// Asks, and once more if nothing came `after` so long; of two, the first that is `good`.
pub(crate) async fn hedged<T, F: Future<Output = T>>(
    after: Duration,
    ask: impl Fn() -> F,
    good: impl Fn(&T) -> bool,
) -> (T, Option<Lost<T>>) {
    let start = Instant::now();
    let mut first = pin!(ask());
    tokio::select! {
        biased;
        answer = &mut first => return (answer, None),
        () = tokio::time::sleep(after) => {}
    }
    let again = Instant::now();
    let mut second = pin!(ask());
    let (answer, other_start, is_first) = tokio::select! {
        biased;
        answer = &mut first => (answer, again, true),
        answer = &mut second => (answer, start, false),
    };
    if good(&answer) {
        return (answer, Some(Lost::Left(other_start.elapsed())));
    }
    let other = if is_first { second.await } else { first.await };
    match good(&other) {
        true => (other, Some(Lost::Ended(answer))),
        false => (answer, Some(Lost::Ended(other))),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// What comes of requests that take so many milliseconds and answer so: the answer, and the other one.
    async fn of(requests: [(u64, Result<u8, u8>); 2]) -> (Result<u8, u8>, Option<Lost<Result<u8, u8>>>) {
        let asked = Cell::new(0);
        let ask = || {
            let (ms, answer) = requests[asked.replace(asked.get() + 1)];
            async move {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                answer
            }
        };
        hedged(Duration::from_millis(100), ask, Result::is_ok).await
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_good_answer_is_taken() {
        let left = |ms| Some(Lost::Left(Duration::from_millis(ms)));
        assert_eq!(of([(50, Ok(1)), (50, Ok(2))]).await, (Ok(1), None));
        assert_eq!(
            of([(50, Err(1)), (50, Ok(2))]).await,
            (Err(1), None),
            "whatever fails soon is no slow one"
        );
        assert_eq!(of([(900, Ok(1)), (50, Ok(2))]).await, (Ok(2), left(150)));
        assert_eq!(of([(120, Ok(1)), (50, Ok(2))]).await, (Ok(1), left(20)));
        assert_eq!(of([(120, Err(1)), (50, Ok(2))]).await, (Ok(2), Some(Lost::Ended(Err(1)))));
        assert_eq!(of([(900, Ok(1)), (50, Err(2))]).await, (Ok(1), Some(Lost::Ended(Err(2)))));
        assert_eq!(of([(120, Err(1)), (50, Err(2))]).await, (Err(1), Some(Lost::Ended(Err(2)))));
    }
}
