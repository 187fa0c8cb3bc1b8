//! Extended headers: what they say of the entry that follows them.
//!
//! They fail closed. Readers repair broken ones in different ways, and an archive that two programs read differently
//! is how a path gets past whoever looked at it.

use super::header::until_nul;

/// The longest pax header that is kept; the map of a sparse file can be long.
pub(super) const LONGEST_PAX: u64 = 1024 * 1024;
/// The longest name or link of GNU's long headers: sixteen times what Linux takes.
pub(super) const LONGEST_NAME: u64 = 64 * 1024;

/// What extended headers say of the entry that follows.
#[derive(Debug, Default)]
pub(super) struct Extension {
    /// Whether a pax header was among them.
    has_pax: bool,
    long_path: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
    pub(super) pax: PaxRecords,
}

/// What records of a pax header say, as far as it matters here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PaxRecords {
    path: Option<Vec<u8>>,
    sparse_name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    /// Bytes that follow the header.
    pub(super) size: Option<u64>,
    /// Bytes of a sparse file with its holes.
    pub(super) real_size: Option<u64>,
    pub(super) user: Option<u64>,
    pub(super) group: Option<u64>,
}

impl Extension {
    /// Whether there is one, so that an entry must follow.
    pub(super) fn is_pending(&self) -> bool {
        self.has_pax || self.long_path.is_some() || self.long_link.is_some()
    }

    /// Takes the content of a pax header for one entry.
    pub(super) fn add_pax(&mut self, content: &[u8]) -> Result<(), &'static str> {
        if self.has_pax {
            return Err("an entry has two pax headers");
        }
        self.has_pax = true;
        self.pax = PaxRecords::read(content)?;
        Ok(())
    }

    /// Takes the content of GNU's header for a long path.
    pub(super) fn add_long_path(&mut self, content: &[u8]) -> Result<(), &'static str> {
        add_long(&mut self.long_path, content)
    }

    /// Takes the content of GNU's header for a long target of a link.
    pub(super) fn add_long_link(&mut self, content: &[u8]) -> Result<(), &'static str> {
        add_long(&mut self.long_link, content)
    }

    /// The path of the entry, where it is not the one of its own header.
    pub(super) fn path(&mut self) -> Option<Vec<u8>> {
        let pax = self.pax.sparse_name.take().or(self.pax.path.take());
        pax.or(self.long_path.take())
    }

    /// The target of the link, where it is not the one of its own header.
    pub(super) fn link(&mut self) -> Option<Vec<u8>> {
        self.pax.link.take().or(self.long_link.take())
    }
}

fn add_long(place: &mut Option<Vec<u8>>, content: &[u8]) -> Result<(), &'static str> {
    let text = until_nul(content);
    if place.is_some() || text.is_empty() {
        return Err("a header for a long name is empty or comes twice");
    }
    *place = Some(text.to_vec());
    Ok(())
}

impl PaxRecords {
    /// Reads records of the form `length key=value\n`, where the length counts itself.
    pub(super) fn read(mut content: &[u8]) -> Result<Self, &'static str> {
        let mut records = Self::default();
        while !content.is_empty() {
            let (key, value, rest) = split_record(content).ok_or("a pax header is malformed")?;
            records
                .take(key, value)
                .ok_or("a pax header has a value that is none")?;
            content = rest;
        }
        Ok(records)
    }

    /// Whether they would change what entries are or where they lie, which a header for all entries must not.
    pub(super) fn names_an_entry(&self) -> bool {
        *self
            != Self {
                user: self.user,
                group: self.group,
                ..Self::default()
            }
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let text = || (!value.is_empty() && !value.contains(&0)).then(|| value.to_vec());
        match key {
            b"path" => self.path = Some(text()?),
            b"GNU.sparse.name" => self.sparse_name = Some(text()?),
            b"linkpath" => self.link = Some(text()?),
            b"size" => self.size = Some(decimal(value)?),
            b"GNU.sparse.realsize" | b"GNU.sparse.size" => self.real_size = Some(decimal(value)?),
            b"uid" => self.user = Some(decimal(value)?),
            b"gid" => self.group = Some(decimal(value)?),
            _ => {}
        }
        Some(())
    }
}

/// Key, value and what follows of the first record.
fn split_record(content: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = memchr::memchr(b' ', content.get(..content.len().min(20))?)?;
    let length = usize::try_from(decimal(&content[..blank])?).ok()?;
    if length > content.len() {
        return None;
    }
    let (record, rest) = content.split_at(length);
    let record = record.get(blank + 1..)?.strip_suffix(b"\n")?;
    let equals = memchr::memchr(b'=', record)?;
    (equals > 0).then(|| (&record[..equals], &record[equals + 1..], rest))
}

/// Digits and nothing else.
fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text)
        .ok()?
        .parse()
        .ok()
        .filter(|number| i64::try_from(*number).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read() {
        let records = PaxRecords::read(b"12 path=a/b\n20 size=12345678901\n15 comment=a=b\n").unwrap();
        assert_eq!(records.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!(records.size, Some(12_345_678_901));
    }

    #[test]
    fn a_value_may_have_newlines() {
        let records = PaxRecords::read(b"13 path=a\nb/\n").unwrap();
        assert_eq!(records.path.as_deref(), Some(&b"a\nb/"[..]));
    }

    #[test]
    fn malformed_records_are_refused() {
        for content in [
            &b"x"[..],
            b"12 path=a/b",
            b"11 path=a/b\n",
            b"13 path=a/b\n",
            b"99 path=a/b\n",
            b"0 \n",
            b"2 ",
            b"6 =ab\n",
            b"8 patha\n",
            b" 12 path=a/b\n",
            b"+12 path=a/b\n",
            b"9 size=-\n",
            b"10 size=1k\n",
            b"8 path=\n",
            b"11 path=a\0b\n",
            b"27 size=9999999999999999999\n",
            b"12 path=a/b\n\0",
        ] {
            assert!(PaxRecords::read(content).is_err(), "{content:?}");
        }
    }
}
