//! Numbers as people read them. What is absent or not finite reads `unknown`, never `NaN` or `null`.

use ordinate_core::verdict::Estimate;

/// What an absent figure reads.
pub(crate) const UNKNOWN: &str = "unknown";

/// A number with `decimals`; no sign on zero.
fn fixed(x: f64, decimals: usize) -> String {
    if !x.is_finite() {
        return UNKNOWN.to_owned();
    }
    let text = format!("{x:.decimals$}");
    if text.starts_with('-') && text.bytes().all(|b| matches!(b, b'-' | b'0' | b'.')) {
        return text[1..].to_owned();
    }
    text
}

/// A quality, or another measure in units of score: three decimals.
pub(crate) fn quality(x: f64) -> String {
    fixed(x, 3)
}

/// A difference of qualities, with its sign.
pub(crate) fn difference(x: f64) -> String {
    let text = quality(x);
    if x > 0.0 && text.bytes().any(|b| matches!(b, b'1'..=b'9')) { format!("+{text}") } else { text }
}

/// The interval of a quality: `[0.512, 0.536]`.
pub(crate) fn interval(estimate: &Estimate) -> String {
    if !estimate.low.is_finite() || !estimate.high.is_finite() {
        return "[unknown]".to_owned();
    }
    format!("[{}, {}]", quality(estimate.low), quality(estimate.high))
}

/// A quality with its interval.
pub(crate) fn estimate(estimate: &Estimate) -> String {
    format!("{} {}", quality(estimate.mean), interval(estimate))
}

/// USD: cents from 1 to 100, whole dollars above, two significant digits below.
pub(crate) fn dollars(usd: f64) -> String {
    if !usd.is_finite() {
        return UNKNOWN.to_owned();
    }
    let size = usd.abs();
    let sign = if usd < 0.0 { "-" } else { "" };
    if size == 0.0 {
        "$0".to_owned()
    } else if size >= 1e7 {
        format!("{sign}${size:.1e}")
    } else if size >= 100.0 {
        format!("{sign}${}", grouped(&format!("{size:.0}")))
    } else if size >= 0.1 {
        format!("{sign}${size:.2}")
    } else if size >= 1e-6 {
        let decimals = decimals_for(size, 2);
        format!("{sign}${size:.decimals$}")
    } else {
        format!("{sign}<$0.000001")
    }
}

/// USD, if known.
pub(crate) fn cost(usd: Option<f64>) -> String {
    usd.map_or_else(|| UNKNOWN.to_owned(), dollars)
}

/// What a machine without a price makes of a cost.
pub(crate) const NOT_PRICED: &str = "not priced";

/// USD, if known; where a machine has no price, the least that it can be.
pub(crate) fn price(usd: Option<f64>, not_priced: bool) -> String {
    match usd {
        Some(0.0) if not_priced => NOT_PRICED.to_owned(),
        Some(usd) if not_priced => format!("\u{2265}{}", dollars(usd)),
        usd => cost(usd),
    }
}

/// A duration in milliseconds, if known.
pub(crate) fn latency(ms: Option<f64>) -> String {
    match ms {
        Some(ms) if ms.is_finite() => {
            if ms >= 7_200_000.0 {
                format!("{:.1} h", ms / 3_600_000.0)
            } else if ms >= 120_000.0 {
                format!("{:.1} min", ms / 60_000.0)
            } else if ms >= 1_000.0 {
                format!("{:.1} s", ms / 1_000.0)
            } else if ms >= 10.0 || ms == 0.0 {
                format!("{ms:.0} ms")
            } else {
                format!("{ms:.1} ms")
            }
        }
        _ => UNKNOWN.to_owned(),
    }
}

/// Memory in GB, if known.
pub(crate) fn memory(gb: Option<f64>) -> String {
    match gb {
        Some(gb) if gb.is_finite() && gb >= 10.0 => format!("{} GB", grouped(&format!("{gb:.0}"))),
        Some(gb) if gb.is_finite() => format!("{} GB", trimmed(&fixed(gb, 2))),
        _ => UNKNOWN.to_owned(),
    }
}

/// A share in `[0, 1]` as per cent.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if !percent.is_finite() {
        UNKNOWN.to_owned()
    } else if percent >= 9.95 || percent == 0.0 {
        format!("{percent:.0}%")
    } else if percent < 0.05 {
        "<0.1%".to_owned()
    } else {
        format!("{percent:.1}%")
    }
}

/// A p value: three decimals, as far as they tell.
pub(crate) fn p_value(p: f64) -> String {
    if p.is_finite() && p < 0.0005 { "<0.001".to_owned() } else { fixed(p, 3) }
}

/// A count with separators: `8,477`.
pub(crate) fn count(n: u64) -> String {
    grouped(&n.to_string())
}

/// A number of unknown size: four significant digits.
pub(crate) fn number(x: f64) -> String {
    if !x.is_finite() {
        UNKNOWN.to_owned()
    } else if x == 0.0 {
        "0".to_owned()
    } else if x.abs() >= 1e9 || x.abs() < 1e-5 {
        format!("{x:.2e}")
    } else if x.abs() >= 1_000.0 {
        let text = grouped(&format!("{:.0}", x.abs()));
        if x < 0.0 { format!("-{text}") } else { text }
    } else {
        trimmed(&fixed(x, decimals_for(x.abs(), 4)))
    }
}

/// Decimals that show `digits` significant digits of `size`.
fn decimals_for(size: f64, digits: i32) -> usize {
    let exponent = size.log10().floor() as i32;
    usize::try_from(digits - 1 - exponent).unwrap_or(0)
}

/// Without the zeros that end a decimal fraction.
fn trimmed(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

/// Whole digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_as_people_write_them() {
        let shown = [0.0, 0.0041, 0.0456, 0.63, 9.0795, 14.08, 1234.4, 5e-9].map(dollars);
        assert_eq!(shown, ["$0", "$0.0041", "$0.046", "$0.63", "$9.08", "$14.08", "$1,234", "<$0.000001"]);
        assert_eq!([0.0, 0.0004, 0.034, 0.41, 1.0].map(percent), ["0%", "<0.1%", "3.4%", "41%", "100%"]);
        assert_eq!([Some(830.0), Some(1250.0), None].map(latency), ["830 ms", "1.2 s", "unknown"]);
        assert_eq!(
            [Some(14.0), Some(0.09), Some(1.5), None].map(memory),
            ["14 GB", "0.09 GB", "1.5 GB", "unknown"]
        );
        assert_eq!([0.0001, 0.0123, 1.0].map(p_value), ["<0.001", "0.012", "1.000"]);
        assert_eq!(
            [0.0, 20.0, 0.5612, 12_345.6, 2e-7].map(number),
            ["0", "20", "0.5612", "12,346", "2.00e-7"]
        );
        assert_eq!([0.0634, -0.0634, -0.0001, 0.0].map(difference), ["+0.063", "-0.063", "0.000", "0.000"]);
        assert_eq!(count(1_000_000), "1,000,000");
    }

    #[test]
    fn what_is_not_a_number_reads_unknown() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let all = [quality(bad), difference(bad), dollars(bad), percent(bad), p_value(bad), number(bad)];
            assert!(all.iter().all(|text| text == UNKNOWN), "{all:?}");
            assert_eq!([latency(Some(bad)), memory(Some(bad)), cost(None)], [UNKNOWN; 3].map(str::to_owned));
            assert_eq!(estimate(&Estimate { mean: bad, low: bad, high: 1.0 }), "unknown [unknown]");
        }
    }
}
