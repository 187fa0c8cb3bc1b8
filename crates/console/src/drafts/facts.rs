//! What is kept of a file that somebody is sending: enough to tell whether one that is chosen later is the same.

use backup_api::ApiError;

use crate::ConsoleError;

const LONGEST_NAME: usize = 255;
const SAMPLE_LENGTH: usize = 64;

/// What tells whether a file is the one that was chosen before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Without its folder, as browsers tell it.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// Milliseconds since 1970-01-01 00:00 UTC.
    pub modified: i64,
    /// The SHA-256 of the first and the last megabyte, in lower-case hexadecimal.
    pub sample: String,
}

impl FileFacts {
    /// What is another with `other`.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let compared = [
            (Difference::Name, self.name == other.name),
            (Difference::Size, self.size == other.size),
            (Difference::Modified, self.modified == other.modified),
            (Difference::Content, self.sample == other.sample),
        ];
        compared
            .into_iter()
            .filter_map(|(difference, same)| (!same).then_some(difference))
            .collect()
    }

    /// Refuses what no browser tells.
    pub(super) fn judge(&self) -> Result<(), ConsoleError> {
        let is_name = !self.name.is_empty()
            && self.name.len() <= LONGEST_NAME
            && !self.name.chars().any(char::is_control);
        if !is_name {
            let detail = "This file cannot be taken: its name is empty, longer than 255 bytes or holds control characters. Rename it and choose it again.";
            return Err(invalid(detail));
        }
        let is_sample = self.sample.len() == SAMPLE_LENGTH
            && self
                .sample
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !is_sample {
            let detail = "This page did not tell the file as the console reads it. Reload the page and choose the file again.";
            return Err(invalid(detail));
        }
        Ok(())
    }
}

fn invalid(detail: &str) -> ConsoleError {
    let detail = detail.to_owned();
    ApiError::InvalidRequest { detail }.into()
}

/// In what a file is not the one that was chosen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Difference {
    /// It is called otherwise.
    Name,
    /// It has another length.
    Size,
    /// It was changed at another time.
    Modified,
    /// Its first or last megabyte is another.
    Content,
}
