//! Archives up and down, as programs do it: the documented API of a backup service, and tus.

use std::{
    fs::File,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

use super::http::{Body, Connection, Request};

/// The environment that is worked with, below a console or a service.
const SERVICE: &str = "/services/acme-dev";
const TUS: (&str, &str) = ("Tus-Resumable", "1.0.0");

/// Which of the two archives of a backup something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    Database,
    Volume,
}

impl Half {
    /// What the metadata of an upload says: the name in base64.
    const fn metadata(self) -> &'static str {
        match self {
            Self::Database => "part ZGF0YWJhc2U=",
            Self::Volume => "part dm9sdW1l",
        }
    }
}

/// A backup service, and who asks it.
#[derive(Debug, Clone)]
pub(super) struct Api {
    pub(super) address: SocketAddr,
    /// The header of whoever may do everything.
    pub(super) authorization: String,
}

/// An upload that has come.
#[derive(Debug)]
pub(super) struct Uploaded {
    /// Where the server says it is.
    location: String,
    /// From the first byte to the answer.
    pub(super) took: Duration,
}

impl Api {
    pub(super) fn with_token(address: SocketAddr, token: &str) -> Self {
        Self {
            address,
            authorization: format!("Bearer {token}"),
        }
    }

    pub(super) fn connect(&self) -> Result<Connection> {
        Connection::open(self.address)
    }

    pub(super) fn headers(&self) -> [(&str, &str); 1] {
        [("Authorization", &self.authorization)]
    }

    /// The path of one archive of a backup.
    pub(super) fn download_path(backup: &str, part: &str) -> String {
        format!("{SERVICE}/backup/download/{part}/{backup}")
    }

    /// A page of the history, as text.
    pub(super) fn history(&self) -> Result<String> {
        let mut connection = self.connect()?;
        let path = format!("{SERVICE}/backup/history?limit=1");
        let head = connection
            .ask(Request::get(&path, &self.headers()))?
            .expect(200)?;
        connection.text(&head)
    }

    /// Sends a file as a resumable upload, whole. It is durable when this comes back.
    pub(super) fn upload(&self, half: Half, file: &Path) -> Result<Uploaded> {
        let path = format!("{SERVICE}/backup/uploads");
        upload(&mut self.connect()?, &path, Some(&self.authorization), half, file)
    }

    /// Removes an upload that became no backup.
    pub(super) fn discard(&self, uploaded: &Uploaded) -> Result<()> {
        discard(&mut self.connect()?, Some(&self.authorization), uploaded)
    }

    /// Makes a backup of two uploads, and gives its id and how long that took.
    pub(super) fn initiate(&self, database: &Uploaded, volume: &Uploaded) -> Result<(String, Duration)> {
        let body = format!(
            r#"{{"database": "{}", "volume": "{}"}}"#,
            last(&database.location),
            last(&volume.location)
        );
        let mut connection = self.connect()?;
        let begun = Instant::now();
        let head = connection
            .ask(Request {
                method: "POST",
                path: &format!("{SERVICE}/backup/upload"),
                headers: &[
                    ("Authorization", &self.authorization),
                    ("Content-Type", "application/json"),
                ],
                body: Body::Text(&body),
            })?
            .expect(201)?;
        let took = begun.elapsed();
        let location = head.header("location").context("a backup without a place")?;
        Ok((last(location).to_owned(), took))
    }

    /// Makes a backup of two files.
    pub(super) fn backup(&self, database: &Path, volume: &Path) -> Result<String> {
        let database = self.upload(Half::Database, database)?;
        let volume = self.upload(Half::Volume, volume)?;
        Ok(self.initiate(&database, &volume)?.0)
    }
}

/// What stands behind the last slash.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// Sends a file by tus: announced first, then all of it in one piece. Only the second half is measured.
pub(super) fn upload(
    connection: &mut Connection,
    path: &str,
    authorization: Option<&str>,
    half: Half,
    file: &Path,
) -> Result<Uploaded> {
    let file = File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let length = file.metadata()?.len().to_string();
    let identity = authorization.map(|value| ("Authorization", value));
    let with = |more: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        let all = [TUS].into_iter().chain(identity).chain(more.iter().copied());
        all.map(|(name, value)| (name, value.to_owned())).collect()
    };
    let headers = with(&[("Upload-Length", &length), ("Upload-Metadata", half.metadata())]);
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
