//! The inspection as others use it: bytes in, report out.

mod broken;
mod chunking;
mod sound;
mod support;
