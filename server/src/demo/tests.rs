//! The samples against the programs that administrators would use on them: psql and GNU tar.

use std::{
    fs::{self, File},
    os::unix::fs::{PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Output},
};

use archive_inspection::{Inspection, Limits, Verdict};
use backup_api::{BodyError, Part, UploadContent};
use tempfile::TempDir;

use super::*;

fn content() -> Arc<Content> {
    Arc::new(Content::make(3, 40, "2026-01-02T00:55:00Z".parse().unwrap()))
}

async fn archives(content: Arc<Content>) -> [Vec<u8>; 2] {
    let mut archives = Vec::new();
    for part in parts(content) {
        let UploadContent::Stream(stream) = part.content else {
            panic!("samples come as streams")
        };
        let chunks: Vec<Result<bytes::Bytes, BodyError>> = stream.collect().await;
        archives.push(chunks.into_iter().flat_map(Result::unwrap).collect());
    }
    archives.try_into().unwrap()
}

fn run(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    assert!(
        status.success(),
        "{command:?}: {status}\n{}",
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).unwrap()
}

#[tokio::test]
async fn samples_are_the_same_every_time() {
    let (first, second) = (archives(content()).await, archives(content()).await);
    assert!(first == second);
    assert!(first.iter().all(|archive| archive.starts_with(&[0x1f, 0x8b])));
}

#[tokio::test]
async fn the_inspection_has_nothing_to_say() {
    let halves = Part::ALL.into_iter().zip(archives(content()).await);
    for (part, bytes) in halves {
        let mut inspection = Inspection::new(part, Limits::default());
        assert_eq!(inspection.feed(&bytes), Verdict::GoOn);
        let report = inspection.finish();
        assert_eq!(report.findings, [], "{}", report.summary);
    }
}

#[test]
fn a_larger_sample_holds_everything_of_a_smaller_one() {
    let (small, large) = (
        Content::make(3, 10, Timestamp::UNIX_EPOCH),
        Content::make(3, 12, Timestamp::UNIX_EPOCH),
    );
    for (small, large) in small.documents.iter().zip(&large.documents) {
        assert_eq!(
            (small.key, &small.title, &small.bytes),
            (large.key, &large.title, &large.bytes)
        );
    }
    for (small, large) in small.articles.iter().zip(&large.articles) {
        assert_eq!((small.key, &small.text), (large.key, &large.text));
    }
}

#[test]
fn samples_are_older_than_now_and_never_share_a_minute() {
    let now: Timestamp = "2026-01-02T00:00:30Z".parse().unwrap();
    for name in ["dev", "uat", "prd"] {
        let environment = EnvironmentId::new("lfrjoebloggs".parse().unwrap(), name.parse().unwrap());
        let times: Vec<_> = samples::of(&environment, now)
            .iter()
            .map(|sample| sample.created_at)
            .collect();
        assert!(times.iter().all(|time| *time < now), "{name}");
        assert!(
            times.is_sorted_by(|earlier, later| earlier.as_second() + 60 <= later.as_second()),
            "{name}"
        );
    }
}

#[tokio::test]
async fn gnu_tar_lists_the_document_library_as_liferays() {
    let content = content();
    let [_, volume] = archives(content.clone()).await;
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("volume.tgz");
    fs::write(&archive, volume).unwrap();

    let list = run(Command::new("tar")
        .args(["--numeric-owner", "-tvzf"])
        .arg(&archive));
    assert!(
        list.lines()
            .all(|line| line.split_whitespace().nth(1) == Some("1000/1000")),
        "{list}"
    );
    assert_eq!(
        list.lines().filter(|line| line.starts_with('-')).count(),
        content.documents.len()
    );
    assert!(
        list.lines().all(|line| line.contains(" document_library/")),
        "{list}"
    );

    run(Command::new("tar")
        .arg("-xzf")
        .arg(&archive)
        .arg("--no-same-owner")
        .arg("-C")
        .arg(folder.path()));
    for document in &content.documents {
        let path = format!(
            "document_library/{}/{}/{}/1.0",
            content::COMPANY,
            content::SITE,
            document.key
        );
        let size = fs::metadata(folder.path().join(&path)).unwrap().len();
        assert_eq!(size, u64::try_from(document.bytes.len()).unwrap(), "{path}");
    }
}

/// A PostgreSQL server of the test's own, reached through a socket in its folder; it ends with the test.
struct PostgreSql {
    programs: PathBuf,
    folder: TempDir,
    /// The server refuses to run as root, so root lets another user run it.
    runs_as: Option<u32>,
}

impl PostgreSql {
    fn start() -> Self {
        let versions = fs::read_dir("/usr/lib/postgresql").expect("install postgresql to run this test");
        let programs = versions
            .map(|entry| entry.unwrap().path().join("bin"))
            .max()
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let is_root = run(Command::new("id").arg("-u")).trim() == "0";
        let runs_as = is_root.then(|| {
            run(Command::new("id").args(["-u", "postgres"]))
                .trim()
                .parse()
                .unwrap()
        });
        if let Some(user) = runs_as {
            chown(folder.path(), Some(user), None).unwrap();
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        }
        let server = Self {
            programs,
            folder,
            runs_as,
        };
        let data = server.folder.path().join("data");
        let settings = [
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "-D",
        ];
        run(server.program("initdb").args(settings).arg(&data));
        let options = format!(
            "-c listen_addresses='' -c fsync=off -k {}",
            server.folder.path().display()
        );
        let log = server.folder.path().join("log");
        run(server
            .program("pg_ctl")
            .args(["start", "-w", "-s", "-o", &options, "-l"])
            .arg(log)
            .arg("-D")
            .arg(data));
        server
    }

    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = match self.runs_as {
            None => Command::new(program),
            Some(user) => {
                let mut command = Command::new("setpriv");
                command
                    .args([
                        format!("--reuid={user}"),
                        "--clear-groups".to_owned(),
                        "--".to_owned(),
                    ])
                    .arg(program);
                command
            }
        };
        command.current_dir("/");
        command
    }

    fn psql(&self) -> Command {
        let mut command = self.program("psql");
        command
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-d",
                "postgres",
                "-h",
            ])
            .arg(self.folder.path());
        command
    }

    fn load(&self, dump: &Path) {
        run(self.psql().stdin(File::open(dump).unwrap()));
    }
}

impl Drop for PostgreSql {
    fn drop(&mut self) {
        let data = self.folder.path().join("data");
        let stopped = self
            .program("pg_ctl")
            .args(["stop", "-s", "-m", "immediate", "-D"])
            .arg(data)
            .status();
        assert!(
            stopped.is_ok_and(|status| status.success()) || std::thread::panicking(),
            "the server was left running"
        );
    }
}

#[tokio::test]
async fn the_dump_loads_into_postgresql() {
    let content = content();
    let [database, _] = archives(content.clone()).await;
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("database.gz"), database).unwrap();
    run(Command::new("gunzip").arg(folder.path().join("database.gz")));

    let server = PostgreSql::start();
    server.load(&folder.path().join("database"));
    let tables = rows::tables(&content);
    for table in &tables {
        let query = format!("SELECT count(*) FROM public.{}", table.definition.name);
        let count = run(server.psql().args(["-c", &query]));
        assert_eq!(
            count.trim(),
            table.rows.len().to_string(),
            "{}",
            table.definition.name
        );
    }
    assert!(tables.iter().map(|table| table.rows.len()).sum::<usize>() > 300);

    // What is hard to write in COPY arrives as it was meant, and both halves agree.
    let value = |query: &str| {
        run(server.psql().args(["-c", query]))
            .trim_end_matches('\n')
            .to_owned()
    };
    let user = &content.users[1];
    let found = value(&format!(
        "SELECT lastname || comments FROM public.user_ WHERE userid = {}",
        user.key
    ));
    assert_eq!(found, format!("{}Room 1;\tdesk \\1", user.family_name));
    assert_eq!(
        value("SELECT count(*) FROM public.user_ WHERE comments IS NULL"),
        "10"
    );
    let bytes: usize = content
        .documents
        .iter()
        .map(|document| document.bytes.len())
        .sum();
    assert_eq!(
        value("SELECT sum(size_) FROM public.dlfileentry"),
        bytes.to_string()
    );
}
