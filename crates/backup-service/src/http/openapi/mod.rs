//! The API as OpenAPI 3.1, for programs that want to know it: generated from the types of the contract and one table of
//! calls, served, and checked in as `docs/openapi.json`.
//!
//! A description that nobody tries is wrong soon. So every answer in it names the requests that lead to it
//! (`x-examples`: the example of the same name at the parameters and the body, who sends it, and what is given), and
//! a test sends all of them and holds what comes back against the description (`tests/service/openapi.rs`).

mod answers;
mod builder;
mod calls;
mod files;
mod requests;
mod uploads;

use std::sync::LazyLock;

use axum::{
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::IntoResponse,
};
use backup_api::routes;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use self::builder::Call;

/// The whole description.
pub fn openapi() -> Value {
    let mut schemas = SchemaSettings::draft2020_12()
        .for_serialize()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let paths = paths(&mut schemas);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Backup service of an environment",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Backups of one Liferay environment: list, upload, download, annotate, delete.",
            "description": "Everything besides the documented calls of Liferay Cloud is ours; `docs/API.md` tells which is which, and says more in words.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [
            {
                "url": "https://backup-{project}-{environment}.{domain}",
                "description": "The host name of an environment; its Backups page shows it.",
                "variables": {
                    "project": { "default": "lfrjoebloggs" },
                    "environment": { "default": "prd" },
                    "domain": { "default": "lfr.cloud" },
                },
            },
            {
                "url": "https://{console}/services/{project}-{environment}",
                "description": "The same at the console's own host name.",
                "variables": {
                    "console": { "default": "console.example.com" },
                    "project": { "default": "lfrjoebloggs" },
                    "environment": { "default": "prd" },
                },
            },
        ],
        "tags": [
            { "name": "Backups" },
            { "name": "Archives", "description": "The bytes, in and out." },
            { "name": "Resumable uploads", "description": "tus 1.0" },
            { "name": "Files of document libraries", "description": "What did not change is sent once." },
            { "name": "Operations", "description": "What takes long, and holds the environment's lock meanwhile." },
        ],
        "security": [{ "bearer": [] }, { "token": [] }, { "basic": [] }],
        "paths": paths,
        "components": {
            "schemas": definitions(schemas),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A personal access token, or the master token of the project.",
                },
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": routes::TOKEN_HEADER,
                    "description": "`Bearer`, a space and a personal access token.",
                },
                "basic": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "The e-mail address and the password of a person.",
                },
            },
        },
    })
}

/// `GET`: the description, to anybody. It says what the documentation says, and tools read it before they have
/// credentials.
pub(crate) async fn handle() -> impl IntoResponse {
    static TEXT: LazyLock<String> = LazyLock::new(|| openapi().to_string());
    (
        [
            (CONTENT_TYPE, "application/json"),
            (CACHE_CONTROL, "public, max-age=3600"),
        ],
        TEXT.as_str(),
    )
}

fn paths(schemas: &mut SchemaGenerator) -> Value {
    let mut paths = Map::new();
    for Call { method, path, value } in calls::all(schemas) {
        let item = paths.entry(path).or_insert_with(|| json!({}));
        item[method] = value;
    }
    Value::Object(paths)
}

fn definitions(mut schemas: SchemaGenerator) -> Value {
    let mut definitions = Value::Object(schemas.take_definitions(true));
    read_plainly(&mut definitions);
    definitions
}

/// Descriptions come from comments on types, where names are links in brackets.
fn read_plainly(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if name == "description" => {
                        *text = text.replace("[`", "`").replace("`]", "`");
                    }
                    _ => read_plainly(member),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(read_plainly),
        _ => {}
    }
}
