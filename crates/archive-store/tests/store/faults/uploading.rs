//! An archive comes in pieces.

use std::cell::Cell;

use archive_samples::database_of;
use archive_store::{
    ArchiveId,
    uploads::{Checksum, Continuation, NewUpload},
};
use backup_api::Part;
use rustix::io::Errno;

use super::{world::*, *};
use crate::{
    support::{MIB, sha256},
    uploads::{METADATA, SCOPE, body},
};

/// A client that knows what it was told.
struct Upload {
    bytes: Vec<u8>,
    /// Where its pieces end.
    cuts: Vec<usize>,
    /// Goes on with the next process only.
    dies: bool,
    id: RefCell<Option<ArchiveId>>,
    told: Cell<usize>,
}

impl Upload {
    fn new(length: usize, cuts: &[usize], dies: bool) -> Self {
        Self {
            bytes: database_of(length, 5),
            cuts: cuts.to_owned(),
            dies,
            id: RefCell::default(),
            told: Cell::default(),
        }
    }

    /// Goes on where the upload stands, which is not before what was told.
    async fn go_on(&self, world: &World) {
        let Some(id) = self.id.borrow().clone() else {
            return;
        };
        let state = world.uploads.state(SCOPE, &id).await.unwrap();
        let state = state.expect("what was told to exist");
        let offset = usize::try_from(state.offset).unwrap();
        assert!(
            offset >= self.told.get(),
            "{} bytes were told and {offset} are left",
            self.told.get()
        );
        if offset < self.bytes.len() {
            let rest = body(&self.bytes[offset..]);
            world
                .uploads
                .append(SCOPE, &id, Continuation::at(state.offset), rest)
                .await
                .unwrap();
        }
        self.told.set(self.bytes.len());
        let archive = world.uploads.finished(SCOPE, &id).await.unwrap();
        world.assert_archive(&archive, &self.bytes).await;
    }
}

impl Work for Upload {
    /// Each run is a new upload.
    async fn prepare(&self, _world: &World) {
        self.id.take();
        self.told.set(0);
    }

    async fn run(&self, world: &World) -> Result<(), Failure> {
        let upload = NewUpload {
            scope: SCOPE.to_owned(),
            part: Some(Part::Database),
            length: Some(self.bytes.len() as u64),
            metadata: METADATA.to_owned(),
        };
        let id = world.uploads.create(upload).await?.id;
        self.id.replace(Some(id.clone()));
        let mut start = 0;
        for (number, &end) in self.cuts.iter().enumerate() {
            let piece = &self.bytes[start..end];
            let checksum = (number % 2 == 1).then(|| Checksum::Sha256(sha256(piece)));
            let continuation = Continuation {
                checksum,
                ..Continuation::at(start as u64)
            };
            let state = world
                .uploads
                .append(SCOPE, &id, continuation, body(piece))
                .await?;
            assert_eq!(state.offset, end as u64);
            self.told.set(end);
            start = end;
        }
        let archive = world.uploads.finished(SCOPE, &id).await?;
        assert_eq!(archive.sha256(), sha256(&self.bytes));
        Ok(())
    }

    async fn settle(&self, world: &World, _done: bool) {
        if !self.dies {
            self.go_on(world).await;
        }
    }

    async fn check(&self, world: &World, done: bool) {
        assert!(!done || self.told.get() == self.bytes.len());
        self.go_on(world).await;
        let id = self.id.borrow().clone();
        if let Some(id) = id {
            let archive = world.uploads.finished(SCOPE, &id).await.unwrap();
            world.assert_only(&[&archive]);
            world.uploads.terminate(SCOPE, &id).await.unwrap();
        }
        world.assert_only(&[]);
    }
}

#[tokio::test]
async fn an_upload_goes_on_after_any_failure() {
    let upload = Upload::new(200_000, &[80_000, 150_000, 200_000], false);
    try_each_call(&upload, &Fault::ALL, "").await;
}

#[tokio::test]
async fn an_upload_goes_on_in_the_next_process_after_any_failure() {
    let upload = Upload::new(200_000, &[80_000, 150_000, 200_000], true);
    try_each_call(&upload, &Fault::ALL, "").await;
}

/// Bytes are synced on the way too, and what was recorded then counts.
#[tokio::test]
async fn an_upload_goes_on_where_a_sync_on_the_way_failed() {
    let length = 34 * MIB;
    for fault in [Fault::Fails(Errno::IO), Fault::FailsAfterwards(Errno::IO)] {
        let upload = Upload::new(length, &[length], false);
        try_each_call(&upload, &[fault], "sync_data").await;
    }
}

/// Enough for whole blocks, which take another way.
#[tokio::test]
async fn an_upload_of_whole_blocks_goes_on_after_any_failure_to_write() {
    let length = 5 * MIB;
    for call in ["write_directly", "write"] {
        let upload = Upload::new(length, &[3_000_001, length], false);
        try_each_call(&upload, &Fault::ALL, call).await;
    }
}
