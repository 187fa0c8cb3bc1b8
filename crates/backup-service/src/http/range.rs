//! Which bytes of an archive a request wants: RFC 9110, sections 13 and 14.
//!
//! Several ranges in one request get the whole archive: nobody who resumes a download asks for them, and a
//! multipart answer would be the one form of download without an exact length.

use backup_api::ByteRange;
use http::{
    HeaderMap, Method, StatusCode,
    header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE},
};

/// What to answer with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Selection {
    /// 200: everything.
    Whole,
    /// 206: a part, never empty.
    Partial(ByteRange),
    /// 304, 412 or 416: nothing.
    Nothing(StatusCode),
}

/// Chooses the bytes for a request. `entity_tag` is the strong one, with its quotes; an archive whose digest is not known
/// has none, and is never found to be the same.
pub(crate) fn select(method: &Method, headers: &HeaderMap, entity_tag: Option<&str>, size: u64) -> Selection {
    if let Some(condition) = text(headers, IF_MATCH)
        && !lists(condition, entity_tag, Comparison::Strong)
    {
        return Selection::Nothing(StatusCode::PRECONDITION_FAILED);
    }
    if let Some(condition) = text(headers, IF_NONE_MATCH)
        && lists(condition, entity_tag, Comparison::Weak)
    {
        let is_read = method == Method::GET || method == Method::HEAD;
        return Selection::Nothing(if is_read {
            StatusCode::NOT_MODIFIED
        } else {
            StatusCode::PRECONDITION_FAILED
        });
    }
    // Only GET has ranges, and a resumed download whose archive is another one by now starts afresh.
    let same_archive = headers
        .get(IF_RANGE)
        .is_none_or(|condition| entity_tag.is_some_and(|tag| condition.as_bytes() == tag.as_bytes()));
    match text(headers, RANGE) {
        Some(range) if method == Method::GET && same_archive => parse(range, size),
        _ => Selection::Whole,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

fn text(headers: &HeaderMap, name: http::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn lists(condition: &str, entity_tag: Option<&str>, comparison: Comparison) -> bool {
    let is_it = |tag: &str| {
        entity_tag.is_some_and(|known| {
            tag == known || (comparison == Comparison::Weak && tag.strip_prefix("W/") == Some(known))
        })
    };
    condition.trim() == "*" || condition.split(',').map(str::trim).any(is_it)
}

/// Reads a `Range` header. What is not understood is ignored, as the standard asks.
fn parse(header: &str, size: u64) -> Selection {
    let Some((unit, range)) = header.split_once('=') else {
        return Selection::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") || range.contains(',') {
        return Selection::Whole;
    }
    let Some((first, last)) = range.trim().split_once('-') else {
        return Selection::Whole;
    };
    let unsatisfiable = Selection::Nothing(StatusCode::RANGE_NOT_SATISFIABLE);
    let range = match (number(first), number(last)) {
        (Number::Is(first), Number::Is(last)) if first > last => return Selection::Whole,
        (Number::Is(first), Number::Is(last)) => ByteRange {
            start: first,
            end: last.saturating_add(1).min(size),
        },
        (Number::Is(first), Number::Absent) => ByteRange {
            start: first,
            end: size,
        },
        (Number::Absent, Number::Is(length)) => ByteRange {
            start: size.saturating_sub(length),
            end: size,
        },
        _ => return Selection::Whole,
    };
    if range.start >= range.end {
        unsatisfiable
    } else {
        Selection::Partial(range)
    }
}

enum Number {
    Absent,
    Is(u64),
    Invalid,
}

fn number(text: &str) -> Number {
    if text.is_empty() {
        return Number::Absent;
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Number::Invalid;
    }
    // Digits that do not fit are a position after any archive's end.
    Number::Is(text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    const TAG: &str = "\"abc\"";

    fn headers(entries: &[(HeaderName, &str)]) -> HeaderMap {
        entries
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn get(entries: &[(HeaderName, &str)]) -> Selection {
        select(&Method::GET, &headers(entries), Some(TAG), 100)
    }

    #[test]
    fn ranges_select_what_the_standard_says() {
        let partial = |start, end| Selection::Partial(ByteRange { start, end });
        let unsatisfiable = Selection::Nothing(StatusCode::RANGE_NOT_SATISFIABLE);
        for (range, selection) in [
            ("bytes=0-0", partial(0, 1)),
            ("bytes=10-19", partial(10, 20)),
            ("bytes=90-", partial(90, 100)),
            ("bytes=90-1000", partial(90, 100)),
            ("bytes=-10", partial(90, 100)),
            ("bytes=-1000", partial(0, 100)),
            ("BYTES=0-", partial(0, 100)),
            ("bytes=0-99999999999999999999999", partial(0, 100)),
            ("bytes=100-", unsatisfiable),
            ("bytes=99999999999999999999999-", unsatisfiable),
            ("bytes=-0", unsatisfiable),
            ("bytes=20-10", Selection::Whole),
            ("bytes=0-1,5-6", Selection::Whole),
            ("bytes=-", Selection::Whole),
            ("bytes=a-b", Selection::Whole),
            ("bytes=+1-2", Selection::Whole),
            ("bytes=1--2", Selection::Whole),
            ("lines=1-2", Selection::Whole),
            ("bytes", Selection::Whole),
        ] {
            assert_eq!(get(&[(RANGE, range)]), selection, "{range}");
        }
    }

    #[test]
    fn conditions_come_before_ranges() {
        let whole_range = (RANGE, "bytes=0-9");
        let nothing = Selection::Nothing;
        assert_eq!(get(&[(IF_NONE_MATCH, TAG)]), nothing(StatusCode::NOT_MODIFIED));
        assert_eq!(
            get(&[(IF_NONE_MATCH, "\"x\", W/\"abc\""), whole_range.clone()]),
            nothing(StatusCode::NOT_MODIFIED)
        );
        assert_eq!(get(&[(IF_NONE_MATCH, "\"x\"")]), Selection::Whole);
        assert_eq!(
            get(&[(IF_MATCH, "\"x\""), whole_range.clone()]),
            nothing(StatusCode::PRECONDITION_FAILED)
        );
        assert_eq!(
            get(&[(IF_MATCH, "W/\"abc\"")]),
            nothing(StatusCode::PRECONDITION_FAILED)
        );
        let partial = Selection::Partial(ByteRange { start: 0, end: 10 });
        assert_eq!(get(&[(IF_RANGE, TAG), whole_range.clone()]), partial);
        assert_eq!(get(&[(IF_RANGE, "\"x\""), whole_range.clone()]), Selection::Whole);
        assert_eq!(
            get(&[(IF_RANGE, "W/\"abc\""), whole_range.clone()]),
            Selection::Whole
        );
        assert_eq!(
            get(&[(IF_RANGE, "Tue, 15 Nov 1994 12:45:26 GMT"), whole_range.clone()]),
            Selection::Whole
        );
        let entries = headers(&[whole_range]);
        assert_eq!(select(&Method::HEAD, &entries, Some(TAG), 100), Selection::Whole);
        assert_eq!(select(&Method::POST, &entries, Some(TAG), 100), Selection::Whole);
    }

    proptest! {
        #[test]
        fn a_selected_range_lies_within_the_archive(range in "bytes=[0-9]{0,21}-[0-9]{0,21}", size in any::<u64>()) {
            if let Selection::Partial(range) = parse(&range, size) {
                prop_assert!(range.start < range.end && range.end <= size);
            }
        }

        #[test]
        fn any_text_is_judged_without_a_panic(range in "\\PC*", size in any::<u64>()) {
            let _ = parse(&range, size);
        }
    }

    #[test]
    fn an_archive_without_a_digest_is_never_found_to_be_the_same() {
        let select = |entries: &[(HeaderName, &str)]| select(&Method::GET, &headers(entries), None, 100);
        let refused = Selection::Nothing(StatusCode::PRECONDITION_FAILED);
        assert_eq!(select(&[(IF_MATCH, TAG)]), refused);
        assert_eq!(select(&[(IF_MATCH, "*")]), Selection::Whole);
        assert_eq!(select(&[(IF_NONE_MATCH, TAG)]), Selection::Whole);
        assert_eq!(select(&[(RANGE, "bytes=5-9"), (IF_RANGE, TAG)]), Selection::Whole);
        assert!(matches!(select(&[(RANGE, "bytes=5-9")]), Selection::Partial(_)));
    }
}
