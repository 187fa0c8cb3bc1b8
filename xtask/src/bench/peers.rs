//! What we are measured against, started by us: nginx, tuned, the reference server of the tus protocol, and rclone with a
//! server of its own.

use std::{path::Path, process::Command};

use anyhow::Result;

use super::workshop::{Folder, Server, answer, free_address};
use crate::invocation::Invocation;

/// Debian keeps nginx here, which is not in everybody's `PATH`.
const SYSTEM_PROGRAMS: &str = "/usr/sbin";
/// Name and password of whoever copies to rclone's server.
const LOGIN: &str = "bench";
const TUS_SERVER: &str = "benchmarks/tus-server.mjs";

/// nginx with `content` as its configuration of HTTP, listening where `{address}` stands.
pub(super) fn nginx(folder: &Folder, content: &str) -> Result<Server> {
    let address = free_address()?;
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};\n", folder.text(kind)))
        .concat();
    let configuration = folder.write(
        "nginx.conf",
        &format!(
            "daemon off;\npid {};\nerror_log stderr warn;\nworker_processes auto;\nworker_cpu_affinity auto;\n\
             events {{ worker_connections 1024; }}\nhttp {{\naccess_log off;\nsendfile on;\nsendfile_max_chunk 2m;\n\
             tcp_nopush on;\nkeepalive_requests 1000000;\n{temporary}{}\n}}\n",
            folder.text("nginx.pid"),
            content.replace("{address}", &address.to_string())
        ),
    )?;
    let mut command = Command::new("nginx");
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:{SYSTEM_PROGRAMS}")).args([
        "-e",
        "stderr",
        "-p",
        &folder.text("."),
        "-c",
        &configuration,
    ]);
    Server::start(command, address, &folder.path("nginx.log"))
}

/// nginx that hands out the files of a folder.
pub(super) fn nginx_static(folder: &Folder, root: &Path) -> Result<Server> {
    let content = format!(
        "server {{ listen {{address}}; root {}; open_file_cache max=16; }}",
        root.display()
    );
    nginx(folder, &content)
}

/// `nginx version: nginx/1.22.1` as `nginx 1.22.1`.
pub(super) fn nginx_version() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("nginx")
        .env("PATH", format!("{path}:{SYSTEM_PROGRAMS}"))
        .arg("-v")
        .output();
    let said = output.map_or_else(|_| Vec::new(), |output| output.stderr);
    let said = String::from_utf8_lossy(&said);
    format!(
        "nginx {}",
        said.trim().rsplit('/').next().unwrap_or("of an unknown version")
    )
}

/// `@tus/server` with its own store of files.
pub(super) fn tus_server(folder: &Folder) -> Result<Server> {
    let mut command = Command::new("node");
    command.args([TUS_SERVER, &folder.text("files")]);
    Server::start_announced(command, "listening on ", &folder.path("tus.log"))
}

/// rclone with servers of its own over a folder: the quickest that it has for each direction.
#[derive(Debug)]
pub(super) struct Rclone {
    sftp: Server,
    http: Server,
    /// As a client reads it, which is no secret.
    password: String,
}

impl Rclone {
    /// Serves the files of `root`, and takes more.
    pub(super) fn serve(folder: &Folder, root: &Path) -> Result<Self> {
        let mut obscure = rclone();
        obscure.args(["obscure", LOGIN]);
        let start = |protocol: &str, more: &[&str]| {
            let address = free_address()?;
            let mut command = rclone();
            command
                .args(["serve", protocol, "--addr", &address.to_string()])
                .args(more)
                .arg(root);
            Server::start(command, address, &folder.path(&format!("rclone-{protocol}.log")))
        };
        // The key that it makes for itself goes with the folder.
        let cache = folder.text("rclone");
        let sftp = ["--user", LOGIN, "--pass", LOGIN, "--cache-dir", &cache];
        Ok(Self {
            sftp: start("sftp", &sftp)?,
            http: start("http", &[])?,
            password: answer(obscure, "")?,
        })
    }

    /// A command that sends a folder, so many files at a time.
    pub(super) fn send(&self, from: &str, concurrency: u32) -> Command {
        let mut command = copy(from, ":sftp:", concurrency);
        command
            .env("RCLONE_SFTP_HOST", self.sftp.address.ip().to_string())
            .env("RCLONE_SFTP_PORT", self.sftp.address.port().to_string())
            .env("RCLONE_SFTP_USER", LOGIN)
            .env("RCLONE_SFTP_PASS", &self.password)
            // It would ask for a checksum of each file by a command of its own.
            .env("RCLONE_SFTP_DISABLE_HASHCHECK", "true");
        command
    }

    /// A command that fetches everything, likewise.
    pub(super) fn fetch(&self, to: &str, concurrency: u32) -> Command {
        let mut command = copy(":http:", to, concurrency);
        command.env("RCLONE_HTTP_URL", format!("http://{}", self.http.address));
        command
    }
}

fn copy(from: &str, to: &str, concurrency: u32) -> Command {
    let concurrency = concurrency.to_string();
    let mut command = rclone();
    command
        .args(["copy", from, to])
        .args(["--transfers", &concurrency, "--checkers", &concurrency]);
    command
}

/// Without the configuration of whoever measures.
fn rclone() -> Command {
    let mut command = Command::new("rclone");
    command.args(["--config", ""]);
    command
}

/// The first line of `rclone version`, such as `rclone v1.60.1-DEV`.
pub(super) fn rclone_version() -> String {
    let version = Invocation::new("rclone").arguments(["version"]).answer();
    let version = version.unwrap_or_default();
    version.lines().next().unwrap_or("rclone").to_owned()
}
