//! The header values of a download.

use backup_api::{ArchiveDescription, ByteRange};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
        X_CONTENT_TYPE_OPTIONS,
    },
};

const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// The strong entity tag, with its quotes: the digest of the whole archive, where it is known.
pub(crate) fn entity_tag(archive: &ArchiveDescription) -> Option<String> {
    archive
        .sha256
        .map(|sha256| format!("\"{}\"", hex::encode(sha256)))
}

/// What every answer about an archive says, whichever bytes it carries.
pub(crate) fn describe(headers: &mut HeaderMap, archive: &ArchiveDescription) {
    if let Some(tag) = entity_tag(archive) {
        headers.insert(ETAG, value(&tag));
    }
    if let Some(sha256) = archive.sha256 {
        let digest = format!("sha-256=:{}:", BASE64_STANDARD.encode(sha256));
        headers.insert(REPR_DIGEST, value(&digest));
    }
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-transform"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// What an answer that carries bytes, or stands for one that would, says about them.
pub(crate) fn describe_body(headers: &mut HeaderMap, archive: &ArchiveDescription, length: u64) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/gzip"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CONTENT_DISPOSITION, value(&attachment(&archive.file_name)));
}

/// Which bytes a 206 carries.
pub(crate) fn content_range(range: ByteRange, size: u64) -> (HeaderName, HeaderValue) {
    (
        CONTENT_RANGE,
        value(&format!("bytes {}-{}/{size}", range.start, range.end - 1)),
    )
}

/// What a 416 says instead.
pub(crate) fn unsatisfied_range(size: u64) -> (HeaderName, HeaderValue) {
    (CONTENT_RANGE, value(&format!("bytes */{size}")))
}

/// RFC 6266: a plain name for everybody, an extended one (RFC 8187) where the plain one had to lose something.
fn attachment(file_name: &str) -> String {
    let plain: String = file_name
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() || "-_.".contains(character) {
                character
            } else {
                '_'
            }
        })
        .collect();
    if plain == file_name {
        return format!("attachment; filename=\"{plain}\"");
    }
    let extended = percent_encoding::utf8_percent_encode(file_name, percent_encoding::NON_ALPHANUMERIC);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{extended}")
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("made of visible ASCII above")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_cannot_break_out_of_their_header() {
        assert_eq!(
            attachment("backup-db-a-b-1.gz"),
            "attachment; filename=\"backup-db-a-b-1.gz\""
        );
        assert_eq!(
            attachment("a\"\r\nSet-Cookie: ü"),
            "attachment; filename=\"a___Set-Cookie___\"; filename*=UTF-8''a%22%0D%0ASet%2DCookie%3A%20%C3%BC"
        );
    }
}
