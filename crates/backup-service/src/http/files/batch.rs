//! Contents of many small files in one body: for each a line `<sha256> <length>`, and then that many bytes.
//!
//! They are kept in groups, each of which is durable before more is read; so what came before a cut counts.

use backup_api::{ApiError, BodyError, ByteStream, http::HttpError, library::ContentHash};
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::StreamExt as _;
use member_store::{Members, Reservation};

use super::problems::{from_members, not_for_several};

/// Bytes, and contents, that are kept together.
const GROUP_BYTES: u64 = 1024 * 1024;
const GROUP_CONTENTS: usize = 512;
/// A hash, a blank, a number, the end of the line.
const LONGEST_HEAD: usize = 64 + 1 + 20 + 2;

/// Keeps all contents of a body, and gives how many.
pub(super) async fn keep(members: &Members, body: ByteStream) -> Result<u64, HttpError> {
    let mut reader = Reader {
        body,
        buffer: BytesMut::new(),
    };
    let mut group = Group::default();
    let mut kept = 0;
    while let Some((content, length)) = reader.head().await? {
        let limit = Members::largest_whole();
        if length > limit {
            return Err(not_for_several(limit));
        }
        if !group.has_room_for(length) {
            kept += group.keep(members).await?;
        }
        // Nobody waits for memory while holding some.
        if group.memory.is_none() {
            group.memory = Some(members.reserve(length.max(GROUP_BYTES)).await);
        }
        let bytes = reader.bytes(length).await?;
        group.bytes += length;
        group.contents.push((content, bytes));
    }
    kept += group.keep(members).await?;
    Ok(kept)
}

#[derive(Default)]
struct Group {
    contents: Vec<(ContentHash, Bytes)>,
    bytes: u64,
    memory: Option<Reservation>,
}

impl Group {
    fn has_room_for(&self, length: u64) -> bool {
        self.contents.is_empty()
            || (self.contents.len() < GROUP_CONTENTS && self.bytes + length <= GROUP_BYTES)
    }

    async fn keep(&mut self, members: &Members) -> Result<u64, HttpError> {
        let Self { contents, memory, .. } = std::mem::take(self);
        let count = contents.len() as u64;
        if count > 0 {
            members.put(contents).await.map_err(from_members)?;
        }
        drop(memory);
        Ok(count)
    }
}

struct Reader {
    body: ByteStream,
    buffer: BytesMut,
}

impl Reader {
    /// What comes next; nothing at the end.
    async fn head(&mut self) -> Result<Option<(ContentHash, u64)>, ApiError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                return head(&line).map(Some).ok_or_else(unreadable);
            }
            if self.buffer.len() > LONGEST_HEAD {
                return Err(unreadable());
            }
            if !self.fill().await? {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(ApiError::Incomplete)
                };
            }
        }
    }

    async fn bytes(&mut self, length: u64) -> Result<Bytes, ApiError> {
        let length = usize::try_from(length).map_err(ApiError::internal)?;
        let mut bytes = BytesMut::with_capacity(length);
        loop {
            let taken = self.buffer.len().min(length - bytes.len());
            bytes.extend_from_slice(&self.buffer[..taken]);
            self.buffer.advance(taken);
            if bytes.len() == length {
                return Ok(bytes.freeze());
            }
            if !self.fill().await? {
                return Err(ApiError::Incomplete);
            }
        }
    }

    /// Takes what comes next; `false` at the end.
    async fn fill(&mut self) -> Result<bool, BodyError> {
        match self.body.next().await {
            Some(chunk) => {
                self.buffer.extend_from_slice(&chunk?);
                Ok(true)
            }
            None => Ok(false),
        }
    }
}

fn head(line: &[u8]) -> Option<(ContentHash, u64)> {
    let line = std::str::from_utf8(line).ok()?.trim_end_matches(['\r', '\n']);
    let (sha256, length) = line.split_once(' ')?;
    let is_number = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    Some((sha256.parse().ok()?, length.parse().ok().filter(|_| is_number)?))
}

fn unreadable() -> ApiError {
    ApiError::InvalidRequest {
        detail: "Send each content as a line with its SHA-256, a blank and its length, and then its bytes."
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_a_hash_and_a_length() {
        let hash = ContentHash::EMPTY;
        assert_eq!(head(format!("{hash} 17\n").as_bytes()), Some((hash, 17)));
        assert_eq!(head(format!("{hash} 0\r\n").as_bytes()), Some((hash, 0)));
        for wrong in [
            String::new(),
            hash.to_string(),
            format!("{hash} "),
            format!("{hash} +1"),
            format!("{hash}  1"),
            format!("{hash} 99999999999999999999"),
            format!("{} 1", hash.to_string().to_uppercase()),
        ] {
            assert_eq!(head(wrong.as_bytes()), None, "{wrong:?}");
        }
    }
}
