//! What people see: pages, components, islands and server functions of the console.
//!
//! Pages are rendered on the server and stay what they are; only what needs the browser (the clipboard, the reader's
//! time zone, the keys of a menu, the theme) is an island. So the browser's build (feature `hydrate`) holds the
//! islands and the formatting they share with the server, and everything else is compiled with `ssr` alone. Every
//! page works before, without and after WASM.
//!
//! Nothing here knows how backups are kept: a page finds out who asks, calls one method of `console::Console` and
//! shows what it says. Pages of an environment first ask for the availability of what they offer.

#![expect(
    unreachable_pub,
    reason = "what `#[component]` and `#[island]` write is `pub` wherever it stands"
)]

pub mod drafts;
mod findings;
pub mod format;
pub mod islands;
pub mod live;
pub mod theme;

#[cfg(feature = "ssr")]
mod activities;
#[cfg(feature = "ssr")]
mod app;
#[cfg(feature = "ssr")]
mod availability;
#[cfg(feature = "ssr")]
mod browsers;
#[cfg(feature = "ssr")]
mod commands;
#[cfg(feature = "ssr")]
mod components;
#[cfg(feature = "ssr")]
mod context;
#[cfg(feature = "ssr")]
mod error;
#[cfg_attr(not(feature = "ssr"), allow(dead_code, reason = "islands draw few of them"))]
mod icons;
#[cfg_attr(not(feature = "ssr"), allow(dead_code, reason = "islands write little of it"))]
mod markup;
#[cfg(feature = "ssr")]
mod pages;
#[cfg(feature = "ssr")]
mod paths;
#[cfg(feature = "ssr")]
mod problems;
mod server_functions;
#[cfg(feature = "ssr")]
mod shell;

#[cfg(feature = "ssr")]
pub use crate::{
    app::App,
    context::{ConsoleAddress, RequestId},
    error::AppError,
    server_functions::{
        AcceptInvitation, ChangePassword, ChangeRoles, DisablePerson, EnablePerson, EndOtherSessions,
        EndSession, EndSessionsOfPerson, InvitePerson, MakeToken, RemovePerson, RevokeToken, SetUp, SignIn,
        SignOut, WithdrawInvitation,
    },
    shell::shell,
};
