//! Times as programs write them: `0:00:01.5`, `0 days 00:00:01.500000` (pandas), `PT1.5S` (ISO 8601), `1.5 s`, `250 ms`.

/// The milliseconds of a duration that says its unit; `None` for what does not.
pub(super) fn milliseconds(text: &str) -> Option<f64> {
    let text = text.trim();
    let value = iso(text).or_else(|| clock(text)).or_else(|| with_unit(text))?;
    (value.is_finite() && value >= 0.0).then_some(value)
}

const SECOND: f64 = 1e3;
const MINUTE: f64 = 60.0 * SECOND;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { text.parse().ok() } else { None }
}

/// `PnDTnHnMnS`.
fn iso(text: &str) -> Option<f64> {
    let (days, time) = text.strip_prefix('P')?.split_once('T')?;
    let mut sum = match days.strip_suffix('D') {
        Some(days) => number(days)? * DAY,
        None if days.is_empty() => 0.0,
        None => return None,
    };
    let mut rest = time;
    for (mark, unit) in [('H', HOUR), ('M', MINUTE), ('S', SECOND)] {
        if let Some((count, after)) = rest.split_once(mark) {
            sum += number(count)? * unit;
            rest = after;
        }
    }
    (rest.is_empty() && !time.is_empty()).then_some(sum)
}

/// `[N day[s][,] ]H:MM:SS[.f]`.
fn clock(text: &str) -> Option<f64> {
    let (days, time) = match text.split_once("day") {
        Some((days, time)) => (number(days)?, time.trim_start_matches(['s', ',', ' '])),
        None => (0.0, text),
    };
    let mut parts = time.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    Some(days * DAY + number(hours)? * HOUR + number(minutes)? * MINUTE + number(seconds)? * SECOND)
}

/// A number and its unit.
fn with_unit(text: &str) -> Option<f64> {
    let end = text.find(|c: char| c.is_ascii_alphabetic() || c == 'µ' || c == 'μ')?;
    let unit = match text[end..].trim() {
        "ns" => 1e-6,
        "us" | "µs" | "μs" => 1e-3,
        "ms" | "msec" | "milliseconds" => 1.0,
        "s" | "sec" | "secs" | "second" | "seconds" => SECOND,
        "m" | "min" | "mins" | "minute" | "minutes" => MINUTE,
        _ => return None,
    };
    Some(number(&text[..end])? * unit)
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn durations_that_say_their_unit() {
        for (text, expected) in [
            ("0:00:01.5", Some(1_500.0)),
            ("0 days 00:00:01.500000", Some(1_500.0)),
            ("1 day, 0:00:00", Some(86_400_000.0)),
            ("PT1.5S", Some(1_500.0)),
            ("P0DT0H1M1.5S", Some(61_500.0)),
            ("1.5 s", Some(1_500.0)),
            ("250ms", Some(250.0)),
            ("2 min", Some(120_000.0)),
            ("12", None),
            ("1.5", None),
            ("1:30", None),
            ("-1 s", None),
            ("P", None),
            ("PT", None),
            ("fast", None),
        ] {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}
