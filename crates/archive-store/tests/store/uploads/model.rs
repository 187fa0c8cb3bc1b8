//! Any sequence of requests, cuts and restarts against the simplest thing that could be right: a vector.

use archive_samples::database_of;
use archive_store::{
    ArchiveId,
    uploads::{Checksum, Continuation, UploadError},
};
use backup_api::BodyError;
use proptest::prelude::*;
use sha1::{Digest, Sha1};

use super::{SCOPE, Uploads, body, broken};
use crate::support::sha256;

const LENGTH: usize = 5_000;

#[derive(Debug, Clone)]
enum Step {
    Create { deferred: bool },
    Append(Piece),
    DeclareLength(usize),
    Terminate,
    Restart,
}

#[derive(Debug, Clone)]
struct Piece {
    /// Added to the right offset.
    offset_error: usize,
    length: usize,
    breaks: bool,
    checksum: Sum,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Sum {
    None,
    Sha1,
    Sha256,
    Wrong,
}

fn piece() -> impl Strategy<Value = Piece> {
    let offset_error = prop_oneof![5 => Just(0), 1 => 1..10_usize];
    let checksum = prop_oneof![3 => Just(Sum::None), 1 => Just(Sum::Sha1), 1 => Just(Sum::Sha256), 1 => Just(Sum::Wrong)];
    (offset_error, 0..2_500_usize, prop::bool::weighted(0.25), checksum).prop_map(
        |(offset_error, length, breaks, checksum)| Piece {
            offset_error,
            length,
            breaks,
            checksum,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => any::<bool>().prop_map(|deferred| Step::Create { deferred }),
        8 => piece().prop_map(Step::Append),
        1 => prop_oneof![Just(LENGTH), 0..LENGTH + 10].prop_map(Step::DeclareLength),
        1 => Just(Step::Terminate),
        2 => Just(Step::Restart),
    ]
}

/// What should be there.
#[derive(Debug)]
struct Model {
    id: ArchiveId,
    kept: Vec<u8>,
    length: Option<usize>,
}

/// The error a correct store answers with, as a word.
fn word(error: &UploadError) -> &'static str {
    match error {
        UploadError::NoSuchUpload => "no such upload",
        UploadError::OffsetMismatch { .. } => "offset",
        UploadError::LengthExceeded { .. } => "exceeded",
        UploadError::ChecksumMismatch => "checksum",
        UploadError::Body(BodyError::Disconnected) => "broken",
        UploadError::LengthKnown { .. } => "known",
        UploadError::LengthTooSmall { .. } => "small",
        UploadError::Store(archive_store::StoreError::Empty) => "empty",
        UploadError::NotGzip => "not gzip",
        other => panic!("{other:?}"),
    }
}

impl Model {
    fn complete(&self) -> bool {
        self.length == Some(self.kept.len())
    }

    /// What an append does, by the book.
    fn append(&mut self, piece: &Piece, bytes: &[u8]) -> Result<(), &'static str> {
        if piece.offset_error > 0 {
            return Err("offset");
        }
        if self.complete() {
            return match (bytes.is_empty(), piece.breaks) {
                (false, _) => Err("exceeded"),
                (true, true) => Err("broken"),
                (true, false) => Ok(()),
            };
        }
        let room = self.length.map_or(usize::MAX, |length| length - self.kept.len());
        let verdict = match (bytes.len() > room, piece.breaks) {
            (true, _) => Err("exceeded"),
            (false, true) => Err("broken"),
            (false, false) => Ok(()),
        };
        if piece.checksum != Sum::None && verdict.is_err() {
            return verdict;
        }
        if piece.checksum == Sum::Wrong {
            return Err("checksum");
        }
        self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        verdict
    }

    /// Whether this length leads to a refusal or to all of the archive. What is cut off is refused for what it is.
    fn may_be_told(&self, length: usize) -> bool {
        self.length.is_some() || length >= LENGTH || length < self.kept.len() || length == 0
    }

    fn declare(&mut self, length: usize) -> Result<(), &'static str> {
        match self.length {
            _ if length == 0 => Err("empty"),
            Some(known) if known == length => Ok(()),
            Some(_) => Err("known"),
            None if length < self.kept.len() => Err("small"),
            None => {
                self.length = Some(length);
                Ok(())
            }
        }
    }
}

async fn append(uploads: &Uploads, model: &Model, piece: &Piece, bytes: &[u8]) -> Result<(), UploadError> {
    let checksum = match piece.checksum {
        Sum::None => None,
        Sum::Sha1 => Some(Checksum::Sha1(Sha1::digest(bytes).into())),
        Sum::Sha256 => Some(Checksum::Sha256(sha256(bytes))),
        Sum::Wrong => Some(Checksum::Sha256([7; 32])),
    };
    let stream = if piece.breaks { broken(bytes) } else { body(bytes) };
    let offset = (model.kept.len() + piece.offset_error) as u64;
    let appended = uploads
        .uploads
        .append(
            SCOPE,
            &model.id,
            Continuation {
                checksum,
                ..Continuation::at(offset)
            },
            stream,
        )
        .await;
    appended.map(drop)
}

async fn follow(steps: Vec<Step>) {
    // Zeros may follow an archive, so that it is sound wherever it ends behind its own end.
    let source = [database_of(LENGTH, 0), vec![0; 2 * LENGTH]].concat();
    let mut uploads = Uploads::new().await;
    let mut model: Option<Model> = None;
    for step in steps {
        match (step, &mut model) {
            (Step::Restart, _) => uploads = uploads.reopen().await,
            (Step::Create { deferred }, None) => {
                let length = (!deferred).then_some(LENGTH);
                let id = uploads
                    .create(length.map(|length| length as u64))
                    .await
                    .unwrap()
                    .id;
                model = Some(Model {
                    id,
                    kept: Vec::new(),
                    length,
                });
            }
            (Step::Terminate, Some(gone)) => {
                uploads.uploads.terminate(SCOPE, &gone.id).await.unwrap();
                assert_eq!(uploads.state(&gone.id).await, None);
                uploads.data.assert_nothing_is_left().await;
                model = None;
            }
            (Step::Append(piece), Some(model)) => {
                let start = model.kept.len().min(2 * LENGTH);
                let bytes = &source[start..start + piece.length];
                let found = append(&uploads, model, &piece, bytes).await;
                let expected = model.append(&piece, bytes);
                assert_eq!(found.map_err(|error| word(&error)), expected, "{piece:?}");
            }
            (Step::DeclareLength(length), Some(model)) if model.may_be_told(length) => {
                let found = uploads
                    .uploads
                    .declare_length(SCOPE, &model.id, length as u64)
                    .await;
                let expected = model.declare(length);
                assert_eq!(found.map(drop).map_err(|error| word(&error)), expected);
            }
            (_, _) => {}
        }
        if let Some(model) = &model {
            let state = uploads.state(&model.id).await.unwrap();
            assert_eq!(state.offset, model.kept.len() as u64);
            assert_eq!(state.length, model.length.map(|length| length as u64));
            if model.complete() {
                uploads.assert_archive(&model.id, &model.kept).await;
            } else {
                assert_eq!(state.finished, None);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_sequence_ends_as_in_the_model(steps in prop::collection::vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut all = vec![Step::Create { deferred: steps.len() % 2 == 0 }];
        all.extend(steps);
        runtime.block_on(follow(all));
    }
}
