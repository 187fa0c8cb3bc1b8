//! Resumable uploads over HTTP: tus 1.0, with the extensions creation, creation-defer-length, creation-with-upload,
//! checksum, expiration and termination.
//!
//! This crate speaks a protocol and nothing else. Bytes, offsets and quotas are the archive store's; who may upload,
//! and under which key, is asked of an injected [`UploadAccess`] before anything else happens. So the same router can
//! stand in the console, behind a session, and in a backup service, behind credentials.
//!
//! Where the bytes are kept by another process, [`relay()`] answers the same requests in the same way, with what an injected
//! [`UploadRelay`] learns there.
//!
//! An upload is never "locked": a client that comes back after its connection died goes on at once, and the request
//! it gave up ends instead.

#![warn(missing_docs)]

mod body;
mod handlers;
mod headers;
mod problems;
mod relay;
mod router;

pub use relay::{
    DescriptionFuture, RelayFuture, RelayRefusal, Relayed, RelayedRequest, RenamesFuture, UploadRelay, relay,
};
pub use router::{UploadAccess, router, routes, upload_in};
