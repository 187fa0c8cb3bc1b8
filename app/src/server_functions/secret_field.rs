//! A field of a form that must not be seen.

use std::fmt;

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

/// A password or a token on its way in. Server functions keep their arguments in a type that is `Debug` and
/// `Serialize`; this one shows nothing in either.
#[derive(Clone, Default)]
pub struct SecretField(SecretString);

impl SecretField {
    pub(crate) const fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl fmt::Debug for SecretField {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretField")
    }
}

impl<'de> Deserialize<'de> for SecretField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(SecretString::from(text)))
    }
}

impl Serialize for SecretField {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(ser::Error::custom("secrets are only read"))
    }
}
