//! Secrets that we make: 256 random bits, and how they are recognised without being kept.
//!
//! SHA-256 is enough here, where it would not be for a password: nobody guesses 256 random bits, however fast each
//! guess is. A secret is found by looking its hash up; what the time of that look-up tells is about a hash, from
//! which no secret can be built.

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::ConsoleError;

const RANDOM_BYTES: usize = 32;

/// A new secret: `prefix`, by which scanners for leaked secrets recognise it, and 64 hexadecimal digits.
pub(crate) fn random(prefix: &str) -> Result<SecretString, ConsoleError> {
    let mut bytes = [0; RANDOM_BYTES];
    getrandom::fill(&mut bytes).map_err(ConsoleError::internal)?;
    Ok(SecretString::from(format!("{prefix}{}", hex::encode(bytes))))
}

pub(crate) fn sha256(secret: &SecretString) -> [u8; 32] {
    Sha256::digest(secret.expose_secret()).into()
}

/// What the tables hold instead of the secret.
pub(crate) fn hash(secret: &SecretString) -> String {
    hex::encode(sha256(secret))
}
