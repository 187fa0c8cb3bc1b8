//! The calls about document libraries file by file.

use backup_api::{
    Action,
    library::{ContentList, Library, MissingContents, PlacedEntry},
    routes,
};
use schemars::SchemaGenerator;
use serde_json::{Value, json};

use super::{
    answers::{self, bare, headers},
    builder::{Call, example},
    calls::UNREADABLE,
    requests::{self, header},
};
use crate::http::files::{KeptContents, LINES};

const FILES: &str = "Files of document libraries";

/// The SHA-256 of nothing, and of `one`.
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const ONE: &str = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed";

pub(super) fn all(schemas: &mut SchemaGenerator) -> Vec<Call> {
    let mut calls = contents(schemas);
    calls.extend(libraries(schemas));
    calls.extend(of_backups(schemas));
    calls
}

fn contents(schemas: &mut SchemaGenerator) -> Vec<Call> {
    let asked = requests::json_body::<ContentList>(&[
        ("usual", json!({ "contents": [ONE] })),
        ("unreadable", json!({ "contents": 7 })),
    ]);
    let one = format!("{ONE} 3\none");
    let wrong = format!("{EMPTY} 3\none");
    let octets = "application/octet-stream";
    let several = [
        ("usual", one.as_str().into()),
        ("unreadable", "no head".into()),
        ("wrong-checksum", wrong.as_str().into()),
    ];
    vec![
        Call::new(
            schemas,
            Action::Upload,
            ("post", routes::MISSING_CONTENTS),
            (FILES, "askForMissingContents"),
            "Which contents the environment does not have",
        )
        .carries(asked)
        .gives::<MissingContents>(schemas, "Those that are missing.", &[example("usual")])
        .refuses(schemas, 400, UNREADABLE, &[example("unreadable")]),
        Call::new(
            schemas,
            Action::Upload,
            ("post", routes::CONTENTS),
            (FILES, "sendContents"),
            "Contents of small files: for each a line with its SHA-256, a blank and its length, then its bytes",
        )
        .carries(requests::text_body(octets, &several))
        .gives::<KeptContents>(schemas, "All of them are durable.", &[example("usual")])
        .refuses(schemas, 400, UNREADABLE, &[example("unreadable")])
        .refuses(
            schemas,
            460,
            "One of them is not what it was said to be. Those long before it may have been kept.",
            &[example("wrong-checksum")],
        ),
        Call::new(
            schemas,
            Action::Upload,
            ("put", routes::CONTENT),
            (FILES, "sendContent"),
            "The content of one file",
        )
        .takes([
            requests::content_hash(ONE),
            header(
                "Content-Encoding",
                "`gzip`, where the bytes are sent so.",
                &[("other-encoding", "br".into())],
            ),
            header(
                "Content-Range",
                "Where the body goes on in the content, and up to its end: what came before a cut is kept. `bytes */1000` without a body asks where that is.",
                &[("elsewhere", "bytes 7-9/10".into())],
            ),
        ])
        .carries(requests::text_body(
            octets,
            &[("usual", "one".into()), ("wrong-checksum", "two".into())],
        ))
        .answers(204, "It is durable.", json!({}), &[example("usual")])
        .refuses(schemas, 400, UNREADABLE, &[example("unknown")])
        .refuses(
            schemas,
            409,
            "It goes on elsewhere; `expected` says where.",
            &[example("elsewhere")],
        )
        .refuses(schemas, 415, "It is compressed in another way.", &[example("other-encoding")])
        .refuses(
            schemas,
            460,
            "The bytes are not those that were meant; none is kept.",
            &[example("wrong-checksum")],
        ),
    ]
}

fn libraries(schemas: &mut SchemaGenerator) -> Vec<Call> {
    let line = |path: &str, size: u64, sha256: &str| -> Value {
        let entry = json!({ "path": path, "size": size, "mode": "0644", "modified": 1_600_000_000, "sha256": sha256 });
        format!("{entry}\n").into()
    };
    let lists = requests::text_body(
        LINES,
        &[
            ("usual", line("document_library/a", 0, EMPTY)),
            ("unreadable", "[]".into()),
            ("missing", line("document_library/a", 3, ONE)),
            ("elsewhere", line("other/a", 0, EMPTY)),
        ],
    );
    let mut made = answers::json::<Library>(schemas);
    made["headers"] = headers(&[("Location", "The library.")]);
    vec![
        Call::new(
            schemas,
            Action::Upload,
            ("post", routes::LIBRARIES),
            (FILES, "makeLibrary"),
            "A document library: its entries, one JSON object a line, in the order of the names of their paths",
        )
        .carries(lists)
        .answers(
            201,
            "It can be part of a backup. Where it takes long to read it through, 202 with the same.",
            made,
            &[example("usual")],
        )
        .refuses(
            schemas,
            400,
            "A line is no entry, or one that no library may have.",
            &[example("unreadable")],
        )
        .refuses(schemas, 409, "Contents are missing.", &[example("missing")])
        .refuses(
            schemas,
            422,
            "The inspection of archives refuses it.",
            &[example("elsewhere")],
        ),
        Call::new(
            schemas,
            Action::Upload,
            ("get", routes::LIBRARY),
            (FILES, "findLibrary"),
            "How far a document library is; 202 while it is read through",
        )
        .takes([requests::library_id()])
        .gives::<Library>(
            schemas,
            "The library.",
            &[example("usual").given("a document library")],
        )
        .refuses(schemas, 404, "There is no such library.", &[example("unknown")]),
    ]
}

fn of_backups(schemas: &mut SchemaGenerator) -> Vec<Call> {
    let made = [example("usual").given("a backup made of files")];
    let packed = "The document library came as an archive; download that.";
    let gone = "There is no such backup.";
    let placed = schemas.subschema_for::<PlacedEntry>();
    let lines = json!({
        "headers": headers(&[("ETag", "That of `volume.tgz`.")]),
        "content": { LINES: { "schema": placed } },
    });
    let mut bytes = bare(&[("Content-Length", "Bytes of the file."), ("ETag", "Its SHA-256.")]);
    bytes["content"] = json!({ "application/octet-stream": { "schema": { "contentMediaType": "application/octet-stream" } } });
    vec![
        Call::new(
            schemas,
            Action::Download,
            ("get", routes::FILES),
            (FILES, "listFiles"),
            "The entries of a backup's document library, one JSON object a line, each with its place in `volume.tgz`",
        )
        .takes([requests::backup_id()])
        .answers(200, "The entries.", lines, &made)
        .refuses(schemas, 404, gone, &[example("unknown")])
        .refuses(schemas, 501, packed, &[example("usual")]),
        Call::new(
            schemas,
            Action::Download,
            ("get", routes::FILE),
            (FILES, "downloadFile"),
            "What is in one file of a backup's document library",
        )
        .takes([requests::backup_id(), requests::content_hash(ONE)])
        .answers(200, "The bytes.", bytes, &made)
        .refuses(schemas, 404, gone, &[example("unknown")])
        .refuses(schemas, 501, packed, &[example("usual")]),
    ]
}
