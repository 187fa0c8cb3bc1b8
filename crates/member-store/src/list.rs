//! The list of a library as it comes: one JSON object a line, in pieces that are cut anywhere.

use backup_api::{
    ByteStream,
    library::{EntryOrder, LONGEST_LINE, LibraryEntry},
};
use futures_util::StreamExt as _;

use crate::MemberError;

/// Entries that are looked up together.
const AT_ONCE: usize = 256;

/// Reads entries, each of which is possible and in its place.
pub(crate) struct EntryList {
    pieces: ByteStream,
    /// What has come and was not read: less than a line, or the rest of a piece.
    buffer: Vec<u8>,
    read: usize,
    line: u64,
    limit: u64,
    order: EntryOrder,
    has_ended: bool,
}

impl EntryList {
    pub(crate) fn new(pieces: ByteStream, limit: u64) -> Self {
        Self {
            pieces,
            buffer: Vec::new(),
            read: 0,
            line: 0,
            limit,
            order: EntryOrder::default(),
            has_ended: false,
        }
    }

    /// The entries that come next; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Vec<LibraryEntry>, MemberError> {
        let mut entries = Vec::with_capacity(AT_ONCE);
        while entries.len() < AT_ONCE {
            if let Some(end) = self.buffer[self.read..].iter().position(|byte| *byte == b'\n') {
                let line = self.read..self.read + end;
                self.read = line.end + 1;
                entries.extend(self.entry(line)?);
            } else if self.has_ended {
                let line = self.read..self.buffer.len();
                self.read = line.end;
                if line.is_empty() {
                    break;
                }
                entries.extend(self.entry(line)?);
            } else {
                self.fill().await?;
            }
        }
        Ok(entries)
    }

    async fn fill(&mut self) -> Result<(), MemberError> {
        self.buffer.drain(..self.read);
        self.read = 0;
        if self.buffer.len() > LONGEST_LINE {
            return Err(self.unreadable(format!("it has more than {LONGEST_LINE} bytes")));
        }
        match self.pieces.next().await {
            Some(piece) => self.buffer.extend_from_slice(&piece.map_err(MemberError::Body)?),
            None => self.has_ended = true,
        }
        Ok(())
    }

    fn entry(&mut self, line: std::ops::Range<usize>) -> Result<Option<LibraryEntry>, MemberError> {
        let text = &self.buffer[line];
        if text.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let entry: LibraryEntry = match serde_json::from_slice(text) {
            Ok(entry) => entry,
            Err(error) => return Err(self.unreadable(error.to_string())),
        };
        self.line += 1;
        if self.line > self.limit {
            return Err(MemberError::TooManyEntries { limit: self.limit });
        }
        self.order.check(&entry)?;
        Ok(Some(entry))
    }

    fn unreadable(&self, reason: String) -> MemberError {
        MemberError::Line {
            line: self.line + 1,
            reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures_util::stream;

    use super::*;

    fn list(text: &'static str, piece: usize) -> EntryList {
        let pieces: Vec<_> = text
            .as_bytes()
            .chunks(piece)
            .map(|piece| Ok(Bytes::from_static(piece)))
            .collect();
        EntryList::new(Box::pin(stream::iter(pieces)), 3)
    }

    #[tokio::test]
    async fn lines_are_read_however_they_are_cut() {
        let text = "{\"path\":\"a/\",\"mode\":\"0755\",\"modified\":1}\r\n\n{\"path\":\"b/\",\"mode\":\"0755\",\"modified\":1}";
        for piece in 1..=text.len() {
            let mut list = list(text, piece);
            let entries = list.next().await.unwrap();
            let paths: Vec<_> = entries.iter().map(|entry| entry.path.as_str()).collect();
            assert_eq!(paths, ["a/", "b/"]);
            assert!(list.next().await.unwrap().is_empty());
        }
    }

    #[tokio::test]
    async fn what_is_no_list_is_refused() {
        let refusal = |text| async move { list(text, 7).next().await.unwrap_err().to_string() };
        assert!(refusal("{\"path\":").await.contains("line 1 is no entry"));
        assert!(refusal("[]").await.contains("line 1"));
        let four = "{\"path\":\"a/\",\"mode\":\"0\",\"modified\":1}\n{\"path\":\"b/\",\"mode\":\"0\",\"modified\":1}\n\
            {\"path\":\"c/\",\"mode\":\"0\",\"modified\":1}\n{\"path\":\"d/\",\"mode\":\"0\",\"modified\":1}\n";
        assert!(refusal(four).await.contains("at most 3 entries"));
        let long = Box::leak("x".repeat(LONGEST_LINE + 8).into_boxed_str());
        assert!(refusal(long).await.contains("more than"));
    }
}
