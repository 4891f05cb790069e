//! Which files of a folder are the items to learn from and to score on, by the words in their names.

use std::path::{Path, PathBuf};

use crate::infer::{file_name, stem};

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Items,
    Train,
    Test,
    /// Items to try things out on: scored on where there is no test.
    Dev,
}

/// The role that a name tells, such as `my.train-00000-of-00002`.
pub(super) fn role(path: &Path) -> Option<Role> {
    let stem = stem(path).to_lowercase();
    let mut words = stem.split(|c: char| !c.is_alphanumeric());
    words.find_map(|word| match word.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "items" => Some(Role::Items),
        "train" | "training" => Some(Role::Train),
        "test" | "testing" => Some(Role::Test),
        "dev" | "valid" | "validation" | "val" => Some(Role::Dev),
        _ => None,
    })
}

/// The items of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parts {
    /// Patterns or names of the files, and the first file of each.
    pub(super) train: Option<(String, PathBuf)>,
    pub(super) test: Option<(String, PathBuf)>,
    /// Files of items that are not used.
    pub(super) others: Vec<String>,
}

/// The files to train and to test on. Of several that are no pieces of one, the first by name is taken.
pub(super) fn parts(tables: &[PathBuf]) -> Parts {
    let of =
        |wanted: Role| -> Vec<&PathBuf> { tables.iter().filter(|path| role(path) == Some(wanted)).collect() };
    let (train, mut test, mut dev) = (of(Role::Train), of(Role::Test), of(Role::Dev));
    if test.is_empty() {
        std::mem::swap(&mut test, &mut dev);
    }
    let mut others: Vec<String> = dev.iter().map(|path| file_name(path)).collect();
    let mut take = |files: &[&PathBuf]| {
        let first = files.first()?;
        if let Some(pattern) = pattern(files) {
            return Some((pattern, (*first).clone()));
        }
        others.extend(files[1..].iter().map(|path| file_name(path)));
        Some((file_name(first), (*first).clone()))
    };
    let (train, test) = (take(&train), take(&test));
    Parts { train, test, others }
}

/// One pattern for files whose names differ in their digits alone.
fn pattern(files: &[&PathBuf]) -> Option<String> {
    let star = |name: String| {
        let mut pattern = String::new();
        for c in name.chars() {
            match c {
                '0'..='9' if pattern.ends_with('*') => {}
                '0'..='9' => pattern.push('*'),
                '*' | '?' | '[' | ']' => return None,
                c => pattern.push(c),
            }
        }
        Some(pattern)
    };
    let first = star(file_name(files.first()?))?;
    let same = files.len() > 1 && files.iter().all(|path| star(file_name(path)).as_ref() == Some(&first));
    same.then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn train_dev_and_test_in_many_names() {
        let of = |names: &[&str]| parts(&names.iter().map(PathBuf::from).collect::<Vec<_>>());
        let names = |parts: &Parts| {
            [&parts.train, &parts.test].map(|part| part.as_ref().map(|(name, _)| name.clone()))
        };
        let some = |train: &str, test: &str| [Some(train.to_owned()), Some(test.to_owned())];
        let all = of(&["dev.jsonl", "test.jsonl", "train.jsonl"]);
        assert_eq!(
            (names(&all), all.others),
            (some("train.jsonl", "test.jsonl"), vec!["dev.jsonl".to_owned()])
        );
        assert_eq!(names(&of(&["train.csv", "validation.csv"])), some("train.csv", "validation.csv"));
        let shards =
            ["test-00000-of-00001.parquet", "train-00000-of-00002.parquet", "train-00001-of-00002.parquet"];
        assert_eq!(names(&of(&shards)), some("train-*-of-*.parquet", "test-00000-of-00001.parquet"));
        for second in ["test_b.csv", "test2.csv"] {
            let two = of(&["test_a.csv", second, "train.csv"]);
            assert_eq!((names(&two), two.others), (some("train.csv", "test_a.csv"), vec![second.to_owned()]));
        }
        assert_eq!(role(Path::new("latest.csv")), None);
    }
}
