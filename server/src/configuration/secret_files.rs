//! Files that hold one secret. They are the only way in for secrets, and nobody else on the machine may read them.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::Path,
};

use secrecy::SecretString;

/// Shorter tokens can be guessed; those of Liferay Cloud have 36 characters.
const SHORTEST_TOKEN: usize = 16;
const LONGEST: u64 = 1024;

/// A token, without what surrounds it.
pub(super) fn token(path: &Path) -> Result<SecretString, String> {
    let text = content(path)?;
    let token = text.trim();
    if token.len() >= SHORTEST_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(SecretString::from(token))
    } else {
        Err(format!(
            "names {}, which must hold one token of {SHORTEST_TOKEN} or more characters and nothing else",
            path.display()
        ))
    }
}

/// A password: one line, whose blanks count.
pub(super) fn password(path: &Path) -> Result<SecretString, String> {
    let text = content(path)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    if line.is_empty() || line.contains(char::is_control) {
        return Err(format!(
            "names {}, which must hold one password on one line and nothing else",
            path.display()
        ));
    }
    Ok(SecretString::from(line))
}

/// The text of a file that is private and short; one that is longer comes back empty, which no secret may be.
fn content(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let cannot = |error: io::Error| format!("names {shown}, which cannot be read: {error}");
    let file = File::open(path).map_err(cannot)?;
    if file.metadata().map_err(cannot)?.mode() & 0o007 != 0 {
        return Err(format!(
            "names {shown}, which everybody on this machine may read; run: chmod 600 {shown}"
        ));
    }
    let mut text = String::new();
    let length = file.take(LONGEST + 1).read_to_string(&mut text).map_err(cannot)?;
    if u64::try_from(length).is_ok_and(|length| length > LONGEST) {
        text.clear();
    }
    Ok(text)
}
