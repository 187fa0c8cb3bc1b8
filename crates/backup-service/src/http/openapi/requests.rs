//! What requests carry: parameters and bodies, with values to try them with.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// What a backup is called in examples.
pub(super) const BACKUP: &str = "dxpcloud-lqgqnewltbexuewymq-202611232015";
const NO_BACKUP: &str = "dxpcloud-aaaaaaaaaaaaaaaaaa-200001010000";
/// The same of an operation, and of two resumable uploads.
const OPERATION: &str = "0192a0b0-7b6c-7d2e-8f90-123456789abc";
const UPLOADS: [&str; 2] = [
    "0192a0b0-1111-7000-8000-000000000001",
    "0192a0b0-1111-7000-8000-000000000002",
];
/// The same of a document library.
const LIBRARY: &str = "0192a0b0-2222-7000-8000-000000000001";
const NO_ID: &str = "00000000-0000-7000-8000-000000000000";

fn examples(values: &[(&str, Value)]) -> Value {
    values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), json!({ "value": value })))
        .collect::<Map<_, _>>()
        .into()
}

fn parameter(place: &str, name: &str, description: &str, schema: Value, values: &[(&str, Value)]) -> Value {
    json!({
        "in": place,
        "name": name,
        "description": description,
        "required": place == "path",
        "schema": schema,
        "examples": examples(values),
    })
}

pub(super) fn query(name: &str, description: &str, schema: Value, values: &[(&str, Value)]) -> Value {
    parameter("query", name, description, schema, values)
}

pub(super) fn header(name: &str, description: &str, values: &[(&str, Value)]) -> Value {
    parameter("header", name, description, json!({ "type": "string" }), values)
}

pub(super) fn number() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

pub(super) fn words(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

/// In a path, as every example but `unknown` names it.
fn named(name: &str, description: &str, usual: &str, unknown: &str) -> Value {
    let schema = json!({ "type": "string" });
    parameter(
        "path",
        name,
        description,
        schema,
        &[("usual", usual.into()), ("unknown", unknown.into())],
    )
}

pub(super) fn backup_id() -> Value {
    named("id", "The backup.", BACKUP, NO_BACKUP)
}

pub(super) fn operation_id() -> Value {
    named("id", "The operation.", OPERATION, NO_ID)
}

pub(super) fn upload_id() -> Value {
    named("id", "The resumable upload.", UPLOADS[0], NO_ID)
}

pub(super) fn library_id() -> Value {
    named("id", "The document library.", LIBRARY, NO_ID)
}

pub(super) fn content_hash(usual: &str) -> Value {
    let description = "The SHA-256 of what is in a file, in 64 lower-case hexadecimal digits.";
    named("sha256", description, usual, "nothing")
}

pub(super) fn part() -> Value {
    let schema = words(&["database", "volume"]);
    parameter(
        "path",
        "part",
        "Which of the two archives.",
        schema,
        &[("usual", "database".into())],
    )
}

/// JSON of a type that requests are read as.
pub(super) fn json_body<T: JsonSchema>(values: &[(&str, Value)]) -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let schema = settings.into_generator().into_root_schema_for::<T>();
    json!({ "application/json": { "schema": schema, "examples": examples(values) } })
}

/// A pair of archives: as files, or by the ids of two finished resumable uploads. A value that begins with `@` is a file.
pub(super) fn pair() -> Value {
    let file = json!({ "type": "string", "contentMediaType": "application/gzip" });
    let forms = [
        (
            "usual",
            json!({ "database": "@database.gz", "volume": "@volume.tgz" }),
        ),
        ("no-volume", json!({ "database": "@database.gz" })),
        (
            "no-gzip",
            json!({ "database": "@database.gz", "volume": "plain text" }),
        ),
        ("empty", json!({ "database": "", "volume": "@volume.tgz" })),
        (
            "asynchronous",
            json!({ "database": "@database.gz", "volume": "@volume.tgz" }),
        ),
    ];
    let [database, volume] = UPLOADS;
    json!({
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": { "database": file, "volume": file },
                "required": ["database", "volume"],
            },
            "examples": examples(&forms),
        },
        "application/json": {
            "schema": {
                "type": "object",
                "properties": { "database": { "type": "string" }, "volume": { "type": "string" } },
                "required": ["database", "volume"],
            },
            "examples": examples(&[("uploads", json!({ "database": database, "volume": volume }))]),
        },
    })
}

/// A body of this kind that can be read.
pub(super) fn text_body(kind: &str, values: &[(&str, Value)]) -> Value {
    json!({ kind: { "schema": { "contentMediaType": kind }, "examples": examples(values) } })
}

/// Bytes of a resumable upload.
pub(super) fn piece(names: &[&str]) -> Value {
    let values: Vec<_> = names.iter().map(|name| (*name, "@database.gz".into())).collect();
    json!({
        "application/offset+octet-stream": {
            "schema": { "contentMediaType": "application/octet-stream" },
            "examples": examples(&values),
        },
    })
}

/// What every request of the tus protocol says.
pub(super) fn version() -> Value {
    header(
        "Tus-Resumable",
        "`1.0.0`",
        &[("usual", "1.0.0".into()), ("other-version", "0.2.2".into())],
    )
}
