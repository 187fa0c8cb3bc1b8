//! A pair on its way from a browser: server functions and pieces, with the session's cookie. Here is the tab that sends
//! it.

mod access;
mod becoming_backups;
mod elsewhere;
mod protocol;
mod refused;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Answer, Server};

const DEV: &str = "lfrjoebloggs-dev";
const SAME_ORIGIN: (&str, &str) = ("Sec-Fetch-Site", "same-origin");
const TUS: (&str, &str) = ("Tus-Resumable", "1.0.0");
const PIECE: (&str, &str) = ("Content-Type", "application/offset+octet-stream");
const FUNCTIONS: [&str; 4] = ["choose-file", "discard-file", "draft", "initiate-upload"];
/// Where no upload is.
const NOWHERE: &str = "0192a0b0-1111-7000-8000-000000000001";

/// A tab of somebody who is signed in.
struct Tab<'a> {
    server: &'a Server,
    cookie: &'a str,
    environment: &'a str,
}

impl Tab<'_> {
    /// Calls a server function as our own pages do.
    fn call(&self, function: &str, arguments: &Value) -> Answer {
        call(
            self.server,
            function,
            &[SAME_ORIGIN, ("Cookie", self.cookie)],
            arguments,
        )
    }

    fn succeed(&self, function: &str, arguments: &Value) -> Value {
        let answer = self.call(function, arguments);
        assert_eq!(answer.status, 200, "{function}: {answer:?}");
        answer.json()
    }

    fn choose(&self, part: &str, bytes: &[u8]) -> Value {
        let choice = self.succeed("choose-file", &choice(self.environment, part, bytes));
        let ready = choice["Ready"].clone();
        assert!(ready.is_object(), "{choice}");
        ready
    }

    fn draft(&self) -> Value {
        self.succeed("draft", &json!({ "environment": self.environment }))
    }

    fn initiate(&self, database: &str, volume: &str) -> Answer {
        self.call("initiate-upload", &pair(self.environment, database, volume))
    }

    /// The id of the backup.
    fn initiated(&self, database: &str, volume: &str) -> String {
        let answer = self.initiate(database, volume);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["Done"]["backup"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer:?}"))
            .to_owned()
    }

    fn path(&self, upload: &str) -> String {
        format!("/uploads/{}/{upload}", self.environment)
    }

    fn append(&self, upload: &str, offset: usize, bytes: &[u8]) {
        let offset = offset.to_string();
        let headers = [
            SAME_ORIGIN,
            TUS,
            PIECE,
            ("Cookie", self.cookie),
            ("Upload-Offset", &offset),
        ];
        let answer = self.server.request("PATCH", &self.path(upload), &headers, bytes);
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    fn head(&self, upload: &str) -> Answer {
        let headers = [TUS, ("Cookie", self.cookie)];
        self.server.request("HEAD", &self.path(upload), &headers, b"")
    }

    fn offset(&self, upload: &str) -> usize {
        let answer = self.head(upload);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.header("upload-offset").unwrap().parse().unwrap()
    }

    /// Chooses a file and sends all of it.
    fn bring(&self, part: &str, bytes: &[u8]) -> String {
        let upload = upload_of(&self.choose(part, bytes));
        self.append(&upload, 0, bytes);
        upload
    }
}

fn call(server: &Server, function: &str, headers: &[(&str, &str)], arguments: &Value) -> Answer {
    call_with(server, function, headers, arguments.to_string().as_bytes())
}

fn call_with(server: &Server, function: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut all = vec![
        ("Content-Type", "application/json"),
        ("Accept", "application/json"),
    ];
    all.extend(headers);
    server.request("POST", &format!("/api/{function}"), &all, body)
}

fn choice(environment: &str, part: &str, bytes: &[u8]) -> Value {
    json!({
        "environment": environment,
        "part": part,
        "file": {
            "name": format!("{part}.gz"),
            "size": bytes.len(),
            "modified": 1_700_000_000_000_u64,
            "sample": digest(bytes),
        },
        "instead": null,
    })
}

fn pair(environment: &str, database: &str, volume: &str) -> Value {
    json!({ "environment": environment, "database": database, "volume": volume })
}

/// Arguments that each function can read.
fn arguments(function: &str, environment: &str) -> Value {
    match function {
        "choose-file" => choice(environment, "database", b"a file"),
        "discard-file" => json!({ "environment": environment, "part": "database", "upload": NOWHERE }),
        "draft" => json!({ "environment": environment }),
        "initiate-upload" => pair(environment, NOWHERE, NOWHERE),
        _ => panic!("{function}"),
    }
}

fn upload_of(draft: &Value) -> String {
    draft["upload"].as_str().unwrap().to_owned()
}

fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// The ids of all backups, as a program is told them.
fn backups(server: &Server, token: &str, environment: &str) -> Vec<String> {
    let bearer = format!("Bearer {token}");
    let list = server.get(
        &format!("/services/{environment}/backup/list"),
        &[("Authorization", &bearer)],
    );
    assert_eq!(list.status, 200, "{list:?}");
    let list = list.json();
    let backups = list["backups"].as_array().unwrap().iter();
    backups
        .map(|backup| backup["backupId"].as_str().unwrap().to_owned())
        .collect()
}

/// What a server function refuses with: everything that a page shows.
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(
        answer.header("content-type").as_deref(),
        Some("application/json"),
        "{answer:?}"
    );
    let refusal = answer.json();
    assert_eq!(
        (&refusal["status"], &refusal["code"]),
        (&json!(status), &json!(code)),
        "{answer:?}"
    );
    let detail = refusal["detail"].as_str().unwrap();
    assert!(detail.ends_with('.') && detail.contains(' '), "{detail}");
    assert_eq!(answer.header("location"), None, "{answer:?}");
}

fn assert_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(
        answer.header("content-type").as_deref(),
        Some("application/problem+json"),
        "{answer:?}"
    );
    assert_eq!(answer.json()["code"], code, "{answer:?}");
}
