//! The time of a value, and whether times are at equal distances.

/// A number, or a date and perhaps a time of the day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Moment {
    /// A count, or a year.
    Number(f64),
    /// Months since year 0, the day of the month and its second.
    Date(i64, u32, f64),
}

impl Moment {
    /// A finite number, `2026-03-01` (also with slashes), `2026-03`, or these with a time of the day. What says the zone is not
    /// read: it has to be one zone.
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Ok(number) = text.parse::<f64>() {
            return number.is_finite().then_some(Self::Number(number));
        }
        let (date, time) = match text.split_once(['T', ' ']) {
            Some((date, time)) => (date, Some(time)),
            None => (text, None),
        };
        let mut parts = date.split(['-', '/']).map(|part| part.parse::<u32>().ok());
        let (year, month) = (parts.next()??, parts.next()??);
        let day = match parts.next() {
            None => 1,
            Some(day) => day?,
        };
        if parts.next().is_some()
            || date.len() < 7
            || !(1..=12).contains(&month)
            || !(1..=days(year, month)).contains(&day)
        {
            return None;
        }
        let second = time.map_or(Some(0.0), of_day)?;
        Some(Self::Date(i64::from(year) * 12 + i64::from(month) - 1, day, second))
    }

    pub(super) fn order(&self, other: &Self) -> std::cmp::Ordering {
        self.number().total_cmp(&other.number())
    }

    /// A number that grows with the time: seconds, of dates.
    fn number(&self) -> f64 {
        match *self {
            Self::Number(number) => number,
            Self::Date(month, day, second) => {
                let before: i64 = days_before(month);
                (before + i64::from(day)) as f64 * DAY + second
            }
        }
    }
}

const DAY: f64 = 86_400.0;

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days before the first of this month, counted since year 0.
fn days_before(month: i64) -> i64 {
    let (year, of_year) = (month.div_euclid(12), month.rem_euclid(12));
    let before = year * 365 + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
    let year = u32::try_from(year).unwrap_or(0);
    let in_year: u32 = (1..=of_year as u32).map(|month| days(year, month)).sum();
    before + i64::from(in_year)
}

/// Seconds of a time of the day: `09:00`, `09:00:00.5`, with or without a zone.
fn of_day(text: &str) -> Option<f64> {
    let text = text.split(['Z', '+']).next()?.trim();
    let mut parts = text.split(':');
    let hour: f64 = parts.next()?.parse().ok()?;
    let minute: f64 = parts.next()?.parse().ok()?;
    let second: f64 = parts.next().map_or(Some(0.0), |second| second.parse().ok())?;
    let fits = (0.0..24.0).contains(&hour) && (0.0..60.0).contains(&minute) && (0.0..61.0).contains(&second);
    (fits && parts.next().is_none()).then_some(hour * 3_600.0 + minute * 60.0 + second)
}

/// What is wrong with these times, which are in order: a time that stands twice, or one that lacks. Months may be of any length, and
/// of days those of a weekend may lack, or a holiday beside it.
pub(super) fn uneven(times: &[Moment]) -> Option<String> {
    let steps: Vec<f64> = times.windows(2).map(|pair| pair[1].number() - pair[0].number()).collect();
    if let Some(at) = steps.iter().position(|step| *step <= 0.0) {
        return Some(format!("value {} and value {} are of the same time. Keep one.", at + 1, at + 2));
    }
    let mut sorted = steps.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let usual = *sorted.get(sorted.len() / 2)?;
    // Rounding of fractions, and of large counts.
    let same = |a: f64, b: f64| (a - b).abs() <= 1e-6 * b.abs().max(1e-300);
    if steps.iter().all(|step| same(*step, usual)) || by_months(times) {
        return None;
    }
    let dates = times.iter().all(|time| matches!(time, Moment::Date(..)));
    let longest = if dates && same(usual, DAY) { 5.0 * DAY } else { usual };
    let wrong = |step: &f64| *step > longest * (1.0 + 1e-6) || *step < usual * (1.0 - 1e-6);
    let at = steps.iter().position(wrong)?;
    Some(format!(
        "between value {} and value {} the time grows by {} times the usual step. Fill in what lacks, or leave the series out.",
        at + 1,
        at + 2,
        // Two decimals are enough to see what lacks.
        (steps[at] / usual * 100.0).round() / 100.0
    ))
}

/// Whether they are dates an equal number of months apart: on the same day of the month, or on the last one of each.
fn by_months(times: &[Moment]) -> bool {
    let dates: Option<Vec<(i64, u32, f64)>> = times
        .iter()
        .map(|time| match *time {
            Moment::Date(month, day, second) => Some((month, day, second)),
            Moment::Number(_) => None,
        })
        .collect();
    let Some(dates) = dates else { return false };
    let step = match dates.as_slice() {
        [a, b, ..] => b.0 - a.0,
        _ => return false,
    };
    let last = |(month, day, _): &(i64, u32, f64)| {
        let year = u32::try_from(month.div_euclid(12)).unwrap_or(0);
        *day == days(year, month.rem_euclid(12) as u32 + 1)
    };
    let even = dates.windows(2).all(|pair| pair[1].0 - pair[0].0 == step);
    step > 0 && even && (dates.iter().all(|date| date.1 == dates[0].1) || dates.iter().all(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Option<String> {
        let times: Vec<Moment> = texts.iter().map(|text| Moment::read(text).unwrap()).collect();
        uneven(&times)
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        assert!(Moment::read("2026-02-28T09:30:00Z").is_some() && Moment::read("1871-01-01").is_some());
        for bad in ["", "soon", "2026-13-01", "2026-02-30", "26-02-01x", "2026-03-01 25:00", "nan"] {
            assert_eq!(Moment::read(bad), None, "{bad}");
        }
        let day = |text| Moment::read(text).unwrap().number() / DAY;
        assert!((day("2000-03-01") - day("2000-02-28") - 2.0).abs() < 1e-9);
        assert!((day("1900-03-01") - day("1900-02-28") - 1.0).abs() < 1e-9);
        assert!((day("2001-01-01") - day("2000-01-01") - 366.0).abs() < 1e-9);
        // Python: (date(2026, 3, 1) - date(1871, 1, 1)).days
        assert!((day("2026-03-01") - day("1871-01-01") - 56_672.0).abs() < 1e-9);
    }

    #[test]
    fn gaps_are_found() {
        assert_eq!(of(&["1", "2", "3", "4"]), None);
        assert!(of(&["1", "2", "4", "5"]).unwrap().contains("value 2 and value 3"));
        assert!(of(&["1", "2", "2", "3"]).unwrap().contains("same time"));
        assert_eq!(of(&["2026-01-31", "2026-02-28", "2026-03-31"]), None);
        assert_eq!(of(&["2026-01-01", "2026-02-01", "2026-03-01"]), None);
        assert!(of(&["2026-01-01", "2026-02-01", "2026-04-01"]).is_some());
        assert_eq!(
            of(&["2026-03-05", "2026-03-06", "2026-03-09", "2026-03-10", "2026-03-11"]),
            None,
            "a weekend"
        );
        assert!(
            of(&["2026-03-01 00:00", "2026-03-01 01:00", "2026-03-01 02:00", "2026-03-01 04:00"]).is_some()
        );
    }
}
