//! What every request passes, from the outside in; one file each, with its reason.

pub(crate) mod access_log;
pub(crate) mod client_address;
pub(crate) mod cross_site;
pub(crate) mod crowding;
pub(crate) mod host;
pub(crate) mod panic;
pub(crate) mod request_id;
pub(crate) mod security_headers;
mod wrong_address;
