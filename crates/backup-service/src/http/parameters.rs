//! What stands behind the `?` of a call.
//!
//! Names that mean nothing here are passed over, because scripts send some; a value that cannot be read is refused with
//! a sentence that says which could.

use std::str::FromStr;

use axum::{
    extract::{FromRequestParts, Query},
    http::request::Parts,
};
use backup_api::{ApiError, http::HttpError};
use serde::{
    Deserialize,
    de::{
        IntoDeserializer as _,
        value::{Error, StrDeserializer},
    },
};

/// The parameters of a call, as sent.
pub(crate) struct Parameters(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Parameters {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let Query(pairs) =
            Query::from_request_parts(parts, state)
                .await
                .map_err(|_| ApiError::InvalidRequest {
                    detail: "What stands behind the `?` of the address cannot be read.".to_owned(),
                })?;
        Ok(Self(pairs))
    }
}

impl Parameters {
    /// A whole number; `example` is a call that has one.
    pub(crate) fn number<N: FromStr>(&self, name: &str, example: &str) -> Result<Option<N>, ApiError> {
        self.read(name, |value| value.parse().ok(), "a whole number", example)
    }

    /// One of the words that serde knows of `T`; `words` names them for people.
    pub(crate) fn word<'a, T>(&'a self, name: &str, words: &str, example: &str) -> Result<Option<T>, ApiError>
    where
        T: Deserialize<'a>,
    {
        let read = |value: &'a str| {
            let word: StrDeserializer<'a, Error> = value.into_deserializer();
            T::deserialize(word).ok()
        };
        self.read(name, read, words, example)
    }

    /// What `read` makes of the value of `name`; `None` where none was sent.
    pub(crate) fn read<'a, T>(
        &'a self,
        name: &str,
        read: impl FnOnce(&'a str) -> Option<T>,
        expected: &str,
        example: &str,
    ) -> Result<Option<T>, ApiError> {
        let mut values = self.0.iter().filter(|(sent, _)| sent == name);
        let Some((_, value)) = values.next() else {
            return Ok(None);
        };
        // Sent twice, it is not known which was meant.
        match read(value).filter(|_| values.next().is_none()) {
            Some(value) => Ok(Some(value)),
            None => Err(ApiError::InvalidRequest {
                detail: format!("`{name}` is {expected}, such as {example}."),
            }),
        }
    }
}
