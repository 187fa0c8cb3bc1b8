//! Servers of the tests' own, reached through a socket in their folder; they end with the test.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Servers refuse to run as root, so root lets the user of their packages run them.
struct Runner {
    folder: TempDir,
    runs_as: Option<u32>,
}

impl Runner {
    fn new(user: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let is_root = output(Command::new("id").arg("-u")).trim_ascii() == b"0";
        let runs_as = is_root.then(|| {
            let number = output(Command::new("id").args(["-u", user]));
            String::from_utf8_lossy(&number).trim().parse().unwrap()
        });
        if let Some(user) = runs_as {
            chown(folder.path(), Some(user), None).unwrap();
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        }
        Self { folder, runs_as }
    }

    fn program(&self, program: &Path) -> Command {
        let mut command = match self.runs_as {
            None => Command::new(program),
            Some(user) => {
                let mut command = Command::new("setpriv");
                let options = [&format!("--reuid={user}"), "--clear-groups", "--"];
                command.args(options).arg(program);
                command
            }
        };
        command.current_dir("/").env("LC_ALL", "C.UTF-8");
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// What a command prints; the test fails with what it complained of if it fails.
pub(crate) fn output(command: &mut Command) -> Vec<u8> {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Runs a command that reads `input`.
fn feed(command: &mut Command, input: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), input).unwrap();
    let printed = output(command.stdin(fs::File::open(file.path()).unwrap()));
    String::from_utf8_lossy(&printed).into_owned()
}

pub(crate) struct PostgreSql {
    runner: Runner,
    programs: PathBuf,
}

impl PostgreSql {
    pub(crate) fn start() -> Self {
        let versions = fs::read_dir("/usr/lib/postgresql").expect("install postgresql to run this test");
        let programs = versions
            .map(|entry| entry.unwrap().path().join("bin"))
            .max()
            .unwrap();
        let server = Self {
            runner: Runner::new("postgres"),
            programs,
        };
        let data = server.runner.path("data");
        output(
            server
                .program("initdb")
                .args([
                    "--auth=trust",
                    "--no-sync",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    "-D",
                ])
                .arg(&data),
        );
        let folder = server.runner.folder.path().display();
        output(
            server
                .program("pg_ctl")
                .args(["start", "-w", "-s", "-o"])
                .arg(format!("-c listen_addresses='' -c fsync=off -k {folder}"))
                .arg("-l")
                .arg(server.runner.path("log"))
                .arg("-D")
                .arg(data)
                .stdout(Stdio::null()),
        );
        server
    }

    fn program(&self, name: &str) -> Command {
        self.runner.program(&self.programs.join(name))
    }

    fn client(&self, name: &str, database: Option<&str>) -> Command {
        let mut command = self.program(name);
        command.arg("-h").arg(self.runner.folder.path());
        if let Some(database) = database {
            command.args(["-d", database]);
        }
        command
    }

    /// Runs SQL and gives what it prints.
    pub(crate) fn run(&self, database: &str, sql: &[u8]) -> String {
        let options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"];
        feed(self.client("psql", Some(database)).args(options), sql)
    }

    pub(crate) fn dump(&self, database: &str, options: &[&str]) -> Vec<u8> {
        output(self.client("pg_dump", Some(database)).args(options))
    }

    pub(crate) fn dump_all(&self) -> Vec<u8> {
        output(&mut self.client("pg_dumpall", None))
    }
}

impl Drop for PostgreSql {
    fn drop(&mut self) {
        let data = self.runner.path("data");
        let stopped = self
            .program("pg_ctl")
            .args(["stop", "-s", "-m", "immediate", "-D"])
            .arg(data)
            .status();
        assert!(
            stopped.is_ok_and(|status| status.success()) || thread::panicking(),
            "the server was left running"
        );
    }
}

pub(crate) struct MariaDb {
    runner: Runner,
    server: Child,
}

impl MariaDb {
    pub(crate) fn start() -> Self {
        let runner = Runner::new("mysql");
        let data = runner.path("data");
        output(
            runner
                .program(Path::new("/usr/bin/mariadb-install-db"))
                .args([
                    "--no-defaults",
                    "--auth-root-authentication-method=normal",
                    "--skip-test-db",
                ])
                .arg(format!("--datadir={}", data.display())),
        );
        let mut server = runner
            .program(Path::new("/usr/sbin/mariadbd"))
            .args([
                "--no-defaults",
                "--skip-networking",
                "--innodb-flush-log-at-trx-commit=0",
            ])
            .args(["--lower-case-table-names=0", "--character-set-server=utf8mb4"])
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", runner.path("socket").display()))
            .arg(format!("--pid-file={}", runner.path("pid").display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("install mariadb-server to run this test");
        let patience = Instant::now() + Duration::from_mins(1);
        while !runner.path("socket").exists() {
            let ended = server.try_wait().unwrap();
            assert!(ended.is_none(), "the server ended with {ended:?}");
            assert!(Instant::now() < patience, "the server does not start");
            thread::sleep(Duration::from_millis(50));
        }
        Self { runner, server }
    }

    fn client(&self, name: &str) -> Command {
        let mut command = self.runner.program(&Path::new("/usr/bin").join(name));
        command
            .args(["--no-defaults", "--user=root"])
            .arg(format!("--socket={}", self.runner.path("socket").display()));
        command
    }

    /// Runs SQL and gives what it prints.
    pub(crate) fn run(&self, sql: &[u8]) -> String {
        let options = [
            "--batch",
            "--skip-column-names",
            "--binary-mode",
            "--default-character-set=utf8mb4",
        ];
        feed(self.client("mariadb").args(options), sql)
    }

    pub(crate) fn dump(&self, options: &[&str]) -> Vec<u8> {
        output(self.client("mariadb-dump").args(options))
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        // It is the test's own child, and keeps nothing.
        let ended = self.server.kill().and_then(|()| self.server.wait());
        assert!(
            ended.is_ok() || thread::panicking(),
            "the server was left running"
        );
    }
}
