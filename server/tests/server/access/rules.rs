//! The rules of `docs/ROUTES.md`, and whether an answer keeps to them.

use std::fmt;

use super::{BACKUP, ENVIRONMENT, OTHER, callers::Standing};
use crate::support::Answer;

/// The SHA-256 of nothing.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const DOCUMENT: &str = include_str!("../../../../docs/ROUTES.md");

/// One row of the document, ready to be called.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) method: String,
    /// With its parameters filled in.
    pub(super) path: String,
    /// Where it is not the console's.
    pub(super) host: Option<String>,
    who: Who,
    pub(super) how: How,
    /// It takes in archives.
    archive: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Who {
    Anybody,
    Nobody,
    SignedIn,
    /// Whoever has a token that is nobody's.
    MetricsToken,
    /// The word for what one must be allowed to do.
    May(String),
}

/// How a route knows its caller and turns others away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Page,
    Form,
    Call,
    Stream,
    Piece,
    Api,
    File,
}

/// What a caller shall get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Whatever the route does, but no refusal.
    In,
    /// Who are you?
    SignIn,
    /// You may not.
    Forbidden,
    /// There is nothing.
    NotThere,
}

/// All rows, those of a service under both of its addresses.
pub(super) fn routes() -> Vec<Route> {
    let routes: Vec<_> = DOCUMENT.lines().filter_map(rows).flatten().collect();
    assert!(routes.len() > 70, "the document was not understood: {routes:?}");
    routes
}

fn rows(line: &str) -> Option<Vec<Route>> {
    let (route, cells) = line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | ")?;
    let (method, path) = route.split_once(' ').filter(|_| !route.contains('`'))?;
    let (who, how) = cells
        .split_once(" | ")
        .unwrap_or_else(|| panic!("a row has three cells: {line}"));
    let (how, archive) = how.split_once(", ").map_or((how, false), |(how, mark)| {
        assert_eq!(mark, "archive", "{line}");
        (how, true)
    });
    let how = match how {
        "page" => How::Page,
        "form" => How::Form,
        "call" => How::Call,
        "stream" => How::Stream,
        "piece" => How::Piece,
        "api" => How::Api,
        "file" => How::File,
        other => panic!("nobody knows what `{other}` is: {line}"),
    };
    let who = match who {
        "anybody" => Who::Anybody,
        "nobody" => Who::Nobody,
        "signed in" => Who::SignedIn,
        "the metrics token" => Who::MetricsToken,
        word if Standing::UNKNOWN.may(word).is_some() => Who::May(word.to_owned()),
        other => panic!("nobody knows who `{other}` is: {line}"),
    };
    let id = if path.contains("operations") || path.contains("uploads") {
        OTHER
    } else {
        BACKUP
    };
    let filled = path
        .replace("{environment}", ENVIRONMENT)
        .replace("{id}", id)
        .replace("{part}", "database")
        .replace("{sha256}", EMPTY)
        .replace("{*path}", "nobody-dev/anything")
        .replace("{*file}", "favicon.svg");
    let route = |path: String, host: Option<String>| Route {
        method: if method == "*" { "POST" } else { method }.to_owned(),
        path,
        host,
        who: who.clone(),
        how,
        archive,
    };
    Some(match filled.strip_prefix("{service}") {
        None => vec![route(filled, None)],
        Some(path) => vec![
            route(path.to_owned(), Some(format!("backup-{ENVIRONMENT}.localhost"))),
            route(format!("/services/{ENVIRONMENT}{path}"), None),
        ],
    })
}

impl Route {
    /// What somebody of that standing shall get.
    pub(super) fn verdict(&self, standing: Standing) -> Verdict {
        match &self.who {
            Who::Anybody => Verdict::In,
            Who::Nobody => Verdict::NotThere,
            // Off, as the servers of these tests have it; `metrics.rs` turns it on.
            Who::MetricsToken => Verdict::Forbidden,
            _ if !standing.known => Verdict::SignIn,
            Who::SignedIn => Verdict::In,
            Who::May(word) if standing.may(word) == Some(true) => Verdict::In,
            Who::May(_) => Verdict::Forbidden,
        }
    }

    pub(super) fn changes_something(&self) -> bool {
        ["POST", "PUT", "PATCH", "DELETE"].contains(&self.method.as_str())
    }

    /// Whether it keeps to the small limit.
    pub(super) fn is_small(&self) -> bool {
        !self.archive && self.how != How::Piece && self.who != Who::Nobody
    }

    /// Whether its path names a backup or an operation.
    fn names_something(&self) -> bool {
        self.path.contains(BACKUP) || self.path.contains(OTHER)
    }

    pub(super) fn is_upload_protocol(&self) -> bool {
        self.path.contains("/uploads")
    }

    pub(super) fn streams_for_ever(&self) -> bool {
        self.path.ends_with("/events")
    }
}

impl fmt::Display for Route {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)?;
        match &self.host {
            Some(host) => write!(formatter, " at {host}"),
            None => Ok(()),
        }
    }
}

impl Verdict {
    /// Whether `answer` is that verdict, in the way of its route.
    pub(super) fn check(self, route: &Route, answer: &Answer) -> Result<(), String> {
        let code = || {
            serde_json::from_slice::<serde_json::Value>(&answer.body)
                .ok()
                .and_then(|json| Some(json.get("code")?.as_str()?.to_owned()))
                .unwrap_or_default()
        };
        let ways = answer.header("www-authenticate").unwrap_or_default();
        let to_sign_in = answer.status == 303
            && answer
                .header("location")
                .is_some_and(|location| location.starts_with("/login"));
        let head = route.method == "HEAD";
        let kept = match (self, route.how) {
            (Self::In, _) => {
                let refused = matches!(answer.status, 401 | 403 | 404)
                    && (head && answer.status != 404
                        || [
                            "unauthenticated",
                            "not-signed-in",
                            "forbidden",
                            "owner-needed",
                            "no-such-environment",
                        ]
                        .contains(&code().as_str()));
                let fault = answer.status >= 500 && answer.status != 501;
                // A reader of the stream gets one.
                let empty = route.how == How::Stream && answer.status == 204;
                let signing_out = route.path == "/api/sign-out";
                // A page that needs no backup or operation is there.
                let missing = route.how == How::Page && answer.status == 404 && !route.names_something();
                !refused && !fault && !empty && !missing && (!to_sign_in || signing_out)
            }
            (Self::SignIn, How::Page) => to_sign_in,
            (Self::SignIn, How::Form | How::Call) => {
                answer.status == 401 && ["unauthenticated", "not-signed-in"].contains(&code().as_str())
            }
            (Self::SignIn, How::Stream) => answer.status == 204,
            (Self::SignIn, How::Piece) => answer.status == 401 && ways.starts_with("Session "),
            (Self::SignIn, How::Api) => {
                answer.status == 401
                    && ways.contains("Basic ")
                    && ways.contains("Bearer ")
                    && (head || code() == "unauthenticated")
            }
            // The form's way back to its page.
            (Self::Forbidden, How::Page) if answer.status == 303 => answer
                .header("location")
                .is_some_and(|location| location.contains("problem=forbidden")),
            (Self::Forbidden, How::Page) => matches!(answer.status, 403 | 404),
            (Self::Forbidden, How::Form | How::Call | How::Piece | How::Api) => match answer.status {
                403 => head || ["forbidden", "owner-needed"].contains(&code().as_str()),
                // Strangers are told what they would be told if there were nothing.
                404 => head || ["not-found", "no-such-environment"].contains(&code().as_str()),
                _ => false,
            },
            (Self::NotThere, _) => answer.status == 404,
            (Self::SignIn | Self::Forbidden, How::File) | (Self::Forbidden, How::Stream) => false,
        };
        if kept {
            Ok(())
        } else {
            Err(format!("{self:?} was expected, not {answer:?}"))
        }
    }
}
