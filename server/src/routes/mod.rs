//! The routes that are neither pages nor the documented API. Each parses, authorises, calls one method and maps.

pub(crate) mod activities;
pub(crate) mod download;
pub(crate) mod events;
pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod pages;
pub(crate) mod services;
mod signed_in;
pub(crate) mod upload;
pub(crate) mod uploads;
