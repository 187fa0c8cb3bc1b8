//! Drafts as browser and server exchange them, and what a server function answers when it refuses.
//!
//! The browser's build knows neither the console nor its errors; what it needs of them is here, and no more.

use backup_api::{Finding, Part};
use leptos::{
    prelude::FromServerFnError,
    server_fn::{codec::JsonEncoding, error::ServerFnErrorErr},
};
use serde::{Deserialize, Serialize};

/// What tells whether a file is the one that was chosen before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    /// Without its folder.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Milliseconds since 1970-01-01 00:00 UTC.
    pub modified: i64,
    /// The SHA-256 of the first and the last megabyte, in lower-case hexadecimal.
    pub sample: String,
}

/// One half of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftFile {
    /// Which half.
    pub part: Part,
    /// The resumable upload that takes its bytes.
    pub upload: String,
    /// The file it comes from.
    pub file: FileFacts,
    /// Durable bytes, never more.
    pub received: u64,
    /// The SHA-256 of all bytes, in lower-case hexadecimal, once they are all there.
    pub sha256: Option<String>,
    /// What its inspection says so far; `None` while no byte was looked at.
    pub inspection: Option<Inspection>,
}

impl DraftFile {
    /// Whether it can never become a backup.
    pub fn is_refused(&self) -> bool {
        self.inspection
            .as_ref()
            .is_some_and(|inspection| inspection.is_refused)
    }
}

/// What is known of the content of a file that is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// In one line what it is.
    pub summary: String,
    /// What was noticed, worst first.
    pub findings: Vec<Finding>,
    /// Whether the file was refused, for good.
    pub is_refused: bool,
}

/// What choosing a file leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Choice {
    /// Its bytes are taken from [`DraftFile::received`] on.
    Ready(DraftFile),
    /// Another file is half there.
    Other {
        /// That file.
        there: DraftFile,
        /// In what the chosen one is another: `its size and its content`.
        differs_in: String,
    },
}

/// How far the making of a backup is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Initiated {
    /// It stands.
    Done {
        /// Its id.
        backup: String,
    },
    /// It is being made; asking again waits for it.
    Underway,
}

/// What a server function answers when it does not succeed: a problem of the API, as far as a person needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// The HTTP status; 0 where no answer came.
    pub status: u16,
    /// The stable word programs match on.
    pub code: String,
    /// A sentence that says what to do.
    pub detail: String,
    /// Joins the answer to the log.
    #[serde(default, rename = "requestId", skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Refusal {
    /// No answer came, or none that can be read.
    pub fn unreachable() -> Self {
        Self {
            status: 0,
            code: "unreachable".to_owned(),
            detail: "The console does not answer. Check the connection.".to_owned(),
            request_id: None,
        }
    }

    /// Whether the same call may succeed later without being changed.
    pub const fn is_passing(&self) -> bool {
        matches!(self.status, 0 | 408 | 429 | 500 | 502..=504)
    }
}

impl FromServerFnError for Refusal {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Args(_)
            | ServerFnErrorErr::MissingArg(_)
            | ServerFnErrorErr::Deserialization(_) => Self {
                status: 400,
                code: "invalid-request".to_owned(),
                detail: "The console and this page do not understand each other. Reload the page.".to_owned(),
                request_id: None,
            },
            _ => Self::unreachable(),
        }
    }

    fn status_code(&self) -> http::StatusCode {
        http::StatusCode::from_u16(self.status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_of_the_protocol_are_read_as_refusals() {
        let problem = r#"{"type":"about:blank","title":"Another offset","status":409,"detail":"Go on.","code":"offset-mismatch","expected":7}"#;
        let refusal: Refusal = serde_json::from_str(problem).unwrap();
        assert_eq!((refusal.status, refusal.code.as_str()), (409, "offset-mismatch"));
        assert!(!refusal.is_passing());
        assert!(Refusal::unreachable().is_passing());
    }
}
