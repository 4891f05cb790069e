//! What a file asks of the machine, or of belief, and is refused.

/// What is too much, and what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// Not a regular file.
    #[error(
        "this is no file but a pipe or a device, which may never end. Save what it gives to a file and name that."
    )]
    NotRegular,
    /// A compressed file that unpacks to too much.
    #[error(
        "its {packed} bytes unpack to more than {unpacked}, as those of a decompression bomb do. Unpack it by hand if it \
             can be trusted."
    )]
    Bomb {
        /// The size of the file.
        packed: u64,
        /// Bytes that came out before reading stopped.
        unpacked: u64,
    },
    /// More text than there is memory for.
    #[error(
        "the texts so far come to more than {} MiB, the share of this machine's free memory that texts may take. Leave \
             out the column \"output\" (policies that read outputs are then not tried), take fewer items, or use a \
             larger machine.", most >> 20
    )]
    TooMuchText {
        /// Bytes that may be kept.
        most: u64,
    },
    /// An amount that nobody has measured.
    #[error(
        "{value:e} is more than one answer can come to (at most {most:e}). Correct it, or leave the cell empty if it is not known."
    )]
    Unbelievable {
        /// The value.
        value: f64,
        /// What is believed.
        most: f64,
    },
    /// A number with a dot before three digits, in a file that has decimal commas.
    #[error(
        "{value:?} may be a thousand and more, or one and a bit: elsewhere this file has commas before the decimals. Write the \
         number without dots between thousands."
    )]
    Thousands {
        /// The cell.
        value: String,
    },
}
