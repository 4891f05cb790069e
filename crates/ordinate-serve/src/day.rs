//! Days and times of day in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

/// A day, counted from 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day(pub(crate) u64);

impl Day {
    pub(crate) fn now() -> Self {
        Self(seconds_now() / 86_400)
    }
}

/// As `2026-11-29` (Hinnant's civil_from_days, <https://howardhinnant.github.io/date_algorithms.html>).
impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let days = self.0 + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + 400 * era + u64::from(month <= 2);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Seconds since 1970.
pub(crate) fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A time as people read it, `2026-11-29 06:44 UTC`.
#[must_use]
pub fn written_at(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("{} {:02}:{:02} UTC", Day(seconds / 86_400), seconds / 3_600 % 24, seconds / 60 % 60)
}

/// Now, as `2026-11-29T06:44:38.123Z`.
pub(crate) fn timestamp() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, of_day) = (since.as_secs(), since.as_secs() % 86_400);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{}T{hour:02}:{minute:02}:{second:02}.{:03}Z", Day(seconds / 86_400), since.subsec_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (day, date) in
            [(0, "1970-01-01"), (11_016, "2000-02-29"), (20_786, "2026-11-29"), (47_540, "2100-02-28")]
        {
            assert_eq!(Day(day).to_string(), date);
        }
        assert_eq!(Day(47_541).to_string(), "2100-03-01");
        let time = UNIX_EPOCH + std::time::Duration::from_secs(20_786 * 86_400 + 24_278);
        assert_eq!(written_at(time), "2026-11-29 06:44 UTC");
    }
}
