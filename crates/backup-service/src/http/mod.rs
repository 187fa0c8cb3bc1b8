//! The documented HTTP API of one environment, and the pieces of it that another front, such as a console, needs to
//! speak the same HTTP: downloads with ranges, multipart uploads, events, problems.

mod authentication;
mod behalf;
mod credentials;
mod download;
mod events;
mod files;
mod handlers;
mod headers;
mod lists;
mod multipart;
mod openapi;
mod operations;
mod parameters;
mod range;
mod renames;
mod router;
mod state;
mod upload;
mod uploads;

pub use backup_api::http::{ClientAddress, RequestId, origin, problem_response};

pub use credentials::{Authenticator, Credentials};
pub use download::download_response;
pub use events::{event_stream, last_event_id};
pub use openapi::openapi;
pub use renames::renames_of_backup;
pub use router::routes;
pub use state::ServiceRouter;
pub use upload::upload_from_multipart;
