//! Who calls: everybody that rules tell apart.

use crate::support::{Place, Server};

/// What somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    /// Somebody that the console knows, still.
    pub(super) known: bool,
    /// In the environment that is asked for.
    role: Option<Role>,
    owns: Owns,
}

/// The one that may more is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Guest,
    Contributor,
    Administrator,
    Owner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Owns {
    Nothing,
    Something,
    Everything,
}

impl Standing {
    pub(super) const UNKNOWN: Self = Self {
        known: false,
        role: None,
        owns: Owns::Nothing,
    };
    const OWNER: Self = Self {
        known: true,
        role: Some(Role::Owner),
        owns: Owns::Everything,
    };

    /// Whether somebody of that standing may do what the document's word says; `None`: it is no word of the document.
    pub(super) fn may(self, word: &str) -> Option<bool> {
        let least = match word {
            "own everything" => return Some(self.owns == Owns::Everything),
            "own something" => return Some(self.owns >= Owns::Something),
            "view" => Role::Guest,
            "create" => Role::Contributor,
            "upload" | "download" | "verify" | "annotate" | "delete" | "restore" | "audit" => {
                Role::Administrator
            }
            "break" | "own" => Role::Owner,
            _ => return None,
        };
        Some(self.role.is_some_and(|role| role >= least))
    }
}

/// Somebody, and what they have to show.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) name: &'static str,
    pub(super) standing: Standing,
    /// For the console.
    pub(super) cookie: Option<String>,
    /// For the API.
    pub(super) token: Option<String>,
}

impl Caller {
    pub(super) fn nobody() -> Self {
        Self::unknown("nobody", None, None)
    }

    fn unknown(name: &'static str, cookie: Option<String>, token: Option<String>) -> Self {
        Self {
            name,
            standing: Standing::UNKNOWN,
            cookie,
            token,
        }
    }
}

pub(super) struct Callers {
    pub(super) owner: Caller,
    others: Vec<Caller>,
}

impl Callers {
    pub(super) fn new(place: &Place, server: &Server) -> Self {
        let token = place.token();
        let expired = Caller::unknown(
            "somebody whose session and token are over",
            Some(server.sign_in()),
            Some(token),
        );
        expire_everything(place);
        let signed_out = server.sign_in();
        server.post_form("/api/sign-out", &signed_out, "");
        let mut others = vec![
            Caller::nobody(),
            expired,
            Caller::unknown("somebody who signed out", Some(signed_out), None),
            Caller::unknown(
                "somebody who guesses",
                Some("__Host-backups=AAAAAAAAAAAAAAAAAAAAAA".to_owned()),
                Some(format!("bct_{}", "0".repeat(64))),
            ),
        ];
        for (name, here, owns, role, project, environment) in ROLES {
            let standing = Standing {
                known: true,
                role: here,
                owns,
            };
            let email = format!("{}@example.com", name.replace(' ', "-"));
            let token = place.person(&email);
            place.give_role(&email, role, project, environment);
            let (cookie, token) = (Some(server.sign_in_as(&email)), Some(token));
            others.push(Caller {
                name,
                standing,
                cookie,
                token,
            });
        }
        let email = "disabled@example.com";
        let (token, cookie) = (place.person(email), server.sign_in_as(email));
        place.execute(&format!(
            "UPDATE people SET disabled_at = 1 WHERE email = '{email}'"
        ));
        others.push(Caller::unknown(
            "somebody who is disabled",
            Some(cookie),
            Some(token),
        ));
        let owner = Caller {
            name: "an owner",
            standing: Standing::OWNER,
            cookie: Some(server.sign_in()),
            token: Some(place.another_token()),
        };
        Self { owner, others }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Caller> {
        self.others.iter().chain([&self.owner])
    }
}

/// Somebody with one role.
/// Their name; what that makes them here and anywhere; the role with its project and environment.
type Person = (
    &'static str,
    Option<Role>,
    Owns,
    &'static str,
    &'static str,
    &'static str,
);

const ROLES: [Person; 6] = {
    use Owns::{Nothing, Something};
    use Role::{Administrator, Contributor, Guest, Owner};
    [
        ("a guest", Some(Guest), Nothing, "guest", "lfrjoebloggs", "dev"),
        (
            "a contributor",
            Some(Contributor),
            Nothing,
            "contributor",
            "lfrjoebloggs",
            "dev",
        ),
        (
            "an administrator of the project",
            Some(Administrator),
            Nothing,
            "administrator",
            "lfrjoebloggs",
            "",
        ),
        (
            "an owner of the environment",
            Some(Owner),
            Something,
            "owner",
            "lfrjoebloggs",
            "dev",
        ),
        (
            "a contributor of another environment",
            None,
            Nothing,
            "contributor",
            "lfrjoebloggs",
            "uat",
        ),
        (
            "an owner of another project",
            None,
            Something,
            "owner",
            "other",
            "",
        ),
    ]
};

fn expire_everything(place: &Place) {
    place.execute("UPDATE sessions SET expires_at = 1");
    place.execute("UPDATE access_tokens SET expires_at = 1");
}
