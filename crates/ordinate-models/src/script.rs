//! Whether texts are written in a script that the built-in encoder was made for.

/// The share of the letters of these texts that are not of the Latin script, in `[0, 1]`; 0 where there are no letters.
/// Reads at most 10,000 letters of each text.
#[must_use]
pub fn share_of_other_scripts<'a>(texts: impl IntoIterator<Item = &'a str>) -> f64 {
    let (mut letters, mut others) = (0_u64, 0_u64);
    for text in texts {
        for letter in text.chars().filter(|c| c.is_alphabetic()).take(10_000) {
            letters += 1;
            others += u64::from(!is_latin(letter));
        }
    }

    others as f64 / letters.max(1) as f64
}

/// The letters of the Latin blocks of Unicode 17: Basic Latin to Extended-B, IPA, Extended Additional, ligatures,
/// full-width forms.
fn is_latin(letter: char) -> bool {
    matches!(letter, 'A'..='Z' | 'a'..='z' | 'ª' | 'µ' | 'º' | 'À'..='\u{02ff}' | '\u{1d00}'..='\u{1dbf}'
        | '\u{1e00}'..='\u{1eff}' | '\u{2c60}'..='\u{2c7f}' | '\u{a722}'..='\u{a7ff}' | '\u{ab30}'..='\u{ab6f}'
        | '\u{fb00}'..='\u{fb06}' | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}')
}

#[cfg(test)]
mod tests {
    use super::share_of_other_scripts as share;

    #[test]
    fn letters_are_told_apart() {
        assert!(share([]).abs() < 1e-12 && share(["12 % !"]).abs() < 1e-12);
        assert!(share(["Où est mon colis ? Straße, ﬁn"]).abs() < 1e-12);
        assert!((share(["金价上涨", "Золото", "ذهب", "ทอง"]) - 1.0).abs() < 1e-12);
        // Two letters of eight.
        assert!((share(["gold up", "涨了"]) - 0.25).abs() < 1e-12);
    }
}
