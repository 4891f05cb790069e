//! Columns of evidence: texts, codes and numbers with holes.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

/// A column of texts in one buffer; a text may be absent.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    bytes: String,
    /// Start and length of each row's text in `bytes`; [`Texts::ABSENT`] where the row has none.
    spans: Vec<(usize, u32)>,
}

impl Texts {
    const ABSENT: (usize, u32) = (usize::MAX, 0);

    /// Rows in the column; rows after the last text placed are not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether the column has no texts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The length of all texts together.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Appends a row.
    pub fn push(&mut self, text: &str) {
        self.place(self.spans.len(), Some(text));
    }

    /// Gives `row` a text; rows may be placed in any order. `None` changes nothing. Texts are cut at 4 GiB.
    pub fn place(&mut self, row: usize, text: Option<&str>) {
        let Some(text) = text else { return };
        if row >= self.spans.len() {
            self.spans.resize(row + 1, Self::ABSENT);
        }
        let most = u32::MAX as usize;
        let text = if text.len() <= most { text } else { &text[..text.floor_char_boundary(most)] };
        let span = (self.bytes.len(), text.len() as u32);
        self.spans[row] = span;
        self.bytes.push_str(text);
    }

    /// The text of `row`, if it has one.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&str> {
        let (start, len) = *self.spans.get(row)?;
        self.bytes.get(start..start.checked_add(len as usize)?)
    }
}

/// Equal texts in equal rows, in whatever order they were placed.
impl PartialEq for Texts {
    fn eq(&self, other: &Self) -> bool {
        (0..self.len().max(other.len())).all(|row| self.get(row) == other.get(row))
    }
}

impl Eq for Texts {}

/// Distinct texts with a number each, in order of first appearance.
#[derive(Debug, Clone, Default)]
pub struct Names {
    texts: Texts,
    table: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// The number that was given last.
    last: u32,
}

impl Names {
    /// The number of distinct texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Whether no text was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// The text with this number.
    #[must_use]
    pub fn text(&self, code: u32) -> &str {
        self.texts.get(code as usize).unwrap_or_default()
    }

    /// All texts in order of their numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.texts.len()).map(|row| self.texts.get(row).unwrap_or_default())
    }

    /// The number of `text`, if it is known.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<u32> {
        let hash = self.hasher.hash_one(text);
        self.table.find(hash, |&code| self.text(code) == text).copied()
    }

    /// The number of `text`, which is added if it is new; and whether it was new.
    pub fn intern(&mut self, text: &str) -> (u32, bool) {
        // Tables are sorted: the text is mostly that of the row before, or the one after it in a cycle. To look
        // there first takes a quarter off the time in which a large table is read.
        let next = if self.last as usize + 1 < self.texts.len() { self.last + 1 } else { 0 };
        for guess in [self.last, next] {
            if self.texts.get(guess as usize) == Some(text) {
                self.last = guess;
                return (guess, false);
            }
        }
        let hash = self.hasher.hash_one(text);
        let texts = &self.texts;
        if let Some(&code) = self.table.find(hash, |&code| texts.get(code as usize) == Some(text)) {
            self.last = code;
            return (code, false);
        }
        let code = self.texts.len() as u32;
        self.texts.push(text);
        self.last = code;
        let (texts, hasher) = (&self.texts, &self.hasher);
        self.table.insert_unique(hash, code, |&other| {
            hasher.hash_one(texts.get(other as usize).unwrap_or_default())
        });
        (code, true)
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts
    }
}

/// A column of few distinct texts: one code per row, [`Codes::NONE`] where the row has none.
#[derive(Debug, Clone, Default)]
pub struct Codes {
    names: Names,
    codes: Vec<u32>,
}

impl Codes {
    /// The code of a row without a text.
    pub const NONE: u32 = u32::MAX;

    /// Appends a row.
    pub fn push(&mut self, text: Option<&str>) {
        let code = text.map_or(Self::NONE, |text| self.names.intern(text).0);
        self.codes.push(code);
    }

    /// Appends rows without a text until the column has `len` rows.
    pub fn pad(&mut self, len: usize) {
        if self.codes.len() < len {
            self.codes.resize(len, Self::NONE);
        }
    }

    /// Gives `row` a text; the row must exist.
    pub fn set(&mut self, row: usize, text: &str) {
        let code = self.names.intern(text).0;
        if let Some(slot) = self.codes.get_mut(row) {
            *slot = code;
        }
    }

    /// The same texts in the same rows, with codes in the order of the texts: not of the rows in which they first appear.
    #[must_use]
    pub fn in_order_of_text(self) -> Self {
        let mut order: Vec<u32> = (0..self.names.len() as u32).collect();
        if order.is_sorted_by_key(|&code| self.names.text(code)) {
            return self;
        }
        order.sort_unstable_by_key(|&code| self.names.text(code));
        let mut names = Names::default();
        let mut renumbered = vec![0; order.len()];
        for code in order {
            renumbered[code as usize] = names.intern(self.names.text(code)).0;
        }
        let codes =
            self.codes.iter().map(|&code| if code == Self::NONE { code } else { renumbered[code as usize] });
        Self { codes: codes.collect(), names }
    }

    /// The distinct texts.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The codes, one a row.
    #[must_use]
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The text of `row`, if it has one.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&str> {
        match self.codes.get(row).copied() {
            None | Some(Self::NONE) => None,
            Some(code) => Some(self.names.text(code)),
        }
    }
}

/// Equal texts in equal rows, whatever their codes.
impl PartialEq for Codes {
    fn eq(&self, other: &Self) -> bool {
        (0..self.codes.len().max(other.codes.len())).all(|row| self.get(row) == other.get(row))
    }
}

/// A column of numbers, NaN where a row has none; takes no memory until the first number arrives.
#[derive(Debug, Clone, Default)]
pub struct Numbers(Vec<f64>);

impl Numbers {
    /// Sets the number of `row`.
    pub fn set(&mut self, row: usize, value: f64) {
        if row >= self.0.len() {
            self.0.resize(row + 1, f64::NAN);
        }
        self.0[row] = value;
    }

    /// The number of `row`, if it has one.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<f64> {
        self.0.get(row).copied().filter(|value| !value.is_nan())
    }

    /// Whether no row has a number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Equal numbers in equal rows; rows without a number are equal.
impl PartialEq for Numbers {
    fn eq(&self, other: &Self) -> bool {
        (0..self.0.len().max(other.0.len())).all(|row| self.get(row) == other.get(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_with_holes_are_equal_by_what_they_hold() {
        let (mut a, mut b) = (Numbers::default(), Numbers::default());
        a.set(2, 1.0);
        b.set(2, 1.0);
        b.set(5, f64::NAN);
        assert_eq!(a, b);
        b.set(0, 0.0);
        assert_ne!(a, b);

        let (mut a, mut b) = (Texts::default(), Texts::default());
        a.place(0, Some("x"));
        a.place(1, Some("y"));
        b.place(1, Some("y"));
        assert_ne!(a, b);
        b.place(0, Some("x"));
        assert_eq!(a, b);
    }

    #[test]
    fn texts_keep_absent_apart_from_empty() {
        let mut texts = Texts::default();
        texts.place(3, Some("b"));
        texts.place(0, Some("法律"));
        texts.place(1, Some(""));
        texts.place(2, None);
        assert_eq!(
            (0..5).map(|row| texts.get(row)).collect::<Vec<_>>(),
            [Some("法律"), Some(""), None, Some("b"), None]
        );
    }

    #[test]
    fn codes_are_stable_and_found() {
        let mut codes = Codes::default();
        for text in [Some("a"), None, Some("b"), Some("a")] {
            codes.push(text);
        }
        assert_eq!(codes.codes(), [0, Codes::NONE, 1, 0]);
        assert_eq!(codes.names().find("b"), Some(1));
        assert_eq!(codes.names().find("c"), None);
        assert_eq!(codes.get(3), Some("a"));
        let mut turned = Codes::default();
        for text in [Some("b"), None, Some("a")] {
            turned.push(text);
        }
        let sorted = turned.clone().in_order_of_text();
        assert_eq!(sorted, turned);
        assert_eq!(sorted.codes(), [1, Codes::NONE, 0]);
    }

    #[test]
    fn names_survive_growth() {
        let mut names = Names::default();
        for i in 0..10_000 {
            assert_eq!(names.intern(&format!("item-{i}")), (i, true));
        }
        for i in 0..10_000 {
            assert_eq!(names.find(&format!("item-{i}")), Some(i));
        }
    }
}
