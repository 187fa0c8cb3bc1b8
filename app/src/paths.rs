//! The paths of pages and routes, each written once; and which paths a visitor may be sent on to.

use backup_api::{BackupId, EnvironmentId, OperationId, Part};
use leptos_router::location::Url;

pub(crate) const PROJECTS: &str = "/";
pub(crate) const LOGIN: &str = "/login";
pub(crate) const SETUP: &str = "/setup";
/// Who signed in and who changed people and tokens.
pub(crate) const CONSOLE_ACTIVITIES: &str = "/settings/activities";

/// Where whoever holds a link becomes one of the people.
pub(crate) const INVITATION: &str = "/invitation";
pub(crate) const ACCOUNT: &str = "/settings/account";
pub(crate) const PEOPLE: &str = "/settings/people";
pub(crate) const TOKENS: &str = "/settings/tokens";
pub(crate) const SESSIONS: &str = "/settings/sessions";

/// The longest path a visitor is sent on to.
const LONGEST_NEXT: usize = 2000;

pub(crate) fn backups(environment: &EnvironmentId) -> String {
    format!("/projects/{environment}/backups")
}

/// Where the plain multipart form goes to, and the page that holds it.
pub(crate) fn upload(environment: &EnvironmentId) -> String {
    format!("/projects/{environment}/backups/upload")
}

pub(crate) fn backup(environment: &EnvironmentId, id: &BackupId) -> String {
    format!("/projects/{environment}/backups/{id}")
}

/// The statements that mend the names of a backup's tables, as a file.
pub(crate) fn renames(environment: &EnvironmentId, id: &BackupId) -> String {
    format!("/projects/{environment}/backups/{id}/renames.sql")
}

pub(crate) fn download(environment: &EnvironmentId, id: &BackupId, part: Part) -> String {
    format!("/projects/{environment}/backups/{id}/download/{part}")
}

/// The page on which a backup is deleted.
pub(crate) fn delete(environment: &EnvironmentId, id: &BackupId) -> String {
    format!("/projects/{environment}/backups/{id}/delete")
}

/// What an operation did.
pub(crate) fn operation(environment: &EnvironmentId, id: &OperationId) -> String {
    format!("/projects/{environment}/operations/{id}")
}

/// Who did what in an environment.
pub(crate) fn activities(environment: &EnvironmentId) -> String {
    format!("/projects/{environment}/activities")
}

/// One of the people, by id.
pub(crate) fn person(id: &str) -> String {
    format!("{PEOPLE}/{}", Url::escape(id))
}

/// The sign-in page, which leads on to `next`.
pub(crate) fn login(next: &str) -> String {
    if next == PROJECTS {
        LOGIN.to_owned()
    } else {
        with_query(LOGIN, &[("next", next)])
    }
}

/// Adds a query to a path.
pub(crate) fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let query: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", Url::escape(value)))
        .collect();
    format!("{path}?{}", query.join("&"))
}

/// Where to go after signing in: `next` if it is a path of this site, else the first page.
///
/// Browsers read `\` as `/` and leave out tabs and line breaks, so both would turn a path into another host.
pub(crate) fn safe_next(next: &str) -> &str {
    let harmless =
        next.len() <= LONGEST_NEXT && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if harmless && next.starts_with('/') && !next.starts_with("//") {
        next
    } else {
        PROJECTS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for next in [
            "",
            "https://example.com/",
            "//example.com",
            "///example.com",
            "/\\example.com",
            "\\/example.com",
            "/\t/example.com",
            "/\n/example.com",
            " //example.com",
            "javascript:alert(1)",
            "projects",
            "/projects/\u{e4}",
            "/a\\b",
        ] {
            assert_eq!(safe_next(next), "/", "{next:?} was let through");
        }
        assert_eq!(safe_next(&format!("/{}", "a".repeat(LONGEST_NEXT))), "/");
    }

    #[test]
    fn paths_of_this_site_are_kept() {
        for next in [
            "/",
            "/projects/lfrjoebloggs-prd/backups?page=2",
            "/projects/a-b/backups/upload",
            "/?a=//b",
        ] {
            assert_eq!(safe_next(next), next);
        }
    }

    #[test]
    fn what_goes_into_a_query_cannot_leave_it() {
        assert_eq!(login("/"), "/login");
        assert_eq!(
            login("/projects/a-b/backups?page=2&x=#y"),
            "/login?next=%2Fprojects%2Fa%2Db%2Fbackups%3Fpage%3D2%26x%3D%23y"
        );
    }
}
