//! The table of calls, in the order of `routes`.

use backup_api::{Action, Backup, BackupList, History, Operation, routes};
use schemars::SchemaGenerator;
use serde_json::{Value, json};

use super::{
    answers,
    builder::{Call, example},
    files,
    requests::{self, header, number, query, words},
    uploads,
};
use crate::http::{
    handlers::{AnnotationRequest, RestoreRequest, ServiceDescription},
    lists::OperationList,
    operations::{BreakRequest, OperationLog},
};

const BACKUPS: &str = "Backups";
const ARCHIVES: &str = "Archives";
const OPERATIONS: &str = "Operations";

pub(super) fn all(schemas: &mut SchemaGenerator) -> Vec<Call> {
    let mut calls = looking(schemas);
    calls.extend(changing(schemas));
    calls.extend(archives(schemas));
    calls.extend(files::all(schemas));
    calls.extend(operations(schemas));
    calls.extend(uploads::all(schemas));
    calls
}

pub(super) const UNREADABLE: &str = "What was sent cannot be read; `detail` says what can.";
const HELD: &str = "An operation holds the environment; `operation` says whose.";

fn limit() -> Value {
    query(
        "limit",
        "How many at most.",
        number(),
        &[("filtered", json!(1)), ("unreadable", "few".into())],
    )
}

fn creation_type() -> Value {
    let schema = words(&["auto", "manual", "uploaded"]);
    query(
        "type",
        "How the backup was made.",
        schema,
        &[("filtered", "uploaded".into())],
    )
}

#[expect(clippy::too_many_lines, reason = "a table: one entry for each call")]
fn looking(schemas: &mut SchemaGenerator) -> Vec<Call> {
    let lists = [example("usual"), example("filtered")];
    vec![
        Call::new(
            schemas,
            Action::View,
            ("get", "/"),
            (BACKUPS, "describeService"),
            "The service, and what it can do",
        )
        .gives::<ServiceDescription>(schemas, "The service.", &[example("usual")]),
        Call::new(
            schemas,
            Action::View,
            ("get", routes::LIST),
            (BACKUPS, "listBackups"),
            "Backups, newest first",
        )
        .takes([
            limit(),
            query(
                "status",
                "Only those.",
                words(&["success", "failed", "in-progress"]),
                &[("filtered", "success".into())],
            ),
            creation_type(),
            query(
                "before",
                "Only older ones than this backup.",
                json!({ "type": "string" }),
                &[("filtered", requests::BACKUP.into())],
            ),
        ])
        .gives::<BackupList>(schemas, "The backups.", &lists)
        .refuses(schemas, 400, UNREADABLE, &[example("unreadable")]),
        Call::new(
            schemas,
            Action::View,
            ("get", routes::HISTORY),
            (BACKUPS, "history"),
            "A page of backups and of operations that should have made one",
        )
        .takes([
            query(
                "status",
                "Only those.",
                words(&["success", "failed"]),
                &[("filtered", "success".into())],
            ),
            creation_type(),
            query(
                "order",
                "`newest` without it.",
                words(&["newest", "oldest", "largest", "smallest"]),
                &[("filtered", "largest".into())],
            ),
            query(
                "offset",
                "How many to leave out first.",
                number(),
                &[("filtered", json!(0))],
            ),
            limit(),
        ])
        .gives::<History>(schemas, "The page.", &lists)
        .refuses(schemas, 400, UNREADABLE, &[example("unreadable")]),
        Call::new(
            schemas,
            Action::View,
            ("get", routes::BACKUP),
            (BACKUPS, "findBackup"),
            "One backup",
        )
        .takes([requests::backup_id()])
        .gives::<Backup>(
            schemas,
            "The backup.",
            &[example("usual"), example("usual").given("wrong names")],
        )
        .refuses(schemas, 404, "There is no such backup.", &[example("unknown")]),
        Call::new(
            schemas,
            Action::View,
            ("get", routes::RENAMES),
            (BACKUPS, "downloadRenames"),
            "SQL that mends the names of tables Liferay will not find in the database of a backup",
        )
        .takes([requests::backup_id()])
        .answers(
            200,
            "The statements, one a line.",
            answers::script(),
            &[example("usual").given("wrong names")],
        )
        .refuses(
            schemas,
            404,
            "There is nothing to rename, or no such backup.",
            &[example("usual"), example("unknown")],
        ),
        Call::new(
            schemas,
            Action::View,
            ("get", routes::EVENTS),
            (OPERATIONS, "events"),
            "What happens, as Server-Sent Events",
        )
        .takes([header(
            "Last-Event-ID",
            "Goes on after this event while it is known.",
            &[],
        )])
        .answers(
            200,
            "A stream that goes on.",
            answers::events(schemas),
            &[example("usual").given("a running upload")],
        ),
        Call::open(
            ("get", routes::OPENAPI),
            (BACKUPS, "describeApi"),
            "This description",
        )
        .without_credentials()
        .answers(
            200,
            "OpenAPI 3.1.",
            json!({ "content": { "application/json": { "schema": { "type": "object" } } } }),
            &[example("usual")],
        ),
    ]
}

fn changing(schemas: &mut SchemaGenerator) -> Vec<Call> {
    let annotations = requests::json_body::<AnnotationRequest>(&[
        ("usual", json!({ "note": "before the upgrade", "pinned": true })),
        ("unreadable", json!({ "colour": "red" })),
    ]);
    let restored = requests::json_body::<RestoreRequest>(&[
        ("usual", json!({ "backupId": requests::BACKUP })),
        ("unreadable", json!({ "backup": 7 })),
    ]);
    let unavailable = "Not available yet; `capabilities` of the service says why.";
    let running = [example("usual").given("a running upload")];
    let verified = answers::backup(schemas);
    vec![
        Call::new(
            schemas,
            Action::Annotate,
            ("patch", routes::BACKUP),
            (BACKUPS, "annotateBackup"),
            "Changes note and pin; an empty note removes it",
        )
        .takes([requests::backup_id()])
        .carries(annotations)
        .gives::<Backup>(schemas, "The changed backup.", &[example("usual")])
        .refuses(schemas, 400, UNREADABLE, &[example("unreadable")])
        .refuses(schemas, 404, "There is no such backup.", &[example("unknown")]),
        Call::new(
            schemas,
            Action::Delete,
            ("delete", routes::BACKUP),
            (BACKUPS, "deleteBackup"),
            "Deletes a backup, for good",
        )
        .takes([requests::backup_id()])
        .answers(204, "It is gone.", json!({}), &[example("usual")])
        .refuses(schemas, 404, "There is no such backup.", &[example("unknown")])
        .refuses(
            schemas,
            409,
            "It is pinned, somebody is reading it, or an operation holds the environment.",
            &[example("usual").given("a pin")],
        ),
        Call::new(
            schemas,
            Action::Verify,
            ("post", routes::VERIFY),
            (BACKUPS, "verifyBackup"),
            "Reads both archives again where they lie, and compares them with what was stored",
        )
        .takes([requests::backup_id()])
        .answers(
            202,
            "`verification` of the backup says how far it is, and later what it came to.",
            verified,
            &[example("usual")],
        )
        .refuses(schemas, 404, "There is no such backup.", &[example("unknown")]),
        Call::new(
            schemas,
            Action::Create,
            ("post", routes::CREATE),
            (BACKUPS, "createBackup"),
            "Backs the running environment up",
        )
        .refuses(schemas, 501, unavailable, &[example("usual")])
        .refuses(schemas, 409, HELD, &running),
        Call::new(
            schemas,
            Action::Restore,
            ("post", routes::RESTORE),
            (BACKUPS, "restoreBackup"),
            "Restores a backup",
        )
        .carries(restored)
        .refuses(schemas, 501, unavailable, &[example("usual")])
        .refuses(schemas, 400, UNREADABLE, &[example("unreadable")])
        .refuses(schemas, 409, HELD, &running),
    ]
}

fn archives(schemas: &mut SchemaGenerator) -> Vec<Call> {
    let upload = Call::new(
        schemas,
        Action::Upload,
        ("post", routes::UPLOAD),
        (ARCHIVES, "uploadBackup"),
        "Makes a backup of two archives, or of two finished resumable uploads",
    )
    .takes([
        header(
            "Idempotency-Key",
            "A repeated request with the same key gets the backup of the first one.",
            &[],
        ),
        header(
            "Prefer",
            "`respond-async`: an answer as soon as all bytes have come.",
            &[("asynchronous", "respond-async".into())],
        ),
    ])
    .carries(requests::pair())
    .answers(
        201,
        "The backup.",
        answers::backup(schemas),
        &[example("usual"), example("uploads").given("two finished uploads")],
    )
    .answers(
        202,
        "The backup is being published.",
        answers::accepted(schemas),
        &[example("asynchronous")],
    )
    .refuses(
        schemas,
        400,
        "A part is missing, cannot be read, or is no finished upload.",
        &[example("no-volume"), example("uploads")],
    )
    .refuses(schemas, 409, HELD, &[example("usual").given("a running upload")])
    .refuses(schemas, 415, "A file is no gzip file.", &[example("no-gzip")])
    .refuses(
        schemas,
        422,
        "The inspection refused a file; `findings` say why.",
        &[example("empty"), example("uploads").given("a refused upload")],
    );
    let downloads = [
        ("get", "downloadArchive"),
        ("post", "downloadArchiveByPost"),
        ("head", "describeArchive"),
    ];
    let downloads = downloads.map(|(method, id)| download(schemas, method, id));
    [upload].into_iter().chain(downloads).collect()
}

fn download(schemas: &mut SchemaGenerator, method: &'static str, id: &'static str) -> Call {
    let range = [("Content-Range", "Which bytes come, and how many there are.")];
    let call = Call::new(
        schemas,
        Action::Download,
        (method, routes::DOWNLOAD),
        (ARCHIVES, id),
        "One archive of a backup",
    )
    .takes([
        requests::part(),
        requests::backup_id(),
        header(
            "Range",
            "One range of bytes.",
            &[
                ("a-range", "bytes=0-99".into()),
                ("beyond", "bytes=999999999-".into()),
            ],
        ),
        header("If-Range", "The tag that the range is of.", &[]),
        header(
            "If-None-Match",
            "The tag that is there already.",
            &[("unchanged", "*".into())],
        ),
        header(
            "If-Match",
            "The tag that is wanted.",
            &[("changed", "\"another\"".into())],
        ),
    ])
    .answers(
        200,
        "The bytes.",
        answers::archive(method, &[]),
        &[example("usual")],
    )
    .refuses(schemas, 404, "There is no such backup.", &[example("unknown")])
    .answers(
        412,
        "The archive has another tag.",
        answers::no_bytes(&[]),
        &[example("changed")],
    );
    // Ranges and what browsers have kept are matters of GET (RFC 9110).
    match method {
        "get" => call
            .answers(
                206,
                "The range.",
                answers::archive(method, &range),
                &[example("a-range")],
            )
            .answers(
                304,
                "It is unchanged.",
                answers::no_bytes(&[]),
                &[example("unchanged")],
            )
            .answers(
                416,
                "The archive has no such bytes.",
                answers::no_bytes(&range),
                &[example("beyond")],
            ),
        _ => call,
    }
}

fn operations(schemas: &mut SchemaGenerator) -> Vec<Call> {
    let gone = "There is no such operation.";
    let running = [example("usual").given("a running upload")];
    let reasons = requests::json_body::<BreakRequest>(&[
        ("usual", json!({ "reason": "The machine that sent it is gone." })),
        ("unreadable", json!({ "reason": "" })),
    ]);
    vec![
        Call::new(
            schemas,
            Action::View,
            ("get", routes::OPERATIONS),
            (OPERATIONS, "listOperations"),
            "Operations, newest first",
        )
        .takes([limit()])
        .gives::<OperationList>(
            schemas,
            "The operations.",
            &[example("usual"), example("filtered")],
        )
        .refuses(schemas, 400, UNREADABLE, &[example("unreadable")]),
        Call::new(
            schemas,
            Action::View,
            ("get", routes::OPERATION),
            (OPERATIONS, "findOperation"),
            "One operation",
        )
        .takes([requests::operation_id()])
        .gives::<Operation>(schemas, "The operation.", &[example("usual"), running[0]])
        .refuses(schemas, 404, gone, &[example("unknown")]),
        Call::new(
            schemas,
            Action::View,
            ("get", routes::OPERATION_LOG),
            (OPERATIONS, "readOperationLog"),
            "What an operation did",
        )
        .takes([requests::operation_id()])
        .gives::<OperationLog>(schemas, "Its lines, oldest first.", &[example("usual")])
        .refuses(schemas, 404, gone, &[example("unknown")]),
        Call::new(
            schemas,
            Action::Upload,
            ("post", routes::OPERATION_CANCEL),
            (OPERATIONS, "cancelOperation"),
            "Ends an operation",
        )
        .takes([requests::operation_id()])
        .answers(
            204,
            "It ends soon, and nothing of it is kept.",
            json!({}),
            &running,
        )
        .refuses(schemas, 404, gone, &[example("unknown")])
        .refuses(
            schemas,
            409,
            "It has ended, or cannot be ended any more.",
            &[example("usual")],
        ),
        Call::new(
            schemas,
            Action::BreakLock,
            ("post", routes::OPERATION_BREAK),
            (OPERATIONS, "breakLock"),
            "Takes the lock away from an operation",
        )
        .takes([requests::operation_id()])
        .carries(reasons)
        .answers(204, "The lock is free.", json!({}), &running)
        .refuses(
            schemas,
            400,
            "There is no reason, or it is too short.",
            &[example("unreadable").given("a running upload")],
        )
        .refuses(schemas, 404, gone, &[example("unknown")]),
    ]
}
