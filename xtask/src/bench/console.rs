//! The console as it is shipped, with a project of its own.

use std::{
    env,
    process::{Command, Stdio},
};

use anyhow::{Result, ensure};

use super::{
    api::Api,
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
environments = [\"dev\"]
";

const CONFIGURATION_FILE: &str = "backups-console.toml";

/// A console that runs.
#[derive(Debug)]
pub(super) struct Console {
    pub(super) server: Server,
    data: Folder,
    token: String,
}

impl Console {
    /// One with an empty environment and one person.
    pub(super) fn start(name: &str) -> Result<Self> {
        Self::start_with(Folder::new(name)?, CONFIGURATION)
    }

    /// One of that configuration and one person.
    pub(super) fn start_with(data: Folder, configuration: &str) -> Result<Self> {
        data.write(CONFIGURATION_FILE, configuration)?;
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
        self.restart_after(|_| Ok(()))
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

    /// The services behind it, for the person.
    pub(super) fn api(&self) -> Api {
        Api::with_token(self.server.address, &self.token)
    }

    /// What the person names themselves with.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The cookies of somebody who has signed in.
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
        let cookies = head
            .all("set-cookie")
            .filter_map(|cookie| cookie.split(';').next());
        let cookies: Vec<&str> = cookies.collect();
        ensure!(!cookies.is_empty(), "nobody was signed in");
        Ok(cookies.join("; "))
    }
}

/// Starts backup services alone, from the configuration in their folder.
pub(super) fn serve_alone(data: &Folder, configuration: &str) -> Result<Server> {
    data.write(CONFIGURATION_FILE, configuration)?;
    start(data, "service", "The backup services are at ")
}

fn serve(data: &Folder) -> Result<Server> {
    start(data, "serve", "The console is at ")
}

fn start(data: &Folder, subcommand: &str, announcement: &str) -> Result<Server> {
    let mut command = program(data, subcommand)?;
    command.args(["--listen", "127.0.0.1:0"]);
    Server::start_announced(command, announcement, &data.path("log"))
}

fn program(data: &Folder, subcommand: &str) -> Result<Command> {
    let mut command = Command::new(env::current_dir()?.join(PROGRAM));
    command
        .args([
            subcommand,
            "--config",
            &data.text(CONFIGURATION_FILE),
            "--data",
            &data.text("data"),
        ])
        .stderr(Stdio::inherit())
        .env_remove("LEPTOS_SITE_ROOT");
    Ok(command)
}
