//! Whether what a tar unpacks to stays inside the folder it is unpacked in, and what there is of it.
//!
//! Only names are looked at, since nothing is unpacked. That is enough as long as no path goes through a link and a
//! link's target climbs only from where the link really is; both are demanded.

use std::collections::HashSet;

use crate::{
    fault::{Excess, Fault},
    limits::Limits,
    noted::Noted,
    tar::{Entry, EntryKind},
};

/// The most bytes of links' paths that are remembered. A document library has no links at all.
const LINK_PATH_BYTES: usize = 1024 * 1024;

/// What the entries were so far.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) entries: u64,
    pub(crate) files: u64,
    pub(crate) unpacked_bytes: u64,
    pub(crate) unsafe_paths: Noted,
    pub(crate) unsafe_links: Noted,
    pub(crate) devices: Noted,
    /// Paths of symbolic links, made plain.
    links: HashSet<Vec<u8>>,
    link_path_bytes: usize,
}

impl Tree {
    /// Looks at an entry and gives the parts of its path, if that is a safe one.
    pub(crate) fn add<'a>(
        &mut self,
        entry: &'a Entry,
        limits: &Limits,
    ) -> Result<Option<Vec<&'a [u8]>>, Fault> {
        if entry.kind == EntryKind::Label {
            return Ok(None);
        }
        self.entries += 1;
        self.files += u64::from(entry.kind == EntryKind::File);
        self.unpacked_bytes = self.unpacked_bytes.saturating_add(entry.size);
        if self.entries > limits.entries {
            return Err(Fault::ExpandsTooMuch(Excess::Entries));
        }
        if entry.size > limits.entry_bytes {
            return Err(Fault::ExpandsTooMuch(Excess::Entry));
        }
        // Holes of sparse files are not in the stream, so that its length does not bound them.
        if self.unpacked_bytes > limits.expanded_bytes {
            return Err(Fault::ExpandsTooMuch(Excess::Total));
        }
        let Some(parts) = parts_of(&entry.path).filter(|parts| !self.goes_through_link(parts)) else {
            self.unsafe_paths.note(&entry.path);
            return Ok(None);
        };
        match entry.kind {
            EntryKind::Device => self.devices.note(&entry.path),
            EntryKind::SymbolicLink if !self.add_symbolic_link(&parts, &entry.link) => {
                self.unsafe_links.note(&entry.path);
            }
            EntryKind::HardLink if !self.is_safe_hard_link(&entry.link) => {
                self.unsafe_links.note(&entry.path);
            }
            _ => {}
        }
        Ok(Some(parts))
    }

    fn goes_through_link(&self, parts: &[&[u8]]) -> bool {
        !self.links.is_empty()
            && (1..parts.len()).any(|length| self.links.contains(&parts[..length].join(&b'/')))
    }

    /// Whether the link stays inside.
    fn add_symbolic_link(&mut self, parts: &[&[u8]], target: &[u8]) -> bool {
        let path = parts.join(&b'/');
        self.link_path_bytes += path.len();
        if self.link_path_bytes > LINK_PATH_BYTES {
            return false;
        }
        let is_inside = link_stays_inside(&path, target);
        self.links.insert(path);
        is_inside
    }

    /// A hard link to a symbolic one would be that link in another place.
    fn is_safe_hard_link(&self, target: &[u8]) -> bool {
        parts_of(target)
            .is_some_and(|parts| !self.goes_through_link(&parts) && !self.links.contains(&parts.join(&b'/')))
    }
}

/// Whether a symbolic link at `path` of an archive stays in that. Its target may climb at its beginning only, no higher
/// than the link is deep: what `..` means after a name depends on what that name is.
pub fn link_stays_inside(path: &[u8], target: &[u8]) -> bool {
    if target.is_empty() || target.starts_with(b"/") {
        return false;
    }
    let mut target_parts = plain_parts(target);
    let climbs = target_parts.by_ref().take_while(|part| *part == b"..").count();
    climbs < plain_parts(path).count() && target_parts.all(|part| part != b"..")
}

/// The parts of a path that stays below where it starts.
fn parts_of(path: &[u8]) -> Option<Vec<&[u8]>> {
    if path.is_empty() || path.starts_with(b"/") || path.contains(&0) {
        return None;
    }
    let parts: Vec<_> = plain_parts(path).collect();
    (!parts.contains(&&b".."[..])).then_some(parts)
}

fn plain_parts(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: EntryKind, path: &str, link: &str) -> Entry {
        Entry {
            kind,
            path: path.into(),
            link: link.into(),
            size: 0,
            user: None,
            group: None,
        }
    }

    fn unsafe_count(entries: &[(EntryKind, &str, &str)]) -> (u64, u64) {
        let mut tree = Tree::default();
        for (kind, path, link) in entries {
            tree.add(&entry(*kind, path, link), &Limits::default()).unwrap();
        }
        (tree.unsafe_paths.count(), tree.unsafe_links.count())
    }

    #[test]
    fn paths_that_leave() {
        for path in ["", "/etc/passwd", "..", "a/../../b", "./../a", "a/..", "a/b/.."] {
            assert_eq!(unsafe_count(&[(EntryKind::File, path, "")]), (1, 0), "{path}");
        }
        for path in ["a", "./a", "a//b/", "..a", "a..", "a/...", "."] {
            assert_eq!(unsafe_count(&[(EntryKind::File, path, "")]), (0, 0), "{path}");
        }
    }

    #[test]
    fn links_that_leave() {
        use EntryKind::{HardLink, SymbolicLink};
        for (kind, path, target) in [
            (SymbolicLink, "a", ".."),
            (SymbolicLink, "a", "/etc/passwd"),
            (SymbolicLink, "a", ""),
            (SymbolicLink, "a/b", "../../c"),
            (SymbolicLink, "a/b/c", "d/../../../../e"),
            (HardLink, "a", "../b"),
            (HardLink, "a", "/etc/passwd"),
        ] {
            assert_eq!(
                unsafe_count(&[(kind, path, target)]),
                (0, 1),
                "{path} -> {target}"
            );
        }
        for (kind, path, target) in [
            (SymbolicLink, "a/b", "../c"),
            (SymbolicLink, "a/b/c", "../../d/e"),
            (SymbolicLink, "a", "./b"),
            (HardLink, "a/b", "c/d"),
        ] {
            assert_eq!(
                unsafe_count(&[(kind, path, target)]),
                (0, 0),
                "{path} -> {target}"
            );
        }
    }

    #[test]
    fn nothing_goes_through_a_link() {
        use EntryKind::{File, HardLink, SymbolicLink};
        // Each link looks harmless where it is named, and is not where it ends up.
        assert_eq!(
            unsafe_count(&[(SymbolicLink, "s", "."), (SymbolicLink, "./s//l", "..")]),
            (1, 0)
        );
        assert_eq!(
            unsafe_count(&[(SymbolicLink, "s", "t"), (File, "s/f", "")]),
            (1, 0)
        );
        assert_eq!(
            unsafe_count(&[(SymbolicLink, "a/b/s", "../.."), (HardLink, "h", "a/b/s")]),
            (0, 1)
        );
        assert_eq!(
            unsafe_count(&[(SymbolicLink, "a/s", "b"), (HardLink, "h", "a/s/f")]),
            (0, 1)
        );
    }
}
