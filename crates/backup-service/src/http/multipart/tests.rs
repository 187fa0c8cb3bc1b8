//! Bodies cut at every place, and bodies that do not end.

use std::future::poll_fn;

use futures_util::stream;
use proptest::prelude::*;

use super::*;

type Part = (PartHeaders, Vec<u8>);

/// Splits `body`, which arrives in chunks of `chunk` bytes.
fn split(body: &[u8], chunk: usize) -> Result<Vec<Part>, BodyError> {
    let chunks: Vec<_> = body
        .chunks(chunk.max(1))
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect();
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(async {
            let multipart = Multipart::new(stream::iter(chunks), "XX");
            let mut parts = Vec::new();
            while let Some(headers) = poll_fn(|context| multipart.poll_part(context)).await {
                let mut bytes = Vec::new();
                let mut part = PartBody::of(&multipart);
                while let Some(data) = part.next().await {
                    bytes.extend_from_slice(&data?);
                }
                parts.push((headers?, bytes));
            }
            Ok(parts)
        })
}

fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in parts {
        body.extend_from_slice(b"--XX\r\nContent-Disposition: form-data; name=\"");
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(b"\"; filename=\"a.gz\"\r\nContent-Type: application/gzip\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--XX--\r\n");
    body
}

fn headers(name: &str) -> PartHeaders {
    PartHeaders {
        name: name.to_owned(),
        file_name: Some("a.gz".to_owned()),
    }
}

#[test]
fn parts_come_out_whole_wherever_the_body_is_cut() {
    // Content that looks like a boundary for as long as it can.
    let tricky: &[u8] = b"\r\n--X\r\n--\r\r\n--XY\r\n-";
    let body = form(&[("database", tricky), ("volume", b""), ("database", b"--XX")]);
    for chunk in 1..=body.len() {
        let parts = split(&body, chunk).unwrap();
        let expected = [
            (headers("database"), tricky.to_vec()),
            (headers("volume"), Vec::new()),
            (headers("database"), b"--XX".to_vec()),
        ];
        assert_eq!(parts, expected, "cut every {chunk} bytes");
    }
}

#[test]
fn a_body_that_ends_early_is_never_taken_for_a_whole_one() {
    let body = form(&[("database", b"0123456789"), ("volume", b"abc")]);
    let whole = body.len() - b"--\r\n".len();
    for length in 0..whole {
        assert!(
            split(&body[..length], 7).is_err(),
            "{length} of {} bytes passed for all",
            body.len()
        );
    }
}

#[test]
fn what_does_not_end_is_refused_instead_of_collected() {
    let endless = vec![b'x'; 64 * 1024];
    assert!(matches!(split(&endless, 1000), Err(BodyError::Malformed(_))));

    let mut headers = b"--XX\r\n".to_vec();
    headers.extend_from_slice(&endless);
    assert!(matches!(split(&headers, 1000), Err(BodyError::Malformed(_))));

    let mut padding = b"--XX".to_vec();
    padding.extend_from_slice(&vec![b' '; 64 * 1024]);
    assert!(matches!(split(&padding, 1000), Err(BodyError::Malformed(_))));
}

#[test]
fn headers_without_a_name_are_refused() {
    for header in [
        "",
        "Content-Type: text/plain",
        "Content-Disposition: form-data",
        "Content-Disposition: attachment; name=a",
    ] {
        let body = format!("--XX\r\n{header}\r\n\r\nabc\r\n--XX--");
        assert!(
            matches!(split(body.as_bytes(), 5), Err(BodyError::Malformed(_))),
            "{header:?}"
        );
    }
}

#[test]
fn parameters_are_read_quoted_and_plain() {
    let read = |text| parameter(text, "name");
    assert_eq!(read(" name=\"a\\\"b;c\"; filename=x"), Some("a\"b;c".to_owned()));
    assert_eq!(
        read("filename=\"name=no\"; NAME = yes ; x=y"),
        Some("yes".to_owned())
    );
    assert_eq!(read("filename=\"x\""), None);
    assert_eq!(read("name=\"open"), None);
}

#[test]
fn only_forms_with_a_boundary_are_read() {
    let of = |text: &str| boundary(Some(&HeaderValue::from_str(text).unwrap()));
    assert_eq!(
        of("Multipart/Form-Data; charset=utf-8; boundary=\"a b\"").unwrap(),
        "a b"
    );
    assert!(matches!(
        of("application/json"),
        Err(BodyError::UnsupportedMediaType(_))
    ));
    assert!(matches!(boundary(None), Err(BodyError::UnsupportedMediaType(_))));
    assert!(matches!(of("multipart/form-data"), Err(BodyError::Malformed(_))));
    assert!(matches!(
        of("multipart/form-data; boundary="),
        Err(BodyError::Malformed(_))
    ));
    assert!(matches!(
        of(&format!("multipart/form-data; boundary={}", "a".repeat(71))),
        Err(BodyError::Malformed(_))
    ));
}

proptest! {
    #[test]
    fn any_content_comes_out_as_it_went_in(content in proptest::collection::vec(prop_oneof![
        Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'X'), any::<u8>()
    ], 0..200), chunk in 1_usize..50) {
        prop_assume!(memmem::find(&content, b"\r\n--XX").is_none());
        let parts = split(&form(&[("database", &content)]), chunk).unwrap();
        prop_assert_eq!(parts, [(headers("database"), content)]);
    }

    #[test]
    fn any_body_is_judged_without_a_panic(body in proptest::collection::vec(any::<u8>(), 0..500), chunk in 1_usize..50) {
        let _ = split(&body, chunk);
    }

    /// Forms that somebody changed: wherever they are cut, the same parts come out, or none of them counts.
    #[test]
    fn the_verdict_does_not_depend_on_the_cuts(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), prop::sample::select(vec![
            &b""[..], b"\r\n", b"\n", b"--XX", b"--XX--", b"\r\n--XX\r\n", b"\r\n\r\n", b"\"", b"\\", b";", b"=", b":", b" ", b"\0",
        ]), any::<bool>()), 1..5),
        chunk in 1_usize..40,
    ) {
        let mut body = form(&[("database", b"one \r\n-- and more"), ("volume", b"two")]);
        for (index, word, replaces) in changes {
            let at = index.index(body.len());
            let end = if replaces { (at + word.len().max(1)).min(body.len()) } else { at };
            body.splice(at..end, word.iter().copied());
        }
        prop_assert_eq!(split(&body, chunk).ok(), split(&body, body.len().max(1)).ok());
    }
}
