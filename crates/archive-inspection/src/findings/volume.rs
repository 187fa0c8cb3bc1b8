//! A document library, in words.

use backup_api::{Part, VolumeFacts, size};

use super::{
    Notes, Subject,
    words::{count, list, noted, plural},
};
use crate::{
    contents::{OWNER, Ownership, Shelf, VolumeContents},
    tree::Tree,
};

pub(super) fn facts(subject: &Subject<'_>, contents: &VolumeContents) -> Option<VolumeFacts> {
    let tree = &contents.shelf.tree;
    subject.is_whole().then_some(VolumeFacts {
        entries: tree.entries,
        files: tree.files,
        unpacked_bytes: tree.unpacked_bytes,
    })
}

/// `10,231 files, 8.2 GB unpacked, owned by 1000:1000`
pub(super) fn summary(contents: &VolumeContents) -> Option<String> {
    let Shelf { tree, ownership, .. } = &contents.shelf;
    if tree.entries == 0 {
        return None;
    }
    let files = count(tree.files, "file", "files");
    let unpacked = size(tree.unpacked_bytes);
    let owner = match (ownership.foreign.count(), ownership.first) {
        (0, _) => format!("owned by {OWNER}:{OWNER}"),
        (foreign, Some((user, group))) if foreign == tree.entries => format!("owned by {user}:{group}"),
        _ => "of several owners".to_owned(),
    };
    Some(format!("{files}, {unpacked} unpacked, {owner}"))
}

pub(super) fn note(subject: &Subject<'_>, contents: &VolumeContents, notes: &mut Notes) {
    let shelf = &contents.shelf;
    note_tree(&shelf.tree, subject.part, notes);
    if subject.is_whole() && !shelf.has_document_library {
        notes.error("no-document-library", no_document_library(shelf));
    }
    if shelf.ownership.foreign.count() > 0 {
        notes.warning("ownership", ownership(&shelf.ownership));
    }
}

/// What leaves the folder that the archive is unpacked in, or is no file.
pub(super) fn note_tree(tree: &Tree, part: Part, notes: &mut Notes) {
    let name = part.archive_name();
    if tree.unsafe_paths.count() > 0 {
        let paths = plural(
            tree.unsafe_paths.count(),
            "a path that leaves",
            "paths that leave",
        );
        notes.error(
            "unsafe-path",
            format!(
                "{name} holds {paths} the folder it is unpacked in: {}. Pack only what is below one folder, with \
                 relative paths: {}",
                noted(&tree.unsafe_paths),
                part.preparation()
            ),
        );
    }
    if tree.unsafe_links.count() > 0 {
        let links = plural(
            tree.unsafe_links.count(),
            "a link that points",
            "links that point",
        );
        let them = plural(tree.unsafe_links.count(), "it", "them");
        notes.error(
            "unsafe-link",
            format!(
                "{name} holds {links} out of the folder it is unpacked in: {}. Replace {them} by the files, or pack \
                 with `tar --dereference`.",
                noted(&tree.unsafe_links)
            ),
        );
    }
    if tree.devices.count() > 0 {
        let devices = plural(tree.devices.count(), "a device or pipe", "devices or pipes");
        let them = plural(tree.devices.count(), "it", "them");
        notes.error(
            "device-node",
            format!(
                "{name} holds {devices}: {}. No document library has one. Remove {them} and pack again: {}",
                noted(&tree.devices),
                part.preparation()
            ),
        );
    }
}

fn no_document_library(shelf: &Shelf) -> String {
    const MAKE: &str = "Pack it inside LIFERAY_HOME/data with: tar -czvf volume.tgz document_library";
    if let Some(elsewhere) = &shelf.elsewhere {
        return format!("document_library is not at the top of volume.tgz, but at {elsewhere}. {MAKE}");
    }
    if shelf.top.is_empty() {
        return format!("volume.tgz is empty: there is no folder document_library in it. {MAKE}");
    }
    let top: Vec<_> = shelf.top.iter().take(3).cloned().collect();
    let others = list(&top, top.len() as u64);
    let and_more = if shelf.top.len() > top.len() {
        " and more"
    } else {
        ""
    };
    format!("volume.tgz has no folder document_library at its top. There is {others}{and_more}. {MAKE}")
}

fn ownership(ownership: &Ownership) -> String {
    let entries = ownership.foreign.count();
    let Some((user, group)) = ownership.first else {
        return String::new();
    };
    format!(
        "{} {} not owned by {OWNER}:{OWNER}, such as {} by {user}:{group}. A restore takes longer. Before packing, run: \
         chown -R {OWNER}:{OWNER} {}",
        count(entries, "entry", "entries"),
        plural(entries, "is", "are"),
        ownership.foreign.first().first().map_or("one", String::as_str),
        chown_targets(ownership)
    )
}

/// The names at the top, as far as a shell takes them as they are; otherwise the folder that they are in.
fn chown_targets(ownership: &Ownership) -> String {
    let plain = |name: &String| {
        !name.starts_with('-')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    };
    if ownership.more || !ownership.top.iter().all(plain) || ownership.top.contains(".") {
        return ".".to_owned();
    }
    let names: Vec<_> = ownership.top.iter().cloned().collect();
    names.join(" ")
}
