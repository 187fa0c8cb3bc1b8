//! Passwords: which are good enough, and how they are hashed and compared.
//!
//! Argon2id with 19 MiB, two passes and one lane, which is what OWASP recommends; each stored hash names its own
//! parameters, so these can rise without locking anybody out. Hashing takes tens of milliseconds of a core on
//! purpose, so it runs on blocking threads and at most two at a time: sign-ins queue up instead of taking the
//! machine away from transfers. How many may queue is the business of the rate limits in front.
//!
//! Passwords are taken byte for byte: not trimmed, not folded, not normalised.

use std::{collections::HashSet, fmt, sync::Arc};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::{ConsoleError, common_passwords, secrets};

const MEMORY_KIBIBYTES: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const AT_ONCE: usize = 2;

const LEAST_CHARACTERS: usize = 12;
const MOST_CHARACTERS: usize = 128;
const LEAST_DIFFERENT_CHARACTERS: usize = 5;
/// More cannot have been set and is refused before anything is computed.
const MOST_BYTES: usize = 1024;

/// Refuses passwords that would be guessed.
pub(crate) fn check(password: &SecretString, email: &str) -> Result<(), ConsoleError> {
    let password = password.expose_secret();
    let characters = password.chars().count();
    let folded = password.to_lowercase();
    let local_part = email.split('@').next().unwrap_or_default();

    let reason = if characters < LEAST_CHARACTERS {
        "A password needs at least 12 characters; a few unrelated words make a good one."
    } else if characters > MOST_CHARACTERS || password.len() > MOST_BYTES {
        "A password may have at most 128 characters."
    } else if folded == email || folded == local_part {
        "The password must not be the e-mail address; choose something that nobody can look up."
    } else if common_passwords::contains(&folded) {
        "This password is among the first ones that attackers try; choose another."
    } else if password.chars().collect::<HashSet<_>>().len() < LEAST_DIFFERENT_CHARACTERS {
        "The password repeats too few characters; use at least five different ones."
    } else {
        return Ok(());
    };
    Err(ConsoleError::WeakPassword { reason })
}

/// Computes and compares hashes of passwords; clones share the limit.
#[derive(Clone)]
pub(crate) struct Passwords {
    permits: Arc<Semaphore>,
    /// Compared with where an e-mail address is unknown, so that this takes as long as a wrong password; made from a
    /// random one.
    hash_of_nobody: Arc<str>,
}

impl Passwords {
    pub(crate) async fn open() -> Result<Self, ConsoleError> {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut passwords = Self {
            permits,
            hash_of_nobody: Arc::from(""),
        };
        passwords.hash_of_nobody = passwords.hash(&secrets::random("")?).await?.into();
        Ok(passwords)
    }

    /// The PHC string to store.
    pub(crate) async fn hash(&self, password: &SecretString) -> Result<String, ConsoleError> {
        let password = password.clone();
        self.run(move || {
            let hash: PasswordHash = hasher().hash_password(password.expose_secret().as_bytes())?;
            Ok(hash.to_string())
        })
        .await?
        .map_err(|error: password_hash::Error| ConsoleError::internal(error))
    }

    /// Whether the password is the stored one. Without a stored one the answer is no, after the same work:
    /// nobody knows the random password that it is compared with.
    pub(crate) async fn matches(
        &self,
        password: &SecretString,
        stored: Option<String>,
    ) -> Result<bool, ConsoleError> {
        if password.expose_secret().len() > MOST_BYTES {
            return Ok(false);
        }
        let stored = stored.unwrap_or_else(|| self.hash_of_nobody.to_string());
        let password = password.clone();
        let verdict = self
            .run(move || hasher().verify_password(password.expose_secret().as_bytes(), stored.as_str()))
            .await?;
        match verdict {
            Ok(()) => Ok(true),
            Err(password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(ConsoleError::internal(error)),
        }
    }

    /// The permit travels with the work: a caller that goes away does not let a third one in.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ConsoleError> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(ConsoleError::internal)?;
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        })
        .await
        .map_err(ConsoleError::internal)
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Passwords").finish_non_exhaustive()
    }
}

fn hasher() -> Argon2<'static> {
    let parameters = Params::new(MEMORY_KIBIBYTES, PASSES, LANES, None)
        .expect("the parameters are within Argon2's bounds");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn never_more_than_two_are_computed_at_once() {
        let passwords = Passwords::open().await.unwrap();
        let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let work = || {
            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
            passwords.run(move || {
                most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(10));
                running.fetch_sub(1, Ordering::SeqCst);
            })
        };
        for outcome in join_all((0..8).map(|_| work())).await {
            outcome.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
    }

    #[tokio::test]
    async fn stored_hashes_name_the_recommended_parameters() {
        let passwords = Passwords::open().await.unwrap();
        let hash = passwords
            .hash(&SecretString::from("any password at all"))
            .await
            .unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    }

    #[tokio::test]
    async fn a_stored_hash_that_cannot_be_read_is_a_fault_and_not_a_wrong_password() {
        let passwords = Passwords::open().await.unwrap();
        let outcome = passwords
            .matches(&SecretString::from("any"), Some("not a hash".to_owned()))
            .await;
        assert!(matches!(outcome, Err(ConsoleError::Internal(_))), "{outcome:?}");
    }
}
