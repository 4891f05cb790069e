//! Why a report could not be made.

/// Why a report could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The page could not be rendered: a defect of Ordinate, not of the verdict.
    #[error(
        "the page could not be rendered ({0}); this is a defect of ordinate, please report it with verdict.json"
    )]
    Render(#[from] askama::Error),
}
