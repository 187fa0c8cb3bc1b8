//! The routes of the program against `docs/ROUTES.md`, which says who may use each.

use std::{collections::BTreeSet, fmt::Write as _};

use backup_api::http::ListedRoute;

use super::*;

const DOCUMENTED: &str = include_str!("../../../docs/ROUTES.md");

/// Everything the program answers, as the document writes it.
fn routes() -> BTreeSet<ListedRoute> {
    let below =
        |prefix: String, routes: Vec<ListedRoute>| routes.into_iter().map(move |route| route.below(&prefix));
    let services = backup_service::http::routes();
    let uploads = resumable_uploads::routes();
    probes()
        .listed()
        .into_iter()
        .chain(watched().listed())
        .chain(archives().listed())
        .chain(exports().listed())
        .chain(live().listed())
        .chain(unknown_services().listed())
        .chain(unknown_uploads().listed())
        .chain(below(format!("{UPLOADS}/{{environment}}"), uploads))
        .chain(pages::routes())
        .chain([ListedRoute::new("GET", format!("{PACKAGE}/{{*file}}"))])
        // At an environment's host name; below `/services/{environment}` the same router answers.
        .chain(below("{service}".to_owned(), services))
        .collect()
}

/// The rows of the document's tables.
fn documented() -> BTreeSet<ListedRoute> {
    let rows = DOCUMENTED.lines().filter_map(|line| {
        let (route, _) = line.strip_prefix("| `")?.split_once("` | ")?;
        let (method, path) = route.split_once(' ').filter(|_| !route.contains('`'))?;
        Some(ListedRoute::new(method, path))
    });
    rows.collect()
}

#[test]
fn every_route_is_documented_with_its_rule() {
    let (routes, documented) = (routes(), documented());
    let mut faults = String::new();
    for route in routes.difference(&documented) {
        let _ = writeln!(faults, "docs/ROUTES.md lacks a row and a rule for `{route}`");
    }
    for route in documented.difference(&routes) {
        let _ = writeln!(
            faults,
            "docs/ROUTES.md has a row for `{route}`, which there is not"
        );
    }
    assert!(faults.is_empty(), "{faults}");
}
