//! Writes all broken archives into a folder: `cargo run -p archive-samples --example write_broken -- FOLDER`.
//!
//! Beside them `index.tsv` names for each its file, its half of a backup, the code and some of the words.

use std::{env, error::Error, fmt::Write as _, fs, path::Path};

use archive_samples::broken_archives;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::args_os().nth(1).ok_or("name a folder")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    let mut index = String::new();
    for archive in broken_archives() {
        let file = format!("{}-{}", archive.name, archive.part.archive_name());
        fs::write(folder.join(&file), &archive.bytes)?;
        writeln!(
            index,
            "{file}\t{}\t{}\t{}",
            archive.part, archive.code, archive.says
        )?;
    }
    fs::write(folder.join("index.tsv"), index)?;
    Ok(())
}
