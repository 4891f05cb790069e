//! Amounts of money as people write them: `$0.004`, `0,004 USD`.

/// What US dollars are called.
const DOLLARS: [&str; 3] = ["us$", "usd", "$"];
/// What other currencies are called. Some of them are dollars too.
const OTHERS: [&str; 27] = [
    "€", "£", "¥", "₹", "₩", "₽", "₺", "元", "円", "eur", "gbp", "jpy", "cny", "rmb", "inr", "krw", "chf",
    "cad", "aud", "nzd", "sgd", "hkd", "a$", "c$", "nt$", "ca$", "au$",
];

/// The number of an amount of US dollars, without their name.
pub(super) fn dollars(text: &str) -> Option<&str> {
    if is_of_another_currency(text) {
        return None;
    }
    let text = text.trim();
    let lower = text.to_ascii_lowercase();
    DOLLARS.iter().find_map(|name| {
        let before = lower.starts_with(name).then(|| &text[name.len()..]);
        before.or_else(|| lower.ends_with(name).then(|| &text[..text.len() - name.len()])).map(str::trim)
    })
}

/// Whether an amount is not of US dollars: what it is in these is another question.
pub(super) fn is_of_another_currency(text: &str) -> bool {
    let lower = text.trim().to_ascii_lowercase();
    // "us$" ends with no other currency's name; "cents" and whatever else is not known is no number.
    OTHERS.iter().any(|name| lower.starts_with(name) || lower.ends_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_dollars_and_of_others() {
        for (text, amount) in [
            ("$0.004", Some("0.004")),
            ("0,004 $", Some("0,004")),
            ("US$ 1.5", Some("1.5")),
            ("1.5 usd", Some("1.5")),
            ("0.004 €", None),
            ("CA$ 1", None),
            ("C$ 1", None),
            ("0.004", None),
        ] {
            assert_eq!(dollars(text), amount, "{text}");
        }
        assert!(is_of_another_currency("€0,004") && is_of_another_currency("3 CHF"));
        assert!(!is_of_another_currency("US$3") && !is_of_another_currency("3"));
    }
}
