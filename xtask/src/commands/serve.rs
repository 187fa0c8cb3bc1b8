//! `cargo xtask serve`: from nothing to a console that can be clicked through.

use std::{os::unix::process::CommandExt as _, path::Path};

use anyhow::{Context as _, Result};

use super::{BUILD_SITE, SITE};
use crate::{invocation::Invocation, setup, steps::Steps};

const SERVER: &str = "target/debug/backups-console";
/// What the server gets unless its caller says otherwise.
const DEFAULTS: [(&str, &str); 2] = [("--data", "data"), ("--listen", "127.0.0.1:3000")];

pub(crate) fn run(server_arguments: &[String]) -> Result<()> {
    let mut steps = Steps::start();
    let toolchain = steps.perform("set-up", setup::for_development)?;
    steps.run("site and server", &toolchain.cargo().arguments(BUILD_SITE))?;

    let site = std::env::current_dir()?.join(SITE);
    let server = Invocation::new(SERVER)
        .arguments(arguments(server_arguments).iter().map(String::as_str))
        .variable("LEPTOS_SITE_ROOT", site.display().to_string());
    println!("\n==> serve\n    {server}");
    println!(
        "    The console is at {} as soon as it says that it listens. Ctrl-C ends it.\n",
        address(server_arguments)
    );
    // In our place, not below us: whatever ends this process ends the server, and its exit code is ours.
    let error = server.command()?.exec();
    Err(error).with_context(|| format!("cannot start {}", Path::new(SERVER).display()))
}

fn arguments(server_arguments: &[String]) -> Vec<String> {
    let mut all = vec!["serve".to_owned(), "--demo".to_owned()];
    for (flag, value) in DEFAULTS {
        if given(server_arguments, flag).is_none() {
            all.extend([flag.to_owned(), value.to_owned()]);
        }
    }
    all.extend(
        server_arguments
            .iter()
            .filter(|argument| *argument != "--demo")
            .cloned(),
    );
    all
}

/// The value of a flag in `--flag value` or `--flag=value`.
fn given<'a>(arguments: &'a [String], flag: &str) -> Option<&'a str> {
    arguments
        .iter()
        .enumerate()
        .find_map(|(index, argument)| match argument.strip_prefix(flag)? {
            "" => Some(arguments.get(index + 1).map_or("", String::as_str)),
            value => value.strip_prefix('='),
        })
}

/// What to type into a browser. `localhost` rather than the number: browsers treat it as a safe origin.
fn address(server_arguments: &[String]) -> String {
    let listen = given(server_arguments, "--listen").unwrap_or("127.0.0.1:3000");
    let port = listen.rsplit(':').next().unwrap_or(listen);
    match listen.strip_suffix(port) {
        Some("127.0.0.1:" | "0.0.0.0:" | "[::]:" | "[::1]:") => format!("http://localhost:{port}"),
        _ => format!("http://{listen}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_the_caller_says_replaces_what_we_would() {
        assert_eq!(
            arguments(&[]),
            words("serve --demo --data data --listen 127.0.0.1:3000")
        );
        assert_eq!(
            arguments(&words("--listen=0.0.0.0:4000 --config mine.toml")),
            words("serve --demo --data data --listen=0.0.0.0:4000 --config mine.toml")
        );
        assert_eq!(
            arguments(&words("--demo --data elsewhere")),
            words("serve --demo --listen 127.0.0.1:3000 --data elsewhere")
        );
    }

    #[test]
    fn the_address_is_the_one_it_listens_on() {
        assert_eq!(address(&[]), "http://localhost:3000");
        assert_eq!(address(&words("--listen 0.0.0.0:4000")), "http://localhost:4000");
        assert_eq!(address(&words("--listen=[::1]:4000")), "http://localhost:4000");
        assert_eq!(address(&words("--listen 10.0.0.7:80")), "http://10.0.0.7:80");
    }
}
