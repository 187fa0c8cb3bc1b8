//! A service in a folder of its own, and the command line beside it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use archive_samples::{TarBuilder, TarEntry, gzip};
use tempfile::TempDir;

pub(crate) const MASTER: &str = "0123456789abcdef";
pub(crate) const ENVIRONMENT: &str = "joe-bloggs-dev";
const PATIENCE: Duration = Duration::from_mins(1);
const CONFIGURATION: &str = "\
[[projects]]
name = \"joe-bloggs\"
master_token_file = \"master.token\"
environments = [\"dev\", \"prd\"]
";

/// The server's binary lies beside ours.
fn server_binary() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_lcp")).with_file_name("backups-console");
    assert!(path.is_file(), "build the server first: cargo build -p server");
    path
}

/// A folder with a home for `lcp`, and maybe a server.
pub(crate) struct Place {
    folder: TempDir,
    server: Option<(Child, u16)>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((server, _)) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

impl Place {
    pub(crate) fn without_a_server() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder, server: None }
    }

    /// Two environments, opened by the master token.
    pub(crate) fn new() -> Self {
        let mut place = Self::without_a_server();
        place.write("service.toml", CONFIGURATION);
        let token = place.write("master.token", MASTER);
        fs::set_permissions(token, fs::Permissions::from_mode(0o600)).unwrap();
        place.serve(&["service", "--config", "service.toml"]);
        place
    }

    /// A console with its people.
    pub(crate) fn with_a_console() -> Self {
        let mut place = Self::without_a_server();
        place.serve(&["serve", "--demo"]);
        place
    }

    fn serve(&mut self, arguments: &[&str]) {
        let mut child = Command::new(server_binary())
            .args(arguments)
            .args(["--data", "data", "--listen", "127.0.0.1:0"])
            .current_dir(self.folder.path())
            .env("LEPTOS_SITE_ROOT", self.path("site"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel();
        let output = child.stdout.take().unwrap();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let port = loop {
            let line = lines.recv_timeout(PATIENCE).expect("the server starts");
            if let Some((_, rest)) = line.split_once(" at http://localhost:") {
                break rest.split('/').next().unwrap().parse().unwrap();
            }
        };
        self.server = Some((child, port));
    }

    /// What the server's own commands print.
    pub(crate) fn on_the_server(&self, arguments: &[&str], input: &str) -> String {
        let mut child = Command::new(server_binary())
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn port(&self) -> u16 {
        self.server.as_ref().expect("a server").1
    }

    pub(crate) fn template(&self) -> String {
        template(self.port())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn configuration(&self) -> String {
        fs::read_to_string(self.path("home/.lcp")).unwrap_or_default()
    }

    /// `lcp` with nothing of this machine's environment, no terminal, and no credentials.
    pub(crate) fn bare(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lcp"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.path("home"))
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        if let Some((_, port)) = &self.server {
            command.env("LCP_URL_TEMPLATE", template(*port));
        }
        command
    }

    /// The same, with the master token.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(arguments);
        command.env("LCP_PROJECT_MASTER_TOKEN", MASTER);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.command(arguments).output().unwrap())
    }

    /// Makes a backup of a small pair and gives its id.
    pub(crate) fn backup(&self) -> String {
        let (database, library) = (
            self.write("in/database.gz", database()),
            self.write("in/volume.tgz", volume(&[("20098/a", b"document".as_slice())])),
        );
        self.upload(&database, &library)
    }

    pub(crate) fn upload(&self, database: &Path, library: &Path) -> String {
        let ended = self.run(&[
            "backup",
            "upload",
            "-p",
            ENVIRONMENT,
            "--database",
            database.to_str().unwrap(),
            "--doclib",
            library.to_str().unwrap(),
        ]);
        ended.succeeded().trim().to_owned()
    }
}

fn template(port: u16) -> String {
    format!("http://backup-{{project}}-{{environment}}.localhost:{port}")
}

/// How `lcp` ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            status: output.status.code().expect("it ends by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// What it printed; it did what it was asked for.
    pub(crate) fn succeeded(self) -> String {
        assert_eq!(self.status, 0, "{self:?}");
        self.out
    }

    /// It ended with this status, printed nothing, and said this.
    pub(crate) fn failed(&self, status: i32, sentence: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        assert!(self.err.contains(sentence), "{self:?}");
    }

    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.succeeded()).unwrap()
    }
}

/// Gives a process its input and waits for its end.
pub(crate) fn with_input(mut command: Command, input: &str) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Ended::of(child.wait_with_output().unwrap())
}

pub(crate) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(bytes)
        .read_to_end(&mut plain)
        .unwrap();
    plain
}

pub(crate) const DUMP: &str = "\
--
-- PostgreSQL database dump
--

CREATE TABLE public.accountentry (accountentryid bigint);

--
-- PostgreSQL database dump complete
--
";

pub(crate) fn database() -> Vec<u8> {
    gzip(DUMP.as_bytes())
}

/// A `volume.tgz` with these files below `document_library`.
pub(crate) fn volume(files: &[(&str, &[u8])]) -> Vec<u8> {
    let entries = files
        .iter()
        .map(|(name, content)| TarEntry::file(&format!("document_library/{name}"), content));
    gzip(&entries.fold(TarBuilder::new(), TarBuilder::with).finish())
}

/// Bytes that do not shrink and are the same every time.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    archive_samples::noise(length, 7)
}
