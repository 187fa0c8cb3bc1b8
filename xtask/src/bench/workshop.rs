//! Folders and servers of a benchmark: all on loopback and on free ports, and gone when it is over, however it ends.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::process::Process;

/// Below the project, because the folder for temporary files is often no disk at all, and what is measured is durable.
const FOLDER: &str = "target/bench";
const LONGEST_START: Duration = Duration::from_mins(1);

/// A folder that is removed at the end.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

/// A server that is ended at the end.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    pub(super) address: SocketAddr,
}

/// Removes what a benchmark left that was killed.
pub(super) fn clear() -> Result<()> {
    if Path::new(FOLDER).exists() {
        fs::remove_dir_all(FOLDER).with_context(|| format!("cannot remove {FOLDER}"))?;
    }
    Ok(())
}

impl Folder {
    /// A new one of that name, with an absolute path.
    pub(super) fn new(name: &str) -> Result<Self> {
        let folder = std::env::current_dir()?.join(FOLDER).join(name);
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Self(folder))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The same as text, for configuration files and arguments.
    pub(super) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    pub(super) fn write(&self, name: &str, content: &str) -> Result<String> {
        let path = self.path(name);
        fs::write(&path, content).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path.display().to_string())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is removed by the next benchmark.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Server {
    /// Starts a program that listens on `address`, and waits until it does. What it complains of goes to `log`.
    pub(super) fn start(mut command: Command, address: SocketAddr, log: &Path) -> Result<Self> {
        let child = spawn(command.stdout(Stdio::null()), log)?;
        let mut server = Self { child, address };
        let begun = Instant::now();
        while TcpStream::connect(address).is_err() {
            server.ensure_runs(log)?;
            ensure!(
                begun.elapsed() < LONGEST_START,
                "{}",
                failure(log, "did not start in time")
            );
            thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Starts a program that prints a line with its address after `announcement`, and waits for that line.
    pub(super) fn start_announced(mut command: Command, announcement: &str, log: &Path) -> Result<Self> {
        let mut child = spawn(command.stdout(Stdio::piped()), log)?;
        let output = child.stdout.take().context("the output is piped")?;
        let mut server = Self {
            child,
            address: (Ipv4Addr::LOCALHOST, 0).into(),
        };
        for line in BufReader::new(output).lines() {
            if let Some((_, port)) = line?
                .strip_prefix(announcement)
                .and_then(|rest| rest.rsplit_once(':'))
            {
                let digits = port.split('/').next().unwrap_or_default();
                let port = digits.parse().context("an address without a port")?;
                server.address.set_port(port);
                return Ok(server);
            }
        }
        server.ensure_runs(log)?;
        bail!("{}", failure(log, "did not say where it listens"))
    }

    pub(super) fn process(&self) -> Process {
        Process(self.child.id())
    }

    fn ensure_runs(&mut self, log: &Path) -> Result<()> {
        match self.child.try_wait()? {
            Some(status) => bail!("{}", failure(log, &format!("ended with {status}"))),
            None => Ok(()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // Gently first: a server with workers takes them along.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        let begun = Instant::now();
        while asked.is_ok() && begun.elapsed() < Duration::from_secs(10) {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        // It has ended, or cannot be ended by us at all.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address nobody listens on at the moment.
pub(super) fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Runs a command to its end with `input` and gives what it printed.
pub(super) fn answer(mut command: Command, input: &str) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let mut stdin = child.stdin.take().context("the input is piped")?;
    stdin.write_all(input.as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    ensure!(
        output.status.success(),
        "{program} ended with {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Waits until the disk has nothing to do for what was measured before.
pub(super) fn settle() -> Result<()> {
    answer(Command::new("sync"), "").map(drop)
}

fn spawn(command: &mut Command, log: &Path) -> Result<Child> {
    let program = command.get_program().to_string_lossy().into_owned();
    let log = fs::File::create(log).with_context(|| format!("cannot make {}", log.display()))?;
    command
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot start {program}; `cargo xtask setup` installs what is missing"))
}

fn failure(log: &Path, what: &str) -> String {
    let said = fs::read_to_string(log).unwrap_or_default();
    format!("a server {what}: {}", said.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn log(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("xtask-workshop-{name}-{}", std::process::id()))
    }

    #[test]
    fn a_server_that_ends_says_why() {
        let log = log("ends");
        for outcome in [
            Server::start(
                shell("echo no room >&2; exit 3"),
                free_address().expect("a port"),
                &log,
            ),
            Server::start_announced(shell("echo no room >&2; exit 3"), "I am at ", &log),
        ] {
            let error = outcome.expect_err("it ended").to_string();
            assert!(error.contains("no room"), "{error}");
        }
        fs::remove_file(log).expect("was written");
    }

    #[test]
    fn an_announced_address_is_found_and_the_server_ended() {
        let log = log("announces");
        let server = Server::start_announced(
            shell("echo hello; echo I am at http://localhost:4321/services/; exec sleep 60"),
            "I am at ",
            &log,
        )
        .expect("it starts");
        assert_eq!(server.address, SocketAddr::from(([127, 0, 0, 1], 4321)));
        let process = server.process();
        assert!(process.memory().is_ok());
        drop(server);
        assert!(process.memory().is_err(), "it still runs");
        fs::remove_file(log).expect("was written");
    }

    #[test]
    fn what_a_command_says_is_given_or_told() {
        assert_eq!(answer(shell("cat; echo !"), "hello").expect("succeeds"), "hello!");
        let error = answer(shell("echo no >&2; exit 4"), "")
            .expect_err("fails")
            .to_string();
        assert!(error.contains("no") && error.contains('4'), "{error}");
    }
}
