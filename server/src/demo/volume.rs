//! The sample's document library, as `tar -czf volume.tgz document_library` makes it beside Liferay: everything
//! belongs to 1000:1000, the user that Liferay runs as.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use super::content::{COMPANY, Content, SITE};

const LIFERAY: u64 = 1000;

/// Writes the whole archive.
pub(super) fn write(content: &Content, out: impl Write) -> io::Result<()> {
    let modified = u64::try_from(content.made_at.as_second()).unwrap_or_default();
    let mut archive = Builder::new(GzBuilder::new().write(out, Compression::default()));
    let mut folder = String::new();
    for name in [
        "document_library".to_owned(),
        COMPANY.to_string(),
        SITE.to_string(),
    ] {
        folder = format!("{folder}{name}/");
        add_folder(&mut archive, &folder, modified)?;
    }
    for document in &content.documents {
        let folder = format!("{folder}{}/", document.key);
        add_folder(&mut archive, &folder, modified)?;
        let size = u64::try_from(document.bytes.len()).expect("documents are small");
        let mut header = header(EntryType::Regular, 0o644, size, modified);
        archive.append_data(&mut header, format!("{folder}1.0"), document.bytes.as_slice())?;
    }
    archive.into_inner()?.finish()?.flush()
}

fn add_folder(archive: &mut Builder<impl Write>, path: &str, modified: u64) -> io::Result<()> {
    archive.append_data(
        &mut header(EntryType::Directory, 0o755, 0, modified),
        path,
        io::empty(),
    )
}

fn header(kind: EntryType, mode: u32, size: u64, modified: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(LIFERAY);
    header.set_gid(LIFERAY);
    header.set_size(size);
    header.set_mtime(modified);
    header
}
