//! The store's contract on bad days: every call to the disk goes wrong in turn, in every way that a call can.
//!
//! Each piece of work is done again and again, with the fault one call later every time, until a run is over before it
//! came. After each: what was acknowledged is there, byte for byte; nothing half done is to be seen; whoever asked was
//! told in words; no sync was repeated; what was left goes at the next opening. A call that does not come back holds up
//! nobody else.

#![expect(
    clippy::print_stdout,
    reason = "which call went wrong is shown where an assertion fails"
)]

mod faulty;
mod opening;
mod reading;
mod standing;
mod uploading;
mod world;
mod writing;

use std::{
    cell::RefCell, collections::BTreeMap, error::Error, fs, io, path::Path, sync::Arc, time::Duration,
};

use faulty::{Fault, FaultyDisk};
use rustix::io::Errno;
use world::World;

type Failure = Box<dyn Error + Send + Sync>;

/// Longer than anything takes here, unless it waits for what has stalled.
const PATIENCE: Duration = Duration::from_secs(20);

/// A piece of work, and what is to be true after it.
trait Work {
    /// Prepares what it needs while the disk is well.
    async fn prepare(&self, _world: &World) {}

    /// Ends with `Ok` where everything was acknowledged.
    async fn run(&self, world: &World) -> Result<(), Failure>;

    /// Looks at what there is, on a disk that is well again. What was not `done` is repeated or undone, as the service
    /// does it.
    async fn settle(&self, world: &World, done: bool);

    /// Looks again, after the store was opened anew.
    async fn check(&self, world: &World, done: bool);
}

/// Lets each call of the kind `only`, or every call, go wrong in each of the ways.
async fn try_each_call(work: &impl Work, faults: &[Fault], only: &'static str) {
    let mut tried = BTreeMap::new();
    for &fault in faults {
        for well in 0.. {
            assert!(well < 500, "the work has no end");
            let Some(call) = try_one(work, fault, well, only).await else {
                break;
            };
            *tried.entry(call).or_insert(0) += 1;
        }
    }
    println!("went wrong, one at a time: {tried:?}");
    assert!(!tried.is_empty(), "nothing went wrong");
}

/// Gives the name of the call that went wrong; `None` where the work was over before.
async fn try_one(work: &impl Work, fault: Fault, well: usize, only: &'static str) -> Option<String> {
    let world = World::new().await;
    work.prepare(&world).await;
    world.disk.break_after(well, fault, only);
    let (result, ()) = tokio::join!(
        async {
            let result = work.run(&world).await;
            world.disk.is_over();
            result
        },
        world.go_about_while_stalled()
    );
    let hit = world.disk.hit();
    world.disk.heal();
    let case = format!("{fault:?} after {well}: {hit:?}");
    println!("{case}");
    match &result {
        Ok(()) => assert!(hit.is_none() || fault.is_harmless(), "{case}: nobody was told"),
        Err(error) => {
            assert!(
                hit.is_some() && !fault.is_harmless(),
                "{case}: failed with {error:?}"
            );
            assert_in_words(error.as_ref(), fault, hit.as_deref().unwrap_or_default());
        }
    }
    let done = result.is_ok();
    world.assert_standing().await;
    work.settle(&world, done).await;
    let former = world.disk.clone();
    let world = world.reopen().await;
    former.assert_no_sync_was_repeated();
    world.assert_standing().await;
    work.check(&world, done).await;
    hit.map(|call| call.split(' ').next().unwrap_or_default().to_owned())
}

/// The error says in words what was attempted, and has what the disk said as its source or as its meaning.
fn assert_in_words(error: &(dyn Error + 'static), fault: Fault, hit: &str) {
    let mut chain = Vec::new();
    let mut codes = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        chain.push(error.to_string());
        codes.extend(
            error
                .downcast_ref::<io::Error>()
                .and_then(io::Error::raw_os_error),
        );
        next = error.source();
    }
    for text in &chain {
        assert!(text.contains(' ') && !text.contains('{'), "{hit}: {chain:?}");
    }
    let full = chain
        .iter()
        .any(|text| text.starts_with("the store has room for"));
    match fault {
        // Everybody knows what to do about a full disk, so it has words of its own where bytes were to be written.
        Fault::Fails(Errno::NOSPC) | Fault::Breaks(Errno::NOSPC)
            if hit.starts_with("write") || hit.starts_with("create") =>
        {
            assert!(full, "{hit}: a full disk is told as {chain:?}");
        }
        Fault::Fails(errno) | Fault::FailsAfterwards(errno) | Fault::Breaks(errno) => {
            assert!(
                codes.contains(&errno.raw_os_error()) || (full && errno == Errno::NOSPC),
                "{hit}: {errno:?} is told as {chain:?}"
            );
        }
        _ => {}
    }
}

/// Whatever goes around the list of operations would never go wrong here.
#[test]
fn only_the_disk_itself_uses_the_disk() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let folders = [sources.clone(), sources.join("uploads")];
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut looked_at = 0;
    for path in files.map(|entry| entry.unwrap().path()) {
        if path.is_dir() || path.ends_with("disk.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let product = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for way in [
            "fs::read",
            "fs::rename",
            "fs::remove",
            "fs::metadata",
            "fs::symlink",
            "fs::hard",
            "fs::create",
            "fs::write",
            "File::open",
            "File::create",
            "OpenOptions",
            "DirBuilder",
            ".exists()",
            ".set_len(",
            "rustix::",
        ] {
            assert!(!product.contains(way), "{} uses `{way}`", path.display());
        }
        looked_at += 1;
    }
    assert!(looked_at > 20, "only {looked_at} files were looked at");
}
