//! The manifest of a library: a JSON document with one entry on each line, and for each where its member lies.
//!
//! It stands by itself. With it and the packs `volume.tgz` can be written without a database: each entry's header, then
//! its member, then the end of the tar. It is written once and read line by line, from the middle where that is known.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Seek as _, SeekFrom, Write as _},
    path::Path,
};

use backup_api::library::{ContentHash, LibraryEntry, PlacedEntry};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    home::{Files, Sink},
    records::Place,
    tar_header,
};

/// What is done with a file of this form, so that a later one is told apart.
const FORMAT: &str = "document-library-of-members-1";
/// Entries between two places where reading may begin.
const BETWEEN_MARKS: u64 = 256;

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    path: String,
    size: u64,
    mode: u32,
    modified: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sha256: Option<ContentHash>,
    /// The first byte of its header in `volume.tgz`.
    pub(crate) offset: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) member: Option<MemberPlace>,
}

/// Where a member lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MemberPlace {
    pub(crate) pack: String,
    pub(crate) position: u64,
    pub(crate) length: u64,
}

impl Line {
    pub(crate) fn entry(self) -> LibraryEntry {
        LibraryEntry {
            path: self.path,
            size: self.size,
            mode: self.mode,
            modified: self.modified,
            sha256: self.sha256,
        }
    }

    /// As it is told to clients.
    pub(crate) fn placed(self) -> PlacedEntry {
        let (offset, length) = (
            self.offset,
            self.member.as_ref().map_or(0, |member| member.length),
        );
        let entry = self.entry();
        PlacedEntry {
            content_offset: offset + tar_header::member(&entry).len() as u64,
            content_length: length,
            entry,
        }
    }
}

/// What is known when a manifest is written.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    /// Bytes of `volume.tgz`.
    pub(crate) size: u64,
    pub(crate) files: u64,
    /// Bytes of the manifest.
    pub(crate) list_size: u64,
    /// Places in `volume.tgz` with their places in the manifest.
    pub(crate) marks: Vec<(u64, u64)>,
}

/// Writes a manifest.
pub(crate) struct ManifestWriter {
    output: BufWriter<Sink>,
    files: Files,
    entries: u64,
    written: Written,
}

impl ManifestWriter {
    /// Blocks.
    pub(crate) fn create(files: &Files, path: &Path, environment: &str) -> io::Result<Self> {
        let sink = Sink::new(files.clone(), files.create_new(path)?);
        let mut writer = Self {
            output: BufWriter::with_capacity(256 * 1024, sink),
            files: files.clone(),
            entries: 0,
            written: Written::default(),
        };
        let environment = serde_json::to_string(environment)?;
        writer.text(
            format!("{{\"format\":\"{FORMAT}\",\"environment\":{environment},\"entries\":[\n").as_bytes(),
        )?;
        Ok(writer)
    }

    /// Adds an entry with the place of its content, if it has any. Blocks.
    pub(crate) fn add(&mut self, entry: LibraryEntry, place: Option<Place>) -> io::Result<()> {
        if self.entries.is_multiple_of(BETWEEN_MARKS) {
            self.written
                .marks
                .push((self.written.size, self.written.list_size));
        }
        let comma: &[u8] = if self.entries == 0 { b"" } else { b"," };
        self.entries += 1;
        self.written.files += u64::from(!entry.is_folder());
        let offset = self.written.size;
        self.written.size += tar_header::member(&entry).len() as u64;
        let line = Line {
            path: entry.path,
            size: entry.size,
            mode: entry.mode,
            modified: entry.modified,
            sha256: entry.sha256,
            offset,
            member: place.map(|place| MemberPlace {
                pack: place.pack.to_string(),
                position: place.position,
                length: place.length,
            }),
        };
        self.written.size += place.map_or(0, |place| place.length);
        let mut json = serde_json::to_vec(&line)?;
        json.push(b'\n');
        self.text(comma)?;
        self.text(&json)
    }

    /// Ends the manifest and makes it durable under its name. Blocks.
    pub(crate) fn finish(mut self, folder: &Path) -> io::Result<Written> {
        if self.entries == 0 {
            self.written.marks.push((0, self.written.list_size));
        }
        self.written.size += tar_header::end().len() as u64;
        let end = format!(
            "],\"files\":{},\"size\":{}}}\n",
            self.written.files, self.written.size
        );
        self.text(end.as_bytes())?;
        let sink = self.output.into_inner().map_err(io::IntoInnerError::into_error)?;
        self.files.sync_all(&sink.file)?;
        self.files.sync_folder(folder)?;
        Ok(self.written)
    }

    fn text(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written.list_size += bytes.len() as u64;
        self.output.write_all(bytes)
    }
}

/// Reads the entries of a manifest, from one of its marks on.
#[derive(Debug)]
pub(crate) struct ManifestReader {
    input: BufReader<File>,
    line: Vec<u8>,
    is_past_last: bool,
}

impl ManifestReader {
    /// Blocks.
    pub(crate) fn open(files: &Files, path: &Path, mark: u64) -> io::Result<Self> {
        let mut file = files.open_to_read(path)?;
        file.seek(SeekFrom::Start(mark))?;
        Ok(Self {
            input: BufReader::with_capacity(16 * 1024, file),
            line: Vec::new(),
            is_past_last: false,
        })
    }

    /// The next entry; nothing after the last. A manifest that ends before that is an error. Blocks.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line>> {
        if self.is_past_last {
            return Ok(None);
        }
        self.line.clear();
        self.input.read_until(b'\n', &mut self.line)?;
        match self.line.first() {
            Some(b']') => {
                self.is_past_last = true;
                Ok(None)
            }
            Some(b',') => Ok(Some(serde_json::from_slice(&self.line[1..])?)),
            Some(b'{') => Ok(Some(serde_json::from_slice(&self.line)?)),
            _ => Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                "the manifest of a document library ends before its last entry",
            )),
        }
    }
}

impl MemberPlace {
    /// The name of the pack's file; nothing else is opened, whatever a manifest says.
    pub(crate) fn pack(&self) -> io::Result<Uuid> {
        Uuid::try_parse(&self.pack).map_err(io::Error::other)
    }
}
