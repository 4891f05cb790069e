//! Over which candidates policies are learned together.

use ordinate_core::{Candidate, Hosting, Lineage};

/// Candidates that policies are learned over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// What they have in common: `all`, a lineage, `local`, or `local` and a lineage.
    pub name: String,
    /// Their columns.
    pub columns: Vec<usize>,
}

/// All candidates; those of each lineage; those that run locally, and of these those of each lineage. Pools of one
/// candidate, and those that are another one under a further name, are left out. No needs are looked at: what one lineage
/// can do alone, and what can be done without data leaving the machine, is learned for whoever asks.
#[must_use]
pub fn pools(candidates: &[Candidate]) -> Vec<Pool> {
    let mut found: Vec<Pool> = Vec::new();
    let mut add = |name: String, keep: &dyn Fn(&Candidate) -> bool| {
        let columns: Vec<usize> = (0..candidates.len()).filter(|&column| keep(&candidates[column])).collect();
        let known = found.iter().any(|pool| pool.columns == columns);
        if found.is_empty() || columns.len() > 1 && !known {
            found.push(Pool { name, columns });
        }
    };
    let local = |candidate: &Candidate| candidate.hosting == Some(Hosting::Local);
    let lineages = [Lineage::General, Lineage::Vertical, Lineage::Transferred];
    add("all".to_owned(), &|_| true);
    for lineage in lineages {
        add(lineage.to_string(), &|candidate| candidate.lineage == lineage);
    }
    add("local".to_owned(), &local);
    for lineage in lineages {
        add(format!("local {lineage}"), &|candidate| local(candidate) && candidate.lineage == lineage);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use ordinate_core::CandidateName;

    #[test]
    fn lineages_and_places() {
        use Lineage::{General, Vertical};
        let of = |list: &[(Lineage, bool)]| -> Vec<(String, Vec<usize>)> {
            let candidate = |(number, (lineage, local)): (usize, &(Lineage, bool))| {
                let name = CandidateName::new(&format!("m{number}")).unwrap();
                let hosting = Some(if *local { Hosting::Local } else { Hosting::Remote });
                Candidate { hosting, ..Candidate::new(name, *lineage) }
            };
            let candidates: Vec<_> = list.iter().enumerate().map(candidate).collect();
            pools(&candidates).into_iter().map(|pool| (pool.name, pool.columns)).collect()
        };
        let some =
            of(&[(General, false), (Vertical, true), (General, true), (Vertical, true), (General, true)]);
        let expected: [(&str, &[usize]); 5] = [
            ("all", &[0, 1, 2, 3, 4]),
            ("general", &[0, 2, 4]),
            ("vertical", &[1, 3]),
            ("local", &[1, 2, 3, 4]),
            ("local general", &[2, 4]),
        ];
        assert_eq!(some, expected.map(|(name, columns)| (name.to_owned(), columns.to_vec())));
        assert_eq!(of(&[(General, true), (General, true)]), [("all".to_owned(), vec![0, 1])]);
    }
}
