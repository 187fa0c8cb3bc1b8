//! What we are measured against, started by us: nginx, tuned, the reference server of the tus protocol, and rclone with a
//! server of its own.

use std::{path::Path, process::Command};

use anyhow::Result;

use super::workshop::{Folder, Server, free_address};
use crate::invocation::Invocation;

/// Debian keeps nginx here, which is not in everybody's `PATH`.
const SYSTEM_PROGRAMS: &str = "/usr/sbin";
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

/// rclone with its own server over a folder, which has no cache and keeps files as they are.
#[derive(Debug)]
pub(super) struct Rclone(Server);

impl Rclone {
    /// The name that the server has for [`Self::copy`].
    pub(super) const REMOTE: &str = ":webdav:";

    /// Serves the files of `root`, and takes more.
    pub(super) fn serve(folder: &Folder, root: &Path) -> Result<Self> {
        let address = free_address()?;
        let mut command = rclone();
        command
            .args(["serve", "webdav", "--addr", &address.to_string()])
            .arg(root);
        Server::start(command, address, &folder.path("rclone.log")).map(Self)
    }

    /// A command that copies from a folder to the server or back, so many files at a time.
    pub(super) fn copy(&self, from: &str, to: &str, concurrency: u32) -> Command {
        let concurrency = concurrency.to_string();
        let mut command = rclone();
        command
            .args(["copy", from, to])
            .args(["--transfers", &concurrency, "--checkers", &concurrency])
            .env("RCLONE_WEBDAV_URL", format!("http://{}", self.0.address))
            .env("RCLONE_WEBDAV_VENDOR", "other");
        command
    }
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
