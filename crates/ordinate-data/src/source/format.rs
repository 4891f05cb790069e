//! How a table is written: told by its content, and by its name where the content leaves it open.

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Csv(Dialect),
    /// An object a line, or all objects in one array.
    Json {
        array: bool,
    },
}

/// How a CSV is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    /// Whether its first line only says so (`sep=;`, which Excel writes and reads).
    pub(crate) says_delimiter: bool,
}

impl Dialect {
    /// Whether `0,5` is a number: not where a comma parts the cells.
    pub(crate) fn decimal_comma(self) -> bool {
        self.delimiter != b','
    }

    /// The dialect of a text that begins so. What parts its cells is a comma, a semicolon, a tab or a bar: whichever stands
    /// equally often in most of the first records; of equals a comma (for `.tsv` a tab).
    pub(super) fn of(text: &[u8], is_tsv: bool) -> Self {
        if let Some(delimiter) = said(text) {
            return Self { delimiter, says_delimiter: true };
        }
        let mut delimiters = [b',', b';', b'\t', b'|'];
        if is_tsv {
            delimiters.swap(0, 2);
        }
        let records = counts(text, delimiters);
        let agreeing = |at: usize| {
            let all = || records.iter().map(move |counts| counts[at]).filter(|count| *count > 0);
            all().map(|count| all().filter(|other| *other == count).count()).max().unwrap_or(0)
        };
        let mut best = 0;
        for at in 1..delimiters.len() {
            if agreeing(at) > agreeing(best) {
                best = at;
            }
        }
        Self { delimiter: delimiters[best], says_delimiter: false }
    }
}

/// How often each delimiter stands outside of quotes in each of the first records that are not blank.
fn counts(text: &[u8], delimiters: [u8; 4]) -> Vec<[usize; 4]> {
    const RECORDS: usize = 20;
    let mut records = Vec::new();
    let mut current = [0; 4];
    let (mut quoted, mut blank) = (false, true);
    for byte in text {
        match byte {
            b'"' => quoted = !quoted,
            b'\r' | b'\n' if !quoted => {
                if !blank {
                    records.push(current);
                }
                if records.len() == RECORDS {
                    return records;
                }
                (current, blank) = ([0; 4], true);
                continue;
            }
            byte if !quoted => {
                if let Some(at) = delimiters.iter().position(|delimiter| delimiter == byte) {
                    current[at] += 1;
                }
            }
            _ => {}
        }
        blank = false;
    }
    // The last record may be cut off: it counts only where it is the only one.
    if records.is_empty() && !blank {
        records.push(current);
    }
    records
}

/// The delimiter that the first line names.
fn said(text: &[u8]) -> Option<u8> {
    let line = text.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let line = line.strip_prefix(b"\"").unwrap_or(line);
    let line = line.strip_suffix(b"\"").unwrap_or(line);
    match line {
        [s, e, p, b'=', delimiter] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") => Some(*delimiter),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_records_tells_what_parts_the_cells() {
        for (text, is_tsv, delimiter, says) in [
            ("id,score\n", false, b',', false),
            ("id;score\n1;0,5\n", false, b';', false),
            ("id\tscore\n", false, b'\t', false),
            ("id|score\n1|0,5\n", false, b'|', false),
            ("id,m|cost\n1,2\n", false, b',', false),
            ("\"a;b;c\",score\n", false, b',', false),
            ("Results, of March\nid;score\n1;0,5\n2;0,5\n3;1\n", false, b';', false),
            ("id,text\n1,a;b\n2,\"x, y;\nz;\"\n", false, b',', false),
            ("id\n", false, b',', false),
            ("id\n", true, b'\t', false),
            ("id,score\n", true, b',', false),
            ("sep=;\r\nid;score\n", false, b';', true),
            ("\"sep=\t\"\nid\tscore", false, b'\t', true),
            ("SEP=|\nid|score", false, b'|', true),
        ] {
            let expected = Dialect { delimiter, says_delimiter: says };
            assert_eq!(Dialect::of(text.as_bytes(), is_tsv), expected, "{text:?}");
        }
    }
}
