//! The protocol's headers: their names, and how what clients send is read.

use std::sync::Arc;

use archive_store::uploads::Checksum;
use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use backup_api::{ApiError, Part, tus};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use jiff::{Timestamp, fmt::rfc2822::DateTimePrinter};

/// The only version that is spoken.
pub(crate) use backup_api::tus::VERSION;

pub(crate) const EXTENSIONS: &str =
    "creation,creation-defer-length,creation-with-upload,checksum,expiration,termination";
pub(crate) const EXTENSIONS_WITHOUT_CREATION: &str = "checksum,expiration,termination";
pub(crate) const CHECKSUM_ALGORITHMS: &str = "sha1,sha256";

pub(crate) const TUS_RESUMABLE: HeaderName = HeaderName::from_static(tus::TUS_RESUMABLE);
pub(crate) const TUS_VERSION: HeaderName = HeaderName::from_static(tus::TUS_VERSION);
pub(crate) const TUS_EXTENSION: HeaderName = HeaderName::from_static(tus::TUS_EXTENSION);
pub(crate) const TUS_MAX_SIZE: HeaderName = HeaderName::from_static(tus::TUS_MAX_SIZE);
pub(crate) const TUS_CHECKSUM_ALGORITHM: HeaderName = HeaderName::from_static(tus::TUS_CHECKSUM_ALGORITHM);
pub(crate) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static(tus::UPLOAD_OFFSET);
pub(crate) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static(tus::UPLOAD_LENGTH);
pub(crate) const UPLOAD_DEFER_LENGTH: HeaderName = HeaderName::from_static(tus::UPLOAD_DEFER_LENGTH);
pub(crate) const UPLOAD_METADATA: HeaderName = HeaderName::from_static(tus::UPLOAD_METADATA);
pub(crate) const UPLOAD_EXPIRES: HeaderName = HeaderName::from_static(tus::UPLOAD_EXPIRES);
pub(crate) const REPR_DIGEST: HeaderName = HeaderName::from_static(tus::REPR_DIGEST);
/// Ours: how a client names itself, so that requests of its own are told from those of others.
const UPLOAD_SENDER: HeaderName = HeaderName::from_static(tus::UPLOAD_SENDER);
const UPLOAD_CHECKSUM: HeaderName = HeaderName::from_static(tus::UPLOAD_CHECKSUM);
pub(crate) const X_HTTP_METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");

fn invalid(detail: impl Into<String>) -> ApiError {
    ApiError::InvalidRequest {
        detail: detail.into(),
    }
}

/// A header with a number of bytes in it.
pub(crate) fn bytes(headers: &HeaderMap, name: &HeaderName) -> Result<Option<u64>, ApiError> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let digits = value
        .to_str()
        .ok()
        .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.and_then(|text| text.parse().ok()) {
        Some(number) => Ok(Some(number)),
        None => Err(invalid(format!("`{name}` is a whole number of bytes."))),
    }
}

/// The length of the upload that is announced: `None` where it follows later.
pub(crate) fn announced_length(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    let length = bytes(headers, &UPLOAD_LENGTH)?;
    let deferred = headers.get(UPLOAD_DEFER_LENGTH);
    match (length, deferred) {
        (Some(length), None) => Ok(Some(length)),
        (None, Some(deferred)) if deferred == "1" => Ok(None),
        _ => Err(invalid(
            "Announce either `Upload-Length` with the number of bytes or `Upload-Defer-Length: 1`.",
        )),
    }
}

/// How many bytes the body has, where that is said.
pub(crate) fn body_length(headers: &HeaderMap) -> Result<Option<u64>, ApiError> {
    bytes(headers, &CONTENT_LENGTH)
}

/// Whether the body is said to be bytes of an upload.
pub(crate) fn is_upload_content(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case(tus::CONTENT_TYPE))
}

/// The metadata as it was sent: pairs of a name and, in base64, a value.
pub(crate) fn metadata(headers: &HeaderMap) -> Result<String, ApiError> {
    let invalid = || {
        invalid(
            "`Upload-Metadata` is a list such as `filename ZGF0YWJhc2UuZ3o=,filetype YXBwbGljYXRpb24vZ3ppcA==`.",
        )
    };
    let Some(value) = headers.get(UPLOAD_METADATA) else {
        return Ok(String::new());
    };
    let text = value.to_str().map_err(|_| invalid())?;
    let is_pair = |pair: &str| {
        let (name, value) = pair.trim().split_once(' ').unwrap_or((pair.trim(), ""));
        !name.is_empty() && BASE64_STANDARD.decode(value).is_ok()
    };
    if text.is_empty() || text.split(',').all(is_pair) {
        Ok(text.to_owned())
    } else {
        Err(invalid())
    }
}

/// Which half of a backup the metadata says it is to be.
pub(crate) fn part(metadata: &str) -> Result<Option<Part>, ApiError> {
    let pairs = metadata.split(',').filter_map(|pair| pair.trim().split_once(' '));
    let Some((_, value)) = pairs.into_iter().find(|(name, _)| *name == tus::PART) else {
        return Ok(None);
    };
    let word = BASE64_STANDARD
        .decode(value)
        .ok()
        .and_then(|word| String::from_utf8(word).ok());
    match word.and_then(|word| word.parse().ok()) {
        Some(part) => Ok(Some(part)),
        None => Err(invalid(
            "`part` in `Upload-Metadata` is `database` or `volume`, in base64: `part ZGF0YWJhc2U=` or `part dm9sdW1l`.",
        )),
    }
}

/// The most that a client may call itself.
const LONGEST_SENDER: usize = 64;

/// How the client names itself.
pub(crate) fn sender(headers: &HeaderMap) -> Result<Option<Arc<str>>, ApiError> {
    let Some(value) = headers.get(UPLOAD_SENDER) else {
        return Ok(None);
    };
    match value.to_str() {
        Ok(text) if (1..=LONGEST_SENDER).contains(&text.len()) => Ok(Some(text.into())),
        _ => Err(invalid(format!(
            "`Upload-Sender` is a name of at most {LONGEST_SENDER} ASCII characters that the client makes up for itself."
        ))),
    }
}

/// What the bytes of the body shall hash to.
pub(crate) fn checksum(headers: &HeaderMap) -> Result<Option<Checksum>, ApiError> {
    let Some(value) = headers.get(UPLOAD_CHECKSUM) else {
        return Ok(None);
    };
    let read = || {
        let (algorithm, digest) = value.to_str().ok()?.split_once(' ')?;
        let digest = BASE64_STANDARD.decode(digest.trim()).ok()?;
        match algorithm.to_ascii_lowercase().as_str() {
            "sha1" | "sha-1" => digest.try_into().ok().map(Checksum::Sha1),
            "sha256" | "sha-256" => digest.try_into().ok().map(Checksum::Sha256),
            _ => None,
        }
    };
    read().map(Some).ok_or_else(|| {
        invalid("`Upload-Checksum` is `sha1` or `sha256`, a space and the digest of the body in base64.")
    })
}

/// The SHA-256 of a whole archive (RFC 9530).
pub(crate) fn digest(sha256: &[u8; 32]) -> HeaderValue {
    let text = format!("sha-256=:{}:", BASE64_STANDARD.encode(sha256));
    HeaderValue::try_from(text).expect("base64 is ASCII")
}

/// A moment as HTTP spells it.
pub(crate) fn date(time: Timestamp) -> HeaderValue {
    let text = DateTimePrinter::new().timestamp_to_rfc9110_string(&time);
    let text = text.expect("a Timestamp has a year of four digits");
    HeaderValue::try_from(text).expect("dates are ASCII")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn one(name: &HeaderName, value: &[u8]) -> Option<HeaderMap> {
        let value = HeaderValue::from_bytes(value).ok()?;
        Some([(name.clone(), value)].into_iter().collect())
    }

    /// Pieces that headers are made of, whole or broken.
    fn value() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            prop::sample::select(vec![
                "filename",
                " ",
                ",",
                ",,",
                "ZGF0YWJhc2UuZ3o=",
                "=",
                "====",
                "sha1",
                "sha-256",
                "SHA256",
                "0",
                "1",
                "18446744073709551615",
                "18446744073709551616",
                "+",
                "-1",
                "\t",
                "2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
                "\u{fc}",
            ])
            .prop_map(|text| text.as_bytes().to_vec()),
            prop::collection::vec(any::<u8>(), 0..6),
        ];
        prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn whatever_is_sent_is_judged(value in value()) {
            for name in [&UPLOAD_METADATA, &UPLOAD_CHECKSUM, &UPLOAD_LENGTH, &UPLOAD_OFFSET, &UPLOAD_SENDER] {
                let Some(headers) = one(name, &value) else {
                    continue;
                };
                if let Ok(Some(number)) = bytes(&headers, name) {
                    let text = std::str::from_utf8(&value).unwrap().trim();
                    let digits = text.trim_start_matches('0');
                    prop_assert_eq!(if digits.is_empty() { "0" } else { digits }, number.to_string());
                }
                if let Ok(text) = metadata(&headers) {
                    // What is kept is handed out again as a header.
                    prop_assert!(HeaderValue::from_str(&text).is_ok());
                }
                let text = String::from_utf8_lossy(&value);
                let _ = part(&text);
                if let Ok(Some(name)) = sender(&headers) {
                    prop_assert!(name.is_ascii() && name.len() <= LONGEST_SENDER);
                }
                let _ = (checksum(&headers), announced_length(&headers), is_upload_content(&headers));
            }
        }

        #[test]
        fn metadata_as_clients_write_it_is_kept_as_it_came(
            pairs in prop::collection::vec(("[a-zA-Z0-9_.-]{1,12}", prop::option::of(prop::collection::vec(any::<u8>(), 0..30))), 1..5),
            blank in prop::sample::select(vec![",", ", "]),
        ) {
            let text: Vec<_> = pairs
                .iter()
                .map(|(name, value)| match value {
                    Some(value) => format!("{name} {}", BASE64_STANDARD.encode(value)),
                    None => name.clone(),
                })
                .collect();
            let text = text.join(blank);
            let headers = one(&UPLOAD_METADATA, text.as_bytes()).unwrap();
            prop_assert_eq!(metadata(&headers).ok(), Some(text));
        }

        #[test]
        fn a_checksum_is_read_as_it_was_meant(digest in any::<[u8; 32]>()) {
            let short: [u8; 20] = digest[..20].try_into().unwrap();
            for (text, expected) in [
                (format!("sha256 {}", BASE64_STANDARD.encode(digest)), Some(Checksum::Sha256(digest))),
                (format!("SHA-1 {}", BASE64_STANDARD.encode(short)), Some(Checksum::Sha1(short))),
                (format!("sha1 {}", BASE64_STANDARD.encode(digest)), None),
                (format!("md5 {}", BASE64_STANDARD.encode(&digest[..16])), None),
            ] {
                let headers = one(&UPLOAD_CHECKSUM, text.as_bytes()).unwrap();
                prop_assert_eq!(checksum(&headers).ok().flatten(), expected);
            }
        }
    }
}
