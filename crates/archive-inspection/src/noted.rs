//! Names that came with an archive and are told to people: how many there were, and the first few.

/// The most that are kept of each kind.
const KEPT: usize = 3;
/// The longest that is shown, in characters; whoever has the archive can look for the rest.
const SHOWN: usize = 100;

/// How many were noted, and the first few of them.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    count: u64,
    first: Vec<String>,
}

impl Noted {
    pub(crate) fn note(&mut self, name: &[u8]) {
        self.count += 1;
        if self.first.len() < KEPT {
            self.first.push(printable(name));
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn first(&self) -> &[String] {
        &self.first
    }
}

/// A name as one line that does nothing to a terminal or a page.
pub(crate) fn printable(name: &[u8]) -> String {
    // A character has four bytes at most.
    let shown = &name[..name.len().min(SHOWN * 4)];
    let text = String::from_utf8_lossy(shown);
    let mut characters = text.chars();
    let mut printable: String = characters
        .by_ref()
        .take(SHOWN)
        .map(|character| {
            // Direction marks could make a name read as another.
            let misleads = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if character.is_control() || misleads {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect();
    if characters.next().is_some() || shown.len() < name.len() {
        printable.push('…');
    }
    if printable.is_empty() {
        printable.push_str("(no name)");
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_act() {
        assert_eq!(printable(b"a\x1b[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
        assert_eq!(printable(b""), "(no name)");
        assert_eq!(printable(b"\xff"), "\u{fffd}");
        assert_eq!(printable("ü".repeat(100).as_bytes()), "ü".repeat(100));
        assert_eq!(printable("ü".repeat(101).as_bytes()).chars().count(), 101);
        assert_eq!(printable(&[b'a'; 5000]).chars().count(), 101);
    }
}
