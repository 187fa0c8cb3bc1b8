//! `backup verify`: is what lies here still what came?

use std::{io::ErrorKind, path::Path};

use serde_json::json;

use crate::{
    checksums::{self, Checksums},
    failure::Failure,
    printer::Printer,
};

pub(crate) fn run(folder: &Path, printer: Printer) -> Result<(), Failure> {
    let expected = Checksums::read(folder)?;
    let (mut whole, mut changed, mut missing) = (0_u64, Vec::new(), Vec::new());
    for (file, sha256) in expected.iter() {
        let path = folder.join(file);
        match checksums::of_file(&path) {
            Ok(found) if found == sha256 => whole += 1,
            Ok(_) => changed.push(file),
            Err(error) if error.kind() == ErrorKind::NotFound => missing.push(file),
            Err(error) => return Err(Failure::file("read", &path, &error)),
        }
    }
    if whole == 0 && changed.is_empty() && missing.is_empty() {
        return Err(Failure::Usage(format!(
            "{} has no {}: name the folder of a downloaded backup.",
            folder.display(),
            checksums::NAME
        )));
    }
    let names = |files: &[&Path]| {
        files
            .iter()
            .map(|file| file.display().to_string())
            .collect::<Vec<_>>()
    };
    let is_whole = changed.is_empty() && missing.is_empty();
    printer.data(
        &format!(
            "{whole} files are whole, {} changed, {} missing",
            changed.len(),
            missing.len()
        ),
        &json!({ "whole": whole, "changed": names(&changed), "missing": names(&missing) }),
    )?;
    for (word, files) in [("changed", &changed), ("missing", &missing)] {
        for file in files {
            printer.say(&format!("{word}: {}", file.display()));
        }
    }
    if is_whole {
        Ok(())
    } else {
        Err(Failure::Integrity(format!(
            "{} is not what was downloaded. Download it again.",
            folder.display()
        )))
    }
}
