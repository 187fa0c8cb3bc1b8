//! Who calls: the documented forms of credentials, judged by an injected [`Authenticator`].

use std::{fmt, net::IpAddr};

use backup_api::{Action, Actor, ApiError, ApiFuture, EnvironmentId, routes::TOKEN_HEADER};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, header::AUTHORIZATION};
use secrecy::SecretString;

/// What a caller sent to say who it is.
#[derive(Clone)]
pub enum Credentials {
    /// `Authorization: Basic`, a person's e-mail address and password.
    Basic {
        /// The e-mail address.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// `dxpcloud-authorization: Bearer` or `Authorization: Bearer`: a person's token or a project's master token.
    Token(SecretString),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Basic { .. } => "Credentials::Basic",
            Self::Token(_) => "Credentials::Token",
        })
    }
}

/// Judges credentials and permissions for the service, which knows neither people nor roles.
pub trait Authenticator: Send + Sync + 'static {
    /// Whose credentials these are, that came `from` there; [`ApiError::Unauthenticated`] when nobody's.
    fn authenticate<'a>(
        &'a self,
        environment: &'a EnvironmentId,
        credentials: Credentials,
        from: Option<IpAddr>,
    ) -> ApiFuture<'a, Actor>;

    /// Whether the actor may; [`ApiError::Forbidden`] when not.
    fn authorise<'a>(
        &'a self,
        actor: &'a Actor,
        environment: &'a EnvironmentId,
        action: Action,
    ) -> ApiFuture<'a, ()>;

    /// The actor to record where `actor` says that it asks for somebody called `name`. Whoever is not believed stays who
    /// they are.
    fn on_behalf_of(&self, actor: Actor, _name: &str) -> Actor {
        actor
    }
}

pub(crate) fn credentials(headers: &HeaderMap) -> Result<Credentials, ApiError> {
    let unreadable = || ApiError::Unauthenticated {
        reason: format!(
            "The credentials cannot be read. Send `Authorization: Basic …` (curl -u user@domain.com) or \
             `{TOKEN_HEADER}: Bearer <token>`."
        ),
    };
    let (value, basic_allowed) = match (headers.get(TOKEN_HEADER), headers.get(AUTHORIZATION)) {
        (Some(value), _) => (value, false),
        (None, Some(value)) => (value, true),
        (None, None) => {
            return Err(ApiError::Unauthenticated {
                reason: format!(
                    "Say who you are: `Authorization: Basic …` (curl -u user@domain.com) or \
                     `{TOKEN_HEADER}: Bearer <token>`."
                ),
            });
        }
    };
    let (scheme, rest) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or_else(unreadable)?;
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") && !rest.is_empty() {
        return Ok(Credentials::Token(SecretString::from(rest)));
    }
    if basic_allowed && scheme.eq_ignore_ascii_case("basic") {
        let decoded = BASE64_STANDARD
            .decode(rest)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some((user, password)) = decoded.as_deref().and_then(|text| text.split_once(':')) {
            return Ok(Credentials::Basic {
                user: user.to_owned(),
                password: SecretString::from(password),
            });
        }
    }
    Err(unreadable())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use secrecy::ExposeSecret as _;

    use super::*;

    fn read(name: &'static str, value: &str) -> Result<Credentials, ApiError> {
        let mut headers = HeaderMap::new();
        headers.insert(name, HeaderValue::from_str(value).unwrap());
        credentials(&headers)
    }

    #[test]
    fn what_is_no_credential_is_refused() {
        assert!(matches!(
            credentials(&HeaderMap::new()),
            Err(ApiError::Unauthenticated { .. })
        ));
        for (name, value) in [
            ("authorization", "Bearer"),
            ("authorization", "Bearer  "),
            ("authorization", "Digest abc"),
            ("authorization", "Basic %%%"),
            ("authorization", "Basic am9l"),
            // The token header carries tokens and nothing else.
            ("dxpcloud-authorization", "Basic am9lOnNlY3JldA=="),
        ] {
            assert!(
                matches!(read(name, value), Err(ApiError::Unauthenticated { .. })),
                "{name}: {value}"
            );
        }
    }

    #[test]
    fn documented_forms_are_read_and_never_printed() {
        for name in ["authorization", "dxpcloud-authorization"] {
            let Ok(Credentials::Token(token)) = read(name, "bearer t0ken") else {
                panic!("{name}")
            };
            assert_eq!(token.expose_secret(), "t0ken");
        }
        let credentials = read("authorization", "Basic am9lOnNlOmNyZXQ=").unwrap();
        let Credentials::Basic { user, password } = &credentials else {
            panic!("not basic")
        };
        assert_eq!((user.as_str(), password.expose_secret()), ("joe", "se:cret"));
        assert!(!format!("{credentials:?}").contains("se:cret"));
    }
}
