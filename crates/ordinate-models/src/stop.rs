//! Whether to stop what takes long.

use crate::error::ModelError;

/// Whether to stop: asked between steps of training.
#[derive(Clone, Copy)]
pub struct Stop<'a>(&'a (dyn Fn() -> bool + Sync));

impl<'a> Stop<'a> {
    /// Goes on to the end.
    pub const NEVER: Self = Self(&|| false);

    /// Stops once `when` says so.
    #[must_use]
    pub fn when(when: &'a (dyn Fn() -> bool + Sync)) -> Self {
        Self(when)
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`ModelError::Stopped`].
    pub fn check(self) -> Result<(), ModelError> {
        if (self.0)() { Err(ModelError::Stopped) } else { Ok(()) }
    }
}
