//! What is in an archive, and what is wrong with it, told while it arrives.
//!
//! [`Inspection`] takes the bytes of one archive as they come, in pieces of any size, and says at once when it must be
//! refused. It does no I/O and knows no runtime: the service feeds it from a thread of its own that pushes back on the
//! socket, the command line before it sends the first byte. Its memory does not grow with the archive.
//!
//! The same bytes give the same report, however they are cut. Whatever cannot be read with certainty is refused: an
//! archive that two programs read differently is no backup.
//!
//! The layers know nothing of each other: [`gzip`] makes bytes of bytes, [`tar`] entries of bytes, [`dump`] statements
//! of bytes. `contents` puts them together for either half of a backup, and only `findings` has words for people.

mod contents;
mod dump;
mod expansion;
mod fault;
mod findings;
mod gzip;
mod inspection;
mod limits;
mod noted;
mod tar;
mod tree;

pub use inspection::{Inspection, Verdict};
pub use limits::Limits;
pub use tree::link_stays_inside;
