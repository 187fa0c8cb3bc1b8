//! How far one resumable upload is, as JSON: the answer of `GET /backup/uploads/{id}`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Finding, Part, UploadInspection};

/// How far an upload is, and what its inspection says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct UploadProgress {
    /// Its name where it is kept.
    pub id: String,
    /// Which half of a backup it is to be, where that was said when it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// Durable bytes, never more. Of a refused one, whose bytes are gone: how far it had come.
    pub offset: u64,
    /// Bytes it will have, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// The SHA-256 of all bytes, in lower-case hexadecimal, once they are all there and known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// When it goes, if nobody goes on with it.
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date-time")))]
    pub expires_at: Timestamp,
    /// What its inspection says; absent where nobody said which half it is, and until the first bytes were looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection: Option<UploadInspection>,
}

impl UploadProgress {
    /// Why the archive was refused, where it was.
    pub fn refusal(&self) -> Option<&[Finding]> {
        let inspection = self
            .inspection
            .as_ref()
            .filter(|inspection| inspection.is_refused());
        inspection.map(UploadInspection::findings)
    }
}
