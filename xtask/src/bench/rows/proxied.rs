//! An archive of a service in another process, through the console, against nginx in front of the same service.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use anyhow::Result;

use super::download::{Side, compare};
use crate::bench::{
    Options,
    api::Api,
    console::{Console, serve_alone},
    http::Request,
    peers::{nginx, nginx_version},
    process::{GIB, MIB},
    report::Report,
    samples,
    workshop::{Folder, answer},
};

/// Below both configurations, readable by nobody else.
const TOKEN_FILE: &str = "acme.token";
const PROJECT: &str = "[log]\nfilter = \"warn\"\n\n[uploads]\nsmallest_free_space = \"1MB\"\n\n[[projects]]\nname = \"acme\"\n\
                       environments = [\"dev\"]\n";

pub(super) fn measure(options: &Options) -> Result<Report> {
    let folder = Folder::new("proxied")?;
    let (database, volume) = (folder.path("database.gz"), folder.path("volume.tgz"));
    samples::write_database(&database, MIB)?;
    let size = samples::write_volume(&volume, options.gib * GIB)?;
    let token = answer(
        {
            let mut command = Command::new("sh");
            command.args(["-c", "head -c 24 /dev/urandom | base64"]);
            command
        },
        "",
    )?;

    let behind = Folder::new("proxied/service")?;
    write_token(&behind, &token)?;
    let service = serve_alone(
        &behind,
        &format!("{PROJECT}master_token_file = \"{TOKEN_FILE}\"\n"),
    )?;
    let api = Api::with_token(service.address, &token);
    let backup = api.backup(&database, &volume)?;

    let before = Folder::new("proxied/console")?;
    write_token(&before, &token)?;
    let console = Console::start_with(
        before,
        &format!(
            "{PROJECT}[[projects.services]]\nenvironment = \"dev\"\nurl = \"http://{}/services/acme-dev\"\n\
             master_token_file = \"{TOKEN_FILE}\"\n",
            service.address
        ),
    )?;
    let cookie = console.sign_in()?;
    // Tuned: its default of 8 x 8k buffers is no fair peer.
    let proxy = nginx(
        &folder,
        &format!(
            "upstream service {{ server {}; keepalive 4; }}\nserver {{ listen {{address}};\nlocation / {{\n\
             proxy_pass http://service;\nproxy_http_version 1.1;\nproxy_set_header Connection \"\";\n\
             proxy_set_header Host localhost:{};\nproxy_buffers 8 128k;\nproxy_buffer_size 128k;\n\
             proxy_busy_buffers_size 256k;\nproxy_max_temp_file_size 0;\n}} }}",
            service.address,
            service.address.port()
        ),
    )?;

    let through_console = format!("/projects/acme-dev/backups/{backup}/download/volume");
    let (with_cookie, with_token) = ([("Cookie", cookie.as_str())], api.headers());
    let through_proxy = Api::download_path(&backup, "volume");
    let sides = [
        Side {
            server: &console.server,
            request: Request::get(&through_console, &with_cookie),
        },
        Side {
            server: &proxy,
            request: Request::get(&through_proxy, &with_token),
        },
    ];
    let mut report = compare(options, sides, size)?;
    report
        .note("Processor time is that of the console, and of nginx; the service behind both is not counted.");
    report.peers = vec![nginx_version(), "`proxy_pass` with 8 x 128k buffers".to_owned()];
    Ok(report)
}

fn write_token(folder: &Folder, token: &str) -> Result<()> {
    let path = folder.write(TOKEN_FILE, token)?;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o600))?)
}
