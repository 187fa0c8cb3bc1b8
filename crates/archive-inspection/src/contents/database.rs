//! A dump of a database, or, as services before 4.2 had it, a tar with one in it.

use crate::{
    dump::{DumpScanner, Ending},
    expansion::Expansion,
    fault::Fault,
    gzip::{GzipDecoder, Sink},
    limits::Limits,
    noted::printable,
    tar::{BLOCK, Entry, EntryKind, TarWalker, Visitor, is_header},
    tree::Tree,
};

/// Reads a database's archive as it comes.
#[derive(Debug)]
pub(crate) struct DatabaseContents {
    limits: Limits,
    /// The first bytes, until they are enough to see whether they are a tar's.
    start: Vec<u8>,
    form: Option<Form>,
    pub(crate) ending: Option<Ending>,
}

#[derive(Debug)]
enum Form {
    Plain(Box<DumpScanner>),
    Legacy {
        walker: Box<TarWalker>,
        legacy: Box<Legacy>,
    },
}

/// A tar with a dump in it.
#[derive(Debug)]
pub(crate) struct Legacy {
    limits: Limits,
    pub(crate) tree: Tree,
    /// The dump's name, and what was read of it.
    pub(crate) dump: Option<(String, DumpScanner)>,
    /// Files that could be dumps besides.
    pub(crate) others: u64,
    reading: Reading,
}

/// What the entry that began is.
#[derive(Debug)]
enum Reading {
    Nothing,
    Dump,
    Gzip {
        decoder: Box<GzipDecoder>,
        expansion: Expansion,
    },
}

impl DatabaseContents {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            start: Vec::with_capacity(BLOCK),
            form: None,
            ending: None,
        }
    }

    /// The dump, if one was found.
    pub(crate) fn dump(&self) -> Option<&DumpScanner> {
        match self.form.as_ref()? {
            Form::Plain(scanner) => Some(scanner),
            Form::Legacy { legacy, .. } => legacy.dump.as_ref().map(|(_, scanner)| scanner),
        }
    }

    /// The tar around the dump, if there is one.
    pub(crate) fn legacy(&self) -> Option<&Legacy> {
        match self.form.as_ref()? {
            Form::Plain(_) => None,
            Form::Legacy { legacy, .. } => Some(legacy),
        }
    }

    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        if self.form.is_none() {
            let taken = (BLOCK - self.start.len()).min(bytes.len());
            self.start.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            if self.start.len() < BLOCK {
                return Ok(());
            }
            self.begin()?;
        }
        self.read(bytes)
    }

    /// Decides by the first block what it is.
    fn begin(&mut self) -> Result<(), Fault> {
        let is_tar = self.start.first_chunk().is_some_and(is_header);
        self.form = Some(if is_tar {
            Form::Legacy {
                walker: Box::new(TarWalker::new()),
                legacy: Box::new(Legacy::new(self.limits)),
            }
        } else {
            Form::Plain(Box::new(DumpScanner::new()))
        });
        let start = std::mem::take(&mut self.start);
        self.read(&start)
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        match &mut self.form {
            Some(Form::Plain(scanner)) => scanner.read(bytes),
            Some(Form::Legacy { walker, legacy }) => walker.walk(bytes, &mut **legacy)?,
            None => {}
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> Result<(), Fault> {
        if self.form.is_none() {
            self.begin()?;
        }
        match &mut self.form {
            Some(Form::Plain(scanner)) => self.ending = Some(scanner.finish()),
            Some(Form::Legacy { walker, legacy }) => {
                walker.finish()?;
                self.ending = legacy.dump.as_mut().map(|(_, scanner)| scanner.finish());
            }
            None => {}
        }
        Ok(())
    }
}

impl Legacy {
    fn new(limits: Limits) -> Self {
        Self {
            limits,
            tree: Tree::default(),
            dump: None,
            others: 0,
            reading: Reading::Nothing,
        }
    }
}

impl Visitor for Legacy {
    fn begin(&mut self, entry: Entry) -> Result<(), Fault> {
        self.reading = Reading::Nothing;
        self.tree.add(&entry, &self.limits)?;
        if entry.kind != EntryKind::File {
            return Ok(());
        }
        let is_gzip = has_extension(&entry.path, b".gz");
        if !is_gzip && !has_extension(&entry.path, b".sql") {
            return Ok(());
        }
        if self.dump.is_some() {
            self.others += 1;
            return Ok(());
        }
        self.dump = Some((printable(&entry.path), DumpScanner::new()));
        self.reading = if is_gzip {
            Reading::Gzip {
                decoder: Box::new(GzipDecoder::new()),
                expansion: Expansion::default(),
            }
        } else {
            Reading::Dump
        };
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let Some((_, scanner)) = &mut self.dump else {
            return Ok(());
        };
        match &mut self.reading {
            Reading::Nothing => Ok(()),
            Reading::Dump => {
                scanner.read(bytes);
                Ok(())
            }
            Reading::Gzip { decoder, expansion } => decoder.decode(
                bytes,
                &mut InnerSink {
                    scanner,
                    expansion,
                    limits: &self.limits,
                },
            ),
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        match std::mem::replace(&mut self.reading, Reading::Nothing) {
            Reading::Gzip { decoder, .. } => decoder.finish(),
            Reading::Nothing | Reading::Dump => Ok(()),
        }
    }
}

/// Where the dump's own gzip expands to.
struct InnerSink<'a> {
    scanner: &'a mut DumpScanner,
    expansion: &'a mut Expansion,
    limits: &'a Limits,
}

impl Sink for InnerSink<'_> {
    fn take(&mut self, mut expanded: &[u8], consumed: u64) -> Result<(), Fault> {
        while !expanded.is_empty() {
            let (now, later) = self.expansion.admit(expanded, consumed, self.limits)?;
            self.scanner.read(now);
            expanded = later;
        }
        Ok(())
    }
}

fn has_extension(path: &[u8], extension: &[u8]) -> bool {
    path.len() > extension.len() && path[path.len() - extension.len()..].eq_ignore_ascii_case(extension)
}
