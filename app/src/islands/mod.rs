//! What needs the browser. Each island is a small improvement of markup that already works without it, or stays
//! hidden where it would have no function.

mod action_menu;
mod announce;
mod copy_button;
pub(crate) mod live;
mod local_time;
mod theme_switch;
mod uploader;

pub use action_menu::ActionMenu;
pub use copy_button::CopyButton;
pub use live::Live;
pub use local_time::LocalTime;
pub use theme_switch::ThemeSwitch;
#[cfg(feature = "ssr")]
pub use uploader::UploadForm;
