//! What can be typed, one module each.

pub(crate) mod build;
pub(crate) mod serve;
pub(crate) mod setup;
pub(crate) mod test;

/// Where cargo-leptos leaves the files that the server hands out: `site-root` in `Cargo.toml`.
const SITE: &str = "target/site";
