//! What somebody says of an answer.

use super::{ApiError, Fields};

/// The most bytes of what feedback says.
const MAX_TEXT: usize = 64 << 10;

/// What somebody says of an answer.
#[derive(Debug)]
pub(crate) struct Said {
    /// The request that it is about.
    pub(crate) id: String,
    pub(crate) task: Option<String>,
    /// In `[0, 1]`.
    pub(crate) score: Option<f64>,
    /// The right answer.
    pub(crate) target: Option<String>,
    pub(crate) comment: Option<String>,
}

impl Said {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`ApiError`] 400 where it says nothing of an answer, or too much.
    pub(crate) fn of(body: &[u8]) -> Result<Self, ApiError> {
        let fields = Fields::of(body)?;
        let id: String = fields.read("id")?.ok_or_else(|| {
            ApiError::field("id", "id is missing: the x-request-id of the answer that this is about")
        })?;
        let score: Option<f64> = fields.read("score")?;
        let (target, comment): (Option<String>, Option<String>) =
            (fields.read("target")?, fields.read("comment")?);
        if score.is_some_and(|score| !(0.0..=1.0).contains(&score)) {
            return Err(ApiError::field("score", "score is not a number in [0, 1]"));
        }
        if score.is_none() && target.is_none() {
            return Err(ApiError::field(
                "score",
                "there is neither a score in [0, 1] nor a target, the right answer",
            ));
        }
        if [&target, &comment].into_iter().flatten().map(String::len).sum::<usize>() + id.len() > MAX_TEXT {
            return Err(ApiError::field(
                "comment",
                format!("id, target and comment have more than {MAX_TEXT} bytes"),
            ));
        }
        Ok(Self { id, task: fields.read("task")?, score, target, comment })
    }
}
