//! A document library: a tar with the folder `document_library` at its top.

use std::collections::BTreeSet;

use crate::{
    fault::Fault,
    limits::Limits,
    noted::{Noted, printable},
    tar::{Entry, EntryKind, TarWalker, Visitor},
    tree::Tree,
};

/// The folder that must be there.
pub(crate) const DOCUMENT_LIBRARY: &str = "document_library";
/// Whom Liferay's containers run as.
pub(crate) const OWNER: u64 = 1000;
/// The most names at the top that are told apart.
const TOP_NAMES: usize = 8;

/// Reads a document library as it comes.
#[derive(Debug)]
pub(crate) struct VolumeContents {
    walker: TarWalker,
    pub(crate) shelf: Shelf,
}

/// What was seen of it.
#[derive(Debug)]
pub(crate) struct Shelf {
    limits: Limits,
    pub(crate) tree: Tree,
    pub(crate) has_document_library: bool,
    /// Where a folder of that name is instead.
    pub(crate) elsewhere: Option<String>,
    /// The first names at the top.
    pub(crate) top: BTreeSet<String>,
    pub(crate) ownership: Ownership,
}

/// Whose the entries are.
#[derive(Debug, Default)]
pub(crate) struct Ownership {
    /// Entries of somebody else.
    pub(crate) foreign: Noted,
    /// Whose the first of them is.
    pub(crate) first: Option<(u64, u64)>,
    /// The names at the top below which they are.
    pub(crate) top: BTreeSet<String>,
    /// Whether there are more of those.
    pub(crate) more: bool,
}

impl VolumeContents {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            walker: TarWalker::new(),
            shelf: Shelf {
                limits,
                tree: Tree::default(),
                has_document_library: false,
                elsewhere: None,
                top: BTreeSet::new(),
                ownership: Ownership::default(),
            },
        }
    }

    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.walker.walk(bytes, &mut self.shelf)
    }

    pub(super) fn finish(&self) -> Result<(), Fault> {
        self.walker.finish()
    }
}

impl Shelf {
    fn look_for_document_library(&mut self, kind: EntryKind, parts: &[&[u8]]) {
        let name = DOCUMENT_LIBRARY.as_bytes();
        let Some(index) = parts.iter().take(4).position(|part| *part == name) else {
            return;
        };
        if index + 1 == parts.len() && kind != EntryKind::Folder {
            return;
        }
        if index == 0 {
            self.has_document_library = true;
        } else if self.elsewhere.is_none() {
            self.elsewhere = Some(printable(&parts[..=index].join(&b'/')));
        }
    }
}

impl Visitor for Shelf {
    fn begin(&mut self, entry: Entry) -> Result<(), Fault> {
        let Some(parts) = self.tree.add(&entry, &self.limits)? else {
            return Ok(());
        };
        if !self.has_document_library {
            self.look_for_document_library(entry.kind, &parts);
        }
        let top = parts.first().map_or(&b"."[..], |first| first);
        if self.top.len() < TOP_NAMES
            && !(parts.is_empty() || self.top.contains(&*String::from_utf8_lossy(top)))
        {
            self.top.insert(printable(top));
        }
        if entry.user != Some(OWNER) || entry.group != Some(OWNER) {
            self.ownership.note(&entry, top);
        }
        Ok(())
    }

    fn content(&mut self, _: &[u8]) -> Result<(), Fault> {
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

impl Ownership {
    fn note(&mut self, entry: &Entry, top: &[u8]) {
        self.foreign.note(&entry.path);
        self.first = self
            .first
            .or(Some((entry.user.unwrap_or(0), entry.group.unwrap_or(0))));
        if self.top.contains(&*String::from_utf8_lossy(top)) {
            return;
        }
        if self.top.len() < TOP_NAMES {
            self.top.insert(String::from_utf8_lossy(top).into_owned());
        } else {
            self.more = true;
        }
    }
}
