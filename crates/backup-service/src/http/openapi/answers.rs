//! What answers carry.

use backup_api::{Backup, BackupId, CatalogueChange, LogLine, Operation};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use crate::http::events::{BackupChange, Snapshot};

pub(super) fn json<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    let schema = schemas.subschema_for::<T>();
    json!({ "content": { "application/json": { "schema": schema } } })
}

/// Names of headers that an answer always has, with what they say.
pub(super) fn headers(headers: &[(&str, &str)]) -> Value {
    headers
        .iter()
        .map(|(name, description)| {
            let header = json!({
                "required": true,
                "description": description,
                "schema": { "type": "string" },
            });
            ((*name).to_owned(), header)
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// An answer with only headers.
pub(super) fn bare(names: &[(&str, &str)]) -> Value {
    json!({ "headers": headers(names) })
}

pub(super) fn backup(schemas: &mut SchemaGenerator) -> Value {
    let mut answer = json::<Backup>(schemas);
    answer["headers"] = headers(&[("Location", "The backup.")]);
    answer
}

pub(super) fn accepted(schemas: &mut SchemaGenerator) -> Value {
    let mut answer = json::<Operation>(schemas);
    answer["headers"] = headers(&[
        ("Location", "The operation."),
        ("Preference-Applied", "`respond-async`"),
    ]);
    answer
}

/// What says which bytes an archive has.
const OF_AN_ARCHIVE: [(&str, &str); 3] = [
    ("ETag", "The SHA-256 of the whole archive."),
    ("Repr-Digest", "The same (RFC 9530)."),
    ("Accept-Ranges", "`bytes`"),
];

/// Bytes of an archive; without them for HEAD.
pub(super) fn archive(method: &str, more: &[(&str, &str)]) -> Value {
    let with_bytes = [
        ("Content-Length", "Bytes that come."),
        ("Content-Disposition", "The archive's name."),
    ];
    let all: Vec<_> = OF_AN_ARCHIVE
        .iter()
        .chain(&with_bytes)
        .chain(more)
        .copied()
        .collect();
    let mut answer = bare(&all);
    if method != "head" {
        answer["content"] =
            json!({ "application/gzip": { "schema": { "contentMediaType": "application/gzip" } } });
    }
    answer
}

/// Statements as a file.
pub(super) fn script() -> Value {
    let mut answer = bare(&[("Content-Disposition", "The file's name.")]);
    answer["content"] = json!({ "text/plain; charset=utf-8": { "schema": { "type": "string" } } });
    answer
}

/// An answer about an archive that carries none of it.
pub(super) fn no_bytes(more: &[(&str, &str)]) -> Value {
    let all: Vec<_> = OF_AN_ARCHIVE.iter().chain(more).copied().collect();
    bare(&all)
}

pub(super) fn events(schemas: &mut SchemaGenerator) -> Value {
    let operation = schemas.subschema_for::<Operation>();
    // Named for the components that they refer to.
    let _ = (
        schemas.subschema_for::<LogLine>(),
        schemas.subschema_for::<BackupId>(),
        schemas.subschema_for::<CatalogueChange>(),
    );
    json!({
        "content": {
            "text/event-stream": {
                "schema": { "type": "string" },
                "x-events": {
                    "snapshot": schemas.subschema_for::<Snapshot>(),
                    "operation": operation,
                    "progress": operation,
                    "backup": schemas.subschema_for::<BackupChange>(),
                },
            },
        },
    })
}
