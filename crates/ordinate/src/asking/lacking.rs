//! What the answer store of a folder has, and what it lacks, before anybody is asked.

use ordinate_core::CandidateName;
use ordinate_measure::{AnswerStore, MeasureError};

use super::{Asked, LOOKED_UP, Session};
use crate::error::Error;
use crate::kinds::Whom;

/// The items to which the store has no answer of a candidate.
pub(crate) struct Lacks {
    pub(crate) name: CandidateName,
    pub(crate) lacking: usize,
    pub(crate) of: usize,
}

impl Session<'_> {
    /// Whether the store has the answers of these candidates to all items in these rows.
    pub(crate) async fn has_all(&self, asked: &[&Asked], rows: &[u32]) -> Result<bool, Error> {
        let store = AnswerStore::open(&self.store).await.map_err(MeasureError::Store)?;
        let mut all = true;
        'all: for one in asked {
            for rows in rows.chunks(LOOKED_UP) {
                let keys = self.keys(&one.opened.contender, rows)?;
                all = store.find(&keys).await.map_err(MeasureError::Store)?.iter().all(Option::is_some);
                if !all {
                    break 'all;
                }
            }
        }
        store.close().await;
        Ok(all)
    }

    /// Whether the store has an answer to anything that is to be asked.
    pub(crate) async fn has_any(&self, asked: &[Asked]) -> Result<bool, Error> {
        Ok(self.lacking(asked, true).await?.iter().any(|lacks| lacks.lacking < lacks.of))
    }

    /// What each candidate still has to be asked. With `any` it is not counted on where anything is found.
    pub(crate) async fn lacking(&self, asked: &[Asked], any: bool) -> Result<Vec<Lacks>, Error> {
        let store = AnswerStore::open(&self.store).await.map_err(MeasureError::Store)?;
        let mut all = Vec::new();
        'all: for one in asked {
            let own = (&one.opened.contender, &self.materials.asked);
            let wanted = one.opened.wants.iter().filter_map(|want| match &want.whom {
                Whom::Own(contender) => Some((contender.as_ref(), &want.rows)),
                Whom::Candidate(_) => None,
            });
            // What hangs on answers that are still wanted cannot be looked for yet.
            let own = one.opened.wants.is_empty().then_some(own);
            for (contender, rows) in wanted.chain(own) {
                let mut lacks = Lacks { name: contender.name.clone(), lacking: rows.len(), of: rows.len() };
                for rows in rows.chunks(LOOKED_UP) {
                    let there =
                        store.find(&self.keys(contender, rows)?).await.map_err(MeasureError::Store)?;
                    let found = there.iter().flatten().count();
                    lacks.lacking -= found;
                    if any && found > 0 {
                        all.push(lacks);
                        break 'all;
                    }
                }
                all.push(lacks);
            }
        }
        store.close().await;
        Ok(all)
    }
}
