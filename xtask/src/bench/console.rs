//! The console as it is shipped, with a project of its own.

use std::{
    env,
    fs::File,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::{
    http::{Body, Connection, Request},
    workshop::{Folder, Server, answer},
};

const PROGRAM: &str = "target/release/backups-console";
const EMAIL: &str = "joe@example.com";
const PASSWORD: &str = "a quiet harbour at dawn";
const CONFIGURATION: &str = "\
[uploads]
smallest_free_space = \"1MB\"

[log]
filter = \"warn\"

[[projects]]
name = \"acme\"
environments = [\"dev\", \"uat\", \"prd\"]
";
/// The environment that is worked with.
const SERVICE: &str = "/services/acme-dev";
const TUS: (&str, &str) = ("Tus-Resumable", "1.0.0");

/// A console that runs.
#[derive(Debug)]
pub(super) struct Console {
    pub(super) server: Server,
    pub(super) data: Folder,
    token: String,
}

/// How long the two halves of an upload took.
#[derive(Debug)]
pub(super) struct Uploaded {
    /// Where the server says it is.
    location: String,
    pub(super) took: Duration,
}

impl Console {
    /// One with empty environments and one person.
    pub(super) fn start(name: &str) -> Result<Self> {
        let data = Folder::new(name)?;
        data.write("backups-console.toml", CONFIGURATION)?;
        let mut create = program(&data, "create-admin")?;
        create.args(["--email", EMAIL]);
        answer(create, &format!("{PASSWORD}\n"))?;
        let mut create = program(&data, "create-token")?;
        create.args(["--email", EMAIL]);
        let token = answer(create, "")?;
        Ok(Self {
            server: serve(&data)?,
            data,
            token,
        })
    }

    /// Ends it and starts it again, so that nothing of what it did is left in its memory.
    pub(super) fn restart(self) -> Result<Self> {
        let Self { server, data, token } = self;
        drop(server);
        Ok(Self {
            server: serve(&data)?,
            data,
            token,
        })
    }

    /// Ends it, does `work` with its data, and starts it again.
    pub(super) fn restart_after(self, work: impl FnOnce(&Folder) -> Result<()>) -> Result<Self> {
        let Self { server, data, token } = self;
        drop(server);
        work(&data)?;
        Ok(Self {
            server: serve(&data)?,
            data,
            token,
        })
    }

    pub(super) fn connect(&self) -> Result<Connection> {
        Connection::open(self.server.address)
    }

    /// The path of one archive of a backup in the documented API.
    pub(super) fn download_path(backup: &str, part: &str) -> String {
        format!("{SERVICE}/backup/download/{part}/{backup}")
    }

    /// The headers of whoever may do everything.
    pub(super) fn authorization(&self) -> String {
        format!("Bearer {}", self.token)
    }

    /// Sends a file as a resumable upload, whole. It is durable when this comes back.
    pub(super) fn upload(&self, file: &Path) -> Result<Uploaded> {
        upload(
            &mut self.connect()?,
            &format!("{SERVICE}/backup/uploads"),
            Some(&self.authorization()),
            file,
        )
    }

    /// Removes an upload that became no backup.
    pub(super) fn discard(&self, uploaded: &Uploaded) -> Result<()> {
        discard(&mut self.connect()?, Some(&self.authorization()), uploaded)
    }

    /// Makes a backup of two uploads, and gives its id and how long that took.
    pub(super) fn initiate(&self, database: &Uploaded, volume: &Uploaded) -> Result<(String, Duration)> {
        let id = |uploaded: &Uploaded| {
            uploaded
                .location
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned()
        };
        let body = format!(
            r#"{{"database": "{}", "volume": "{}"}}"#,
            id(database),
            id(volume)
        );
        let authorization = self.authorization();
        let mut connection = self.connect()?;
        let begun = Instant::now();
        let head = connection
            .ask(Request {
                method: "POST",
                path: &format!("{SERVICE}/backup/upload"),
                headers: &[
                    ("Authorization", &authorization),
                    ("Content-Type", "application/json"),
                ],
                body: Body::Text(&body),
            })?
            .expect(201)?;
        let took = begun.elapsed();
        let location = head.header("location").context("a backup without a place")?;
        let backup = location.rsplit('/').next().unwrap_or_default().to_owned();
        Ok((backup, took))
    }

    /// Makes a backup of two files.
    pub(super) fn backup(&self, database: &Path, volume: &Path) -> Result<String> {
        let (database, volume) = (self.upload(database)?, self.upload(volume)?);
        Ok(self.initiate(&database, &volume)?.0)
    }

    /// The cookie of somebody who has signed in.
    pub(super) fn sign_in(&self) -> Result<String> {
        let body = format!("email={EMAIL}&password={}", PASSWORD.replace(' ', "+"));
        let origin = format!("http://localhost:{}", self.server.address.port());
        let head = self
            .connect()?
            .ask(Request {
                method: "POST",
                path: "/api/sign-in",
                headers: &[
                    ("Content-Type", "application/x-www-form-urlencoded"),
                    ("Origin", &origin),
                    ("Accept", "text/html"),
                    ("Referer", &format!("{origin}/login")),
                ],
                body: Body::Text(&body),
            })?
            .expect(303)?;
        let cookie = head.header("set-cookie").context("nobody was signed in")?;
        Ok(cookie.split(';').next().unwrap_or_default().to_owned())
    }
}

/// Sends a file by tus: announced first, then all of it in one piece. Only the second half is measured.
pub(super) fn upload(
    connection: &mut Connection,
    path: &str,
    authorization: Option<&str>,
    file: &Path,
) -> Result<Uploaded> {
    let file = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let length = file.metadata()?.len().to_string();
    let identity = authorization.map(|value| ("Authorization", value));
    let with = |more: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        let all = [TUS].into_iter().chain(identity).chain(more.iter().copied());
        all.map(|(name, value)| (name, value.to_owned())).collect()
    };
    let headers = with(&[("Upload-Length", &length)]);
    let head = connection
        .ask(Request {
            method: "POST",
            path,
            headers: &borrowed(&headers),
            body: Body::Empty,
        })?
        .expect(201)?;
    connection.pass_over(&head)?;
    let location = head.header("location").context("an upload without a place")?;
    let location = path_of(location).to_owned();
    let headers = with(&[
        ("Upload-Offset", "0"),
        ("Content-Type", "application/offset+octet-stream"),
    ]);
    let begun = Instant::now();
    connection
        .ask(Request {
            method: "PATCH",
            path: &location,
            headers: &borrowed(&headers),
            body: Body::File(&file),
        })?
        .expect(204)?;
    Ok(Uploaded {
        location,
        took: begun.elapsed(),
    })
}

/// Ends an upload by tus and removes what came of it.
pub(super) fn discard(
    connection: &mut Connection,
    authorization: Option<&str>,
    uploaded: &Uploaded,
) -> Result<()> {
    let headers: Vec<_> = [TUS]
        .into_iter()
        .chain(authorization.map(|value| ("Authorization", value)))
        .collect();
    let head = connection
        .ask(Request {
            method: "DELETE",
            path: &uploaded.location,
            headers: &headers,
            body: Body::Empty,
        })?
        .expect(204)?;
    connection.pass_over(&head).map(drop)
}

fn borrowed<'a>(headers: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}

/// The path of an address that may have a host.
fn path_of(address: &str) -> &str {
    match address.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |start| &rest[start..]),
        None => address,
    }
}

fn serve(data: &Folder) -> Result<Server> {
    let mut command = program(data, "serve")?;
    command.args(["--listen", "127.0.0.1:0"]);
    Server::start_announced(command, "The console is at ", &data.path("log"))
}

fn program(data: &Folder, subcommand: &str) -> Result<Command> {
    let mut command = Command::new(env::current_dir()?.join(PROGRAM));
    command
        .args([
            subcommand,
            "--config",
            &data.text("backups-console.toml"),
            "--data",
            &data.text("data"),
        ])
        .stderr(Stdio::inherit())
        .env_remove("LEPTOS_SITE_ROOT");
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_path_whether_or_not_it_has_a_host() {
        assert_eq!(path_of("/backup/uploads/a"), "/backup/uploads/a");
        assert_eq!(path_of("http://localhost:1080/files/a"), "/files/a");
        assert_eq!(path_of("http://localhost"), "/");
    }
}
