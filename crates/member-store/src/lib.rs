//! Document libraries made of members: each content is kept once, and `volume.tgz` is written while it is read.
//!
//! A gzip file may have several members (RFC 1952, 2.2), and readers take them for one. So the content of a file, padded
//! to the 512 bytes of tar, is compressed once into a member of its own, which is found by the SHA-256 of the content;
//! the headers between them are made from the list of entries, always the same way. What comes of it is an ordinary
//! `volume.tgz` whose length, tag and every range are known without packing anything, and a file that did not change is
//! neither sent nor compressed nor stored a second time.
//!
//! Members lie one behind the other in *packs*, files of about 64 MiB that are only ever appended to, and go when no
//! library needs any of their members. A member exists once its bytes are synced and its row is committed; what a pack has
//! beyond its rows is cut off at the start. Environments share nothing: a hash must not tell one customer what another
//! has.
//!
//! A *library* is a list of entries with a place for each, in a file that stands by itself: with it and the packs,
//! `volume.tgz` can be written without any database. It is read through once before it counts, so that its SHA-256 is
//! known and the inspection of archives has seen exactly the bytes that will be handed out.
//!
//! The store knows neither people nor HTTP nor what a backup is. Whoever opens it makes sure that no other process uses
//! the same data folder.

#![warn(missing_docs)]

mod appender;
mod assembler;
mod blocking;
mod content;
mod error;
mod gzip;
mod home;
mod large;
mod leftovers;
mod library;
mod list;
mod manifest;
mod members;
mod reading_again;
mod records;
mod store;
mod stream;
mod tar_header;
mod verification;

pub use error::MemberError;
pub use library::{FinishedLibrary, InvalidLibraryId, LibraryId};
pub use members::{Members, Reservation};
pub use store::{MemberLimits, MemberStore, Swept};
