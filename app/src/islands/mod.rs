//! What needs the browser. Each island is a small improvement of markup that already works without it, or stays
//! hidden where it would have no function.

mod announce;
mod behaviour;
mod copying;
pub(crate) mod live;
mod markup;
mod menus;
mod moments;
mod theme_switch;
mod uploader;

pub use behaviour::Behaviour;
pub use live::Live;
pub use theme_switch::ThemeSwitch;
#[cfg(feature = "ssr")]
pub use uploader::UploadForm;
