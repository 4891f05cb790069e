//! One file a kind.

mod choose;
mod classify;
mod classify_image;
mod extract;
mod forecast;
mod generate;
mod regress;
mod scored;
mod tag;
mod translate;

pub use choose::Choose;
pub use classify::Classify;
pub use classify_image::ClassifyImage;
pub use extract::Extract;
pub use forecast::Forecast;
pub use generate::Generate;
pub use regress::Regress;
pub use scored::Scored;
pub use tag::Tag;
pub use translate::Translate;
