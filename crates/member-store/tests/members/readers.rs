//! What other people's programs make of an archive made of members: those that are on this machine.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use archive_samples::noise;

use crate::support::{Files, World};

fn library() -> Files {
    let mut files = Files::new();
    let mut add = |path: String, bytes: Vec<u8>| files.insert(format!("document_library/{path}"), bytes);
    add("20098/a.txt".to_owned(), b"INSERT INTO ".repeat(20_000));
    add("20098/b.jpg".to_owned(), noise(300_000, 1));
    add("20098/empty".to_owned(), Vec::new());
    add("20098/exactly".to_owned(), noise(1024, 2));
    add("20098/Überschrift – 日本.pdf".to_owned(), b"names".to_vec());
    add(
        format!("{}/long", ["folder with a long name"; 9].join("/")),
        b"long".to_vec(),
    );
    add("large.mp4".to_owned(), noise(6_000_000, 3));
    files
}

/// Whether a program can be started at all.
fn is_there(program: &str) -> bool {
    let mut command = Command::new(program);
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn run(command: &mut Command) {
    let output = command.env("LC_ALL", "C.UTF-8").output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.stderr.is_empty(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn compare(program: &str, folder: &Path, files: &Files) {
    let mut found = 0;
    for (path, bytes) in files {
        let unpacked =
            fs::read(folder.join(path)).unwrap_or_else(|error| panic!("{program}: {path}: {error}"));
        assert!(&unpacked == bytes, "{program}: {path} is another");
        found += 1;
    }
    assert_eq!(found, files.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reader_takes_it_for_an_ordinary_archive() {
    let world = World::new().await;
    let files = library();
    world.put_all(&files).await;
    let (id, told) = world.library(&files).await;
    let folder = tempfile::tempdir().unwrap();
    let volume = folder.path().join("volume.tgz");
    fs::write(&volume, world.whole(id, &told).await).unwrap();

    let python = "import sys, tarfile\nwith tarfile.open(sys.argv[1]) as t: t.extractall(sys.argv[2])";
    let mut readers = 0;
    for (program, arguments) in [
        ("tar", &["-xzf", "VOLUME", "-C", "FOLDER"][..]),
        ("bsdtar", &["-xzf", "VOLUME", "-C", "FOLDER"]),
        ("python3", &["-W", "ignore", "-c", python, "VOLUME", "FOLDER"]),
    ] {
        if !is_there(program) {
            eprintln!("{program} is not on this machine");
            continue;
        }
        readers += 1;
        let unpacked = folder.path().join(program);
        fs::create_dir(&unpacked).unwrap();
        let mut command = Command::new(program);
        for argument in arguments {
            match *argument {
                "VOLUME" => command.arg(&volume),
                "FOLDER" => command.arg(&unpacked),
                other => command.arg(other),
            };
        }
        run(&mut command);
        compare(program, &unpacked, &files);
    }
    assert!(readers > 0, "no reader of tar is on this machine");
    for (program, arguments) in [("gzip", &["-t"][..]), ("pigz", &["-t"]), ("7z", &["t"])] {
        if is_there(program) || program == "gzip" {
            let output = Command::new(program)
                .args(arguments)
                .arg(&volume)
                .output()
                .unwrap();
            assert!(output.status.success(), "{program}: {output:?}");
        }
    }
}
