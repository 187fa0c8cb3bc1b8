//! The statements that mend the names of tables, as a file to save.

use axum::{
    http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    response::{IntoResponse as _, Response},
};

use super::HttpError;
use crate::{Problem, ProblemCode};

/// The file `renames-{of}.sql`; 404 where there is nothing to rename.
pub fn renames_response(script: Option<String>, of: &str) -> Result<Response, HttpError> {
    let script = script.ok_or_else(nothing_to_rename)?;
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"renames-{of}.sql\""),
        ),
        (CACHE_CONTROL, "private".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, script).into_response())
}

fn nothing_to_rename() -> Problem {
    Problem::new(
        ProblemCode::NotFound,
        404,
        "Nothing to rename",
        "No table in this database is known to have a name that Liferay will not find.",
    )
}
