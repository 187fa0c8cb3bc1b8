//! For whom a caller says that it asks.
//!
//! A console in front asks with credentials of its own and tells the name of the person behind, so that records here name
//! the person. Whether it is believed is for the [`Authenticator`](super::Authenticator) to say; it gives nobody a right.

use backup_api::routes::ON_BEHALF_OF;
use http::HeaderMap;
use percent_encoding::percent_decode_str;

/// The longest e-mail address.
const LONGEST_NAME: usize = 254;

/// The name that a request carries; `None` where there is none that could be shown to people.
pub(crate) fn name(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(ON_BEHALF_OF).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let name = percent_decode_str(value).decode_utf8().ok()?;
    let name = name.trim();
    let is_shown = !name.is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control);
    is_shown.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ON_BEHALF_OF, HeaderValue::from_str(value).unwrap());
        }
        name(&headers)
    }

    #[test]
    fn what_is_no_name_is_passed_over() {
        for values in [
            &[][..],
            &[""],
            &["%20"],
            &["%ff"],
            &["ann%0aroot"],
            &["ann", "joe"],
            &["a".repeat(255).as_str()],
        ] {
            assert_eq!(read(values), None, "{values:?}");
        }
    }

    #[test]
    fn names_of_all_languages_arrive() {
        assert_eq!(read(&["ann%40example%2Ecom"]).as_deref(), Some("ann@example.com"));
        assert_eq!(read(&["J%C3%BCrgen"]).as_deref(), Some("Jürgen"));
    }
}
