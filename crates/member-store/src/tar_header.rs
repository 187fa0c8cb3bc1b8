//! The headers of a tar, made from the entries of a library: the same entry gives the same bytes.
//!
//! POSIX's ustar, and its extended header (pax) for what that cannot say: names that are long or not ASCII, and files from
//! 8 GiB on. Everything belongs to user and group 1000, whom Liferay runs as.

use backup_api::library::LibraryEntry;
use tar::{EntryType, Header};

use crate::gzip;

/// The unit of a tar.
const BLOCK: usize = 512;
const OWNER: u64 = 1000;
/// What eleven octal digits hold.
const LARGEST_SIZE: u64 = 0o77_777_777_777;
const LONGEST_NAME: usize = 100;

/// The gzip member with the header of an entry.
pub(crate) fn member(entry: &LibraryEntry) -> Vec<u8> {
    gzip::stored(&header(entry))
}

/// The gzip member with the end of a tar.
pub(crate) fn end() -> Vec<u8> {
    gzip::stored(&[0; 2 * BLOCK])
}

/// Zeros that fill the last block of a content.
pub(crate) fn padding(length: u64) -> Vec<u8> {
    let missing = length.next_multiple_of(BLOCK as u64) - length;
    vec![0; usize::try_from(missing).expect("less than a block")]
}

fn header(entry: &LibraryEntry) -> Vec<u8> {
    let mut records = Vec::new();
    if entry.path.len() > LONGEST_NAME || !entry.path.is_ascii() {
        record(&mut records, "path", &entry.path);
    }
    if entry.size > LARGEST_SIZE {
        record(&mut records, "size", &entry.size.to_string());
    }
    let kind = if entry.is_folder() {
        EntryType::Directory
    } else {
        EntryType::Regular
    };
    let mut bytes = Vec::new();
    if !records.is_empty() {
        let extended = block(
            "PaxHeaders/entry",
            EntryType::XHeader,
            records.len() as u64,
            0o644,
            entry.modified,
        );
        bytes.extend_from_slice(extended.as_bytes());
        let fill = padding(records.len() as u64);
        bytes.append(&mut records);
        bytes.extend(fill);
    }
    let size = if entry.size > LARGEST_SIZE { 0 } else { entry.size };
    let ordinary = block(&entry.path, kind, size, entry.mode, entry.modified);
    bytes.extend_from_slice(ordinary.as_bytes());
    bytes
}

/// A block; of a name that is too long or not ASCII, what readers without extended headers may show.
fn block(name: &str, kind: EntryType, size: u64, mode: u32, modified: u64) -> Header {
    let mut header = Header::new_ustar();
    let fields = header.as_old_mut();
    for (place, byte) in fields.name.iter_mut().zip(name.bytes()) {
        *place = if byte.is_ascii() { byte } else { b'_' };
    }
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(mode);
    header.set_uid(OWNER);
    header.set_gid(OWNER);
    header.set_mtime(modified);
    header.set_cksum();
    header
}

/// Adds `<length> <key>=<value>\n`, whose length counts its own digits.
fn record(records: &mut Vec<u8>, key: &str, value: &str) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while rest + length.to_string().len() != length {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_count_their_own_digits() {
        for length in 0..1200 {
            let mut records = Vec::new();
            record(&mut records, "path", &"x".repeat(length));
            let text = String::from_utf8(records).unwrap();
            let (said, _) = text.split_once(' ').unwrap();
            assert_eq!(said.parse::<usize>().unwrap(), text.len());
        }
    }

    #[test]
    fn short_names_need_no_extended_header() {
        let entry = |path: &str, size| LibraryEntry {
            path: path.to_owned(),
            size,
            mode: 0o644,
            modified: 1,
            sha256: None,
        };
        assert_eq!(header(&entry(&"n".repeat(100), LARGEST_SIZE)).len(), 512);
        assert_eq!(header(&entry(&"n".repeat(101), 1)).len(), 3 * 512);
        assert_eq!(header(&entry("ä", 1)).len(), 3 * 512);
        assert_eq!(header(&entry("a", LARGEST_SIZE + 1)).len(), 3 * 512);
    }
}
