//! How alike two free texts are, without a model.

/// Characters that are looked at: answers that agree do so from the start.
const CHARACTERS: usize = 200;

/// The character bigrams of the start of a text, sorted; case and spaces do not matter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gist(Vec<u64>);

impl Gist {
    pub(crate) fn new(text: &str) -> Self {
        let characters =
            || text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).take(CHARACTERS);
        // Two characters of 21 bits each.
        let mut bigrams: Vec<u64> =
            characters().zip(characters().skip(1)).map(|(a, b)| u64::from(a) << 21 | u64::from(b)).collect();
        // A text of one character is its own bigram.
        if bigrams.is_empty() {
            bigrams.extend(characters().map(u64::from));
        }
        bigrams.sort_unstable();
        Self(bigrams)
    }

    /// The coefficient of Dice (1945) of the two bags of bigrams, in `[0, 1]`; two empty texts agree.
    pub(crate) fn agreement(&self, other: &Self) -> f64 {
        let (a, b) = (self.0.as_slice(), other.0.as_slice());
        let all = a.len() + b.len();
        if all == 0 {
            return 1.0;
        }
        // Steps without branches: which text is ahead cannot be foretold.
        let (mut i, mut j, mut both) = (0, 0, 0);
        while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
            both += usize::from(x == y);
            i += usize::from(x <= y);
            j += usize::from(y <= x);
        }
        2.0 * both as f64 / all as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_counts_what_is_shared() {
        let agreement = |a: &str, b: &str| Gist::new(a).agreement(&Gist::new(b));
        assert_eq!(agreement("night", "nacht"), 0.25);
        assert_eq!(agreement("A b", "ab"), 1.0);
        assert_eq!(agreement("aaaa", "aa"), 0.5);
        assert_eq!((agreement("", ""), agreement("", "x"), agreement("x", "x")), (1.0, 0.0, 1.0));
        assert_eq!(agreement("法院驳回", "法院维持"), 1.0 / 3.0);
    }
}
