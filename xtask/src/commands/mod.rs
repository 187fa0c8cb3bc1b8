//! What can be typed, one module each.

pub(crate) mod build;
pub(crate) mod first_load;
pub(crate) mod serve;
pub(crate) mod setup;
pub(crate) mod test;

/// Where cargo-leptos leaves the files that the server hands out: `site-root` in `Cargo.toml`.
const SITE: &str = "target/site";

/// How cargo-leptos builds it. What is marked as lazy is split off; a site that is built without `--split` asks for
/// files that are not there, and its islands stay dead.
const BUILD_SITE: [&str; 4] = ["leptos", "build", "--split", "--cargo-locked"];
