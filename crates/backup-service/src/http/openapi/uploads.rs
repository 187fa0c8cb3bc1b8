//! The calls about resumable uploads.

use backup_api::{Action, UploadProgress, routes};
use schemars::SchemaGenerator;
use serde_json::Value;

use super::{
    answers::{self, bare},
    builder::{Call, example},
    calls::UNREADABLE,
    requests::{self, header},
};

const RESUMABLE: &str = "Resumable uploads";
const TUS: (&str, &str) = ("Tus-Resumable", "`1.0.0`");
const OFFSET: (&str, &str) = ("Upload-Offset", "Bytes that are durable.");
const EXPIRES: (&str, &str) = ("Upload-Expires", "When it goes, if nobody goes on with it.");

#[expect(clippy::too_many_lines, reason = "a table: one entry for each call")]
pub(super) fn all(schemas: &mut SchemaGenerator) -> Vec<Call> {
    let one = format!("{}/{{id}}", routes::UPLOADS);
    let gone = "There is no such upload.";
    let known = [example("usual").given("a resumable upload")];
    let spoken = bare(&[
        ("Tus-Version", "What is spoken."),
        ("Tus-Extension", "And which of its extensions."),
        ("Tus-Max-Size", "The most bytes of an upload."),
        ("Tus-Checksum-Algorithm", "`sha1,sha256`"),
        TUS,
    ]);
    let options = |path: &str, id| {
        Call::open(("options", path), (RESUMABLE, id), "What is spoken")
            .without_credentials()
            .answers(204, "The protocol.", spoken.clone(), &[example("usual")])
    };
    let length = header(
        "Upload-Length",
        "Bytes of the whole archive.",
        &[
            ("usual", "1000".into()),
            ("too-large", "9000000000000000".into()),
            ("without-length", Value::Null),
        ],
    );
    vec![
        options(routes::UPLOADS, "describeUploads"),
        options(&one, "describeUploadMethods"),
        Call::new(
            schemas,
            Action::Upload,
            ("post", routes::UPLOADS),
            (RESUMABLE, "announceUpload"),
            "Announces an upload",
        )
        .takes([
            requests::version(),
            length,
            header("Upload-Defer-Length", "`1`: the length follows.", &[]),
            header(
                "Upload-Metadata",
                "Names, each with a value in base64.",
                &[
                    ("usual", "filename ZGF0YWJhc2UuZ3o=,part ZGF0YWJhc2U=".into()),
                    ("unknown-part", "part bm90aGluZw==".into()),
                ],
            ),
        ])
        .answers(
            201,
            "It is there.",
            bare(&[("Location", "The upload."), OFFSET, EXPIRES, TUS]),
            &[example("usual")],
        )
        .refuses(
            schemas,
            400,
            UNREADABLE,
            &[example("without-length"), example("unknown-part")],
        )
        .refuses(
            schemas,
            412,
            "Another version is spoken.",
            &[example("other-version")],
        )
        .refuses(
            schemas,
            413,
            "It is more than may be uploaded.",
            &[example("too-large")],
        ),
        Call::new(
            schemas,
            Action::Upload,
            ("get", one.as_str()),
            (RESUMABLE, "describeUpload"),
            "How far an upload is, and what its inspection says",
        )
        .takes([requests::upload_id()])
        .gives::<UploadProgress>(
            schemas,
            "What is known of it.",
            &[
                known[0],
                example("usual").given("two finished uploads"),
                example("usual").given("an inspected upload"),
                example("usual").given("a refused upload"),
            ],
        )
        .refuses(schemas, 404, gone, &[example("unknown")]),
        Call::new(
            schemas,
            Action::Upload,
            ("get", routes::UPLOAD_RENAMES),
            (RESUMABLE, "downloadUploadRenames"),
            "SQL that mends the names of tables Liferay will not find in a database that is no backup yet",
        )
        .takes([requests::upload_id()])
        .answers(
            200,
            "The statements, one a line.",
            answers::script(),
            &[example("usual").given("an upload with wrong names")],
        )
        .refuses(
            schemas,
            404,
            "There is nothing to rename, or no such upload.",
            &[example("usual"), example("unknown")],
        ),
        Call::new(
            schemas,
            Action::Upload,
            ("head", one.as_str()),
            (RESUMABLE, "findUpload"),
            "How far an upload is",
        )
        .takes([requests::version(), requests::upload_id()])
        .answers(
            200,
            "Where it goes on.",
            bare(&[
                OFFSET,
                ("Upload-Length", "Bytes of the whole archive."),
                EXPIRES,
                TUS,
            ]),
            &known,
        )
        .refuses(schemas, 404, gone, &[example("unknown")])
        .refuses(
            schemas,
            410,
            "The inspection refused it; `GET` says why.",
            &[example("usual").given("a refused upload")],
        ),
        Call::new(
            schemas,
            Action::Upload,
            ("patch", one.as_str()),
            (RESUMABLE, "continueUpload"),
            "Goes on with an upload",
        )
        .takes([
            requests::version(),
            requests::upload_id(),
            header(
                "Upload-Offset",
                "Where the body begins.",
                &[("usual", "0".into()), ("elsewhere", "7".into())],
            ),
            header(
                "Upload-Checksum",
                "`sha1` or `sha256`, a space, and the digest of the body in base64.",
                &[("wrong-checksum", "sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=".into())],
            ),
        ])
        .carries(requests::piece(&[
            "usual",
            "elsewhere",
            "wrong-checksum",
            "unknown",
        ]))
        .answers(
            204,
            "All of it is durable.",
            bare(&[OFFSET, EXPIRES, TUS]),
            &known,
        )
        .refuses(
            schemas,
            422,
            "The inspection refused it; `findings` say why.",
            &[example("usual").given("a refused upload")],
        )
        .refuses(schemas, 404, gone, &[example("unknown")])
        .refuses(
            schemas,
            409,
            "It goes on elsewhere; `expected` says where.",
            &[example("elsewhere").given("a resumable upload")],
        )
        .refuses(
            schemas,
            460,
            "The bytes are not those that were meant; none counts.",
            &[example("wrong-checksum").given("a resumable upload")],
        ),
        Call::new(
            schemas,
            Action::Upload,
            ("delete", one.as_str()),
            (RESUMABLE, "terminateUpload"),
            "Ends an upload and removes it",
        )
        .takes([requests::version(), requests::upload_id()])
        .answers(204, "It is gone.", bare(&[TUS]), &known)
        .refuses(schemas, 404, gone, &[example("unknown")]),
    ]
}
