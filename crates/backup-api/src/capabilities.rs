//! What a service can do, as data: pages grey out what is missing and say why.

use serde::{Deserialize, Serialize};

/// One thing a service may be able to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Capability {
    /// Whether it can.
    pub available: bool,
    /// Why not: a sentence a page can show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What is said of services that take and hand out whole document libraries only.
pub const NO_FILES: &str = "This backup service takes and hands out document libraries as archives only.";

impl Capability {
    /// It can.
    pub const fn available() -> Self {
        Self {
            available: true,
            reason: None,
        }
    }

    /// It cannot, and this is why.
    pub fn missing(reason: impl Into<String>) -> Self {
        Self {
            available: false,
            reason: Some(reason.into()),
        }
    }
}

/// What a service can do in its environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Hand out archives.
    pub download: Capability,
    /// Take in archives.
    pub upload: Capability,
    /// Make a backup of the running environment.
    pub create: Capability,
    /// Put a backup into the environment.
    pub restore: Capability,
    /// Remove a backup.
    pub delete: Capability,
    /// Take in and hand out document libraries file by file.
    #[serde(default = "unheard_of")]
    pub files: Capability,
}

/// Services that came before say nothing of it.
fn unheard_of() -> Capability {
    Capability::missing(NO_FILES)
}
