//! Archives on their way to a service of ours over connections that break, and what of them is at the service.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use archive_samples::archive_of;
use backup_api::{
    Action, ApiError, Backup, BackupApi as _, ByteRange, Part, ResumableApi as _, StoredArchive, Upload,
    UploadAtService, UploadContent, UploadPart, UploadRefusal,
};
use backup_client::{ArchiveSource, ForwardError, HttpBackupApi, HttpUploads, SourceArchive};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{HeaderMap, HeaderValue, Method};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::support::{LARGEST_ARCHIVE, Subject, UPLOADS, actor, archive, client_at, pair, upload_of};

/// A way to a service that breaks each of its first connections after so many bytes of requests.
struct Breaking {
    port: u16,
    connections: Arc<AtomicUsize>,
    listener: JoinHandle<()>,
}

impl Drop for Breaking {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn breaking(port: u16, breaks: usize, after: usize) -> Breaking {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let broken = Arc::new(Mutex::new(breaks));
    let counted = connections.clone();
    let listener = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let broken = broken.clone();
            tokio::spawn(async move {
                let service = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_service, mut to_service) = service.into_split();
                let back = tokio::spawn(async move {
                    let _ = tokio::io::copy(&mut from_service, &mut to_client).await;
                });
                let (mut buffer, mut passed) = (vec![0; 16_384], 0);
                while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
                    passed += length;
                    let breaks = passed > after && {
                        let mut left = broken.lock().unwrap();
                        let breaks = *left > 0;
                        *left -= usize::from(breaks);
                        breaks
                    };
                    if breaks || to_service.write_all(&buffer[..length]).await.is_err() {
                        break;
                    }
                }
                back.abort();
            });
        }
    });
    Breaking {
        port: own,
        connections,
        listener,
    }
}

async fn downloaded(api: &HttpBackupApi, backup: &Backup, part: Part) -> Vec<u8> {
    let range = ByteRange::whole(backup.part_size(part));
    let stream = api
        .download(&actor(), &backup.backup_id, part, range)
        .await
        .unwrap();
    let chunks: Vec<_> = stream.try_collect().await.unwrap();
    chunks.concat()
}

/// All that one may have can be made: nothing else of the actor's is there.
async fn nothing_is_left(uploads: &HttpUploads) {
    let mut made = Vec::new();
    for _ in 0..UPLOADS {
        made.push(uploads.create(&actor(), Part::Database, 10).await.unwrap().id);
    }
    for id in made {
        uploads.end(&actor(), &id).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_when_its_connection_breaks() {
    let subject = Subject::over_http().await;
    // Connections are kept, so each break is somewhere in the middle of an archive.
    let way = breaking(subject.port(), 4, 200_000).await;
    let api = client_at(way.port, None);
    let backup = api.upload(&actor(), pair()).await.unwrap();
    assert!(way.connections.load(Ordering::SeqCst) > 4);
    for part in Part::ALL {
        assert_eq!(downloaded(&api, &backup, part).await, archive(part));
    }
    nothing_is_left(&api.uploads()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_larger_than_a_piece_arrive_whole() {
    let subject = Subject::over_http_taking(40_000_000).await;
    let way = breaking(subject.port(), 3, 5_000_000).await;
    let api = client_at(way.port, None);
    let large = |part: Part, length: usize| (part, archive_of(part, length, 1));
    // Two pieces exactly, and something after three.
    let archives = vec![
        large(Part::Database, 16 * 1024 * 1024),
        large(Part::Volume, 25_000_001),
    ];
    let backup = api.upload(&actor(), upload_of(archives.clone())).await.unwrap();
    for (part, bytes) in archives {
        assert!(downloaded(&api, &backup, part).await == bytes, "{part}");
    }
    let operations = api.operations(&actor(), 1).await.unwrap();
    assert_eq!(operations[0].bytes_done, backup.size);
}

/// Archives of this machine, and what was let go.
#[derive(Debug, Default)]
struct Here(Mutex<Vec<String>>);

impl ArchiveSource for Here {
    fn open<'a>(&'a self, stored: &'a StoredArchive) -> backup_api::ApiFuture<'a, SourceArchive> {
        Box::pin(async move {
            let bytes = archive(stored.id.parse().unwrap());
            let size = bytes.len() as u64;
            let body = stream::iter([Ok(bytes.into())]).boxed();
            Ok(SourceArchive { size, body })
        })
    }

    fn release<'a>(&'a self, stored: &'a StoredArchive) -> backup_api::ApiFuture<'a, ()> {
        self.0.lock().unwrap().push(stored.id.clone());
        Box::pin(std::future::ready(Ok(())))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn archives_of_this_machine_are_sent_and_let_go() {
    let subject = Subject::over_http().await;
    let here = Arc::new(Here::default());
    let api = client_at(subject.port(), Some(here.clone()));
    let parts = Part::ALL.map(|part| {
        Ok(UploadPart {
            part,
            content: UploadContent::Stored(StoredArchive { id: part.to_string() }),
        })
    });
    let upload = Upload {
        parts: stream::iter(parts).boxed(),
        ..pair()
    };
    let backup = api.upload(&actor(), upload).await.unwrap();
    for part in Part::ALL {
        assert_eq!(downloaded(&api, &backup, part).await, archive(part));
    }
    assert_eq!(*here.0.lock().unwrap(), ["database", "volume"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_at_the_service_is_handed_over_without_moving() {
    let subject = Subject::over_http().await;
    let way = breaking(subject.port(), 0, 0).await;
    let api = client_at(way.port, None);
    let uploads = api.uploads();
    let mut ids = Vec::new();
    for part in Part::ALL {
        let bytes = archive(part);
        let id = uploads
            .create(&actor(), Part::Database, bytes.len() as u64)
            .await
            .unwrap()
            .id;
        assert!(matches!(
            uploads.finished(&actor(), &id).await,
            Err(UploadRefusal::Unfinished)
        ));
        append(&uploads, &id, 0, bytes.clone()).await.unwrap();
        let progress = uploads.progress(&actor(), &id).await.unwrap();
        assert_eq!(progress.offset, bytes.len() as u64);
        assert!(progress.sha256.is_some());
        assert!(matches!(
            uploads.finished(&actor(), &id).await,
            Ok(UploadContent::AtService(UploadAtService { id: there })) if there == id
        ));
        ids.push(id);
    }
    let again = ids.clone();
    let handed = |ids: Vec<String>| {
        let parts = Part::ALL.into_iter().zip(ids).map(|(part, id)| {
            Ok(UploadPart {
                part,
                content: UploadContent::AtService(UploadAtService { id }),
            })
        });
        Upload {
            parts: stream::iter(parts.collect::<Vec<_>>()).boxed(),
            idempotency_key: Some("draft".to_owned()),
            ..pair()
        }
    };
    let backup = api.upload(&actor(), handed(ids)).await.unwrap();
    // A page that never heard of it asks again with the same names, which mean nothing to other requests.
    for id in &again {
        assert!(matches!(
            uploads.finished(&actor(), id).await,
            Ok(UploadContent::AtService(_))
        ));
    }
    assert_eq!(api.upload(&actor(), handed(again.clone())).await.unwrap(), backup);
    let other = Upload {
        idempotency_key: Some("another draft".to_owned()),
        ..handed(again.clone())
    };
    assert!(matches!(
        api.upload(&actor(), other).await,
        Err(ApiError::InvalidRequest { .. })
    ));
    for (part, id) in Part::ALL.into_iter().zip(again) {
        assert_eq!(downloaded(&api, &backup, part).await, archive(part));
        assert!(matches!(
            uploads.progress(&actor(), &id).await,
            Err(UploadRefusal::Gone)
        ));
        assert!(matches!(
            uploads.end(&actor(), &id).await,
            Err(UploadRefusal::Gone)
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_leaves_nothing_at_the_service() {
    let subject = Subject::over_http().await;
    let api = client_at(subject.port(), None);
    let large = archive_of(Part::Database, usize::try_from(LARGEST_ARCHIVE).unwrap() + 1, 1);
    for archives in [
        vec![(Part::Database, archive(Part::Database))],
        vec![
            (Part::Database, archive(Part::Database)),
            (Part::Volume, b"PK\x03\x04".to_vec()),
        ],
        vec![(Part::Volume, archive(Part::Volume)), (Part::Database, large)],
        vec![
            (Part::Database, archive(Part::Database)),
            (Part::Volume, Vec::new()),
        ],
    ] {
        api.upload(&actor(), upload_of(archives)).await.unwrap_err();
        nothing_is_left(&api.uploads()).await;
    }
    // The second of two equal requests brought its bytes for nothing.
    for _ in 0..2 {
        let upload = Upload {
            idempotency_key: Some("once".to_owned()),
            ..pair()
        };
        api.upload(&actor(), upload).await.unwrap();
        nothing_is_left(&api.uploads()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_uploads_are_told_apart() {
    let subject = Subject::over_http().await;
    let uploads = client_at(subject.port(), None).uploads();
    let create = async |length: u64| uploads.create(&actor(), Part::Database, length).await;
    assert_eq!(uploads.largest(&actor()).await.unwrap(), Some(LARGEST_ARCHIVE));
    assert!(matches!(create(0).await, Err(UploadRefusal::Empty)));
    assert!(matches!(
        create(LARGEST_ARCHIVE + 1).await,
        Err(UploadRefusal::Api(ApiError::TooLarge {
            limit: LARGEST_ARCHIVE
        }))
    ));
    let first = create(LARGEST_ARCHIVE).await.unwrap();
    create(LARGEST_ARCHIVE - 10).await.unwrap();
    assert!(matches!(
        create(11).await,
        Err(UploadRefusal::Quota { limit }) if limit == 2 * LARGEST_ARCHIVE
    ));
    create(1).await.unwrap();
    create(1).await.unwrap();
    assert!(matches!(create(1).await, Err(UploadRefusal::TooMany)));
    uploads.end(&actor(), &first.id).await.unwrap();
    for id in [first.id.as_str(), "", "..", "../upload", "nonsense"] {
        assert!(matches!(
            uploads.progress(&actor(), id).await,
            Err(UploadRefusal::Gone)
        ));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_away_is_no_upload_that_is_gone() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let uploads = client_at(port, None).uploads();
    let id = "0192a0b0-1111-7000-8000-000000000001";
    assert!(matches!(
        uploads.progress(&actor(), id).await,
        Err(UploadRefusal::Api(ApiError::Unavailable { .. }))
    ));
    assert!(matches!(
        append(&uploads, id, 0, b"x".to_vec()).await,
        Err(ForwardError::Failed(ApiError::Unavailable { .. }))
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_at_the_address_is_no_upload_that_is_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uploads = client_at(listener.local_addr().unwrap().port(), None).uploads();
    let server = tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
            let answer = b"HTTP/1.1 404 Not Found\r\ncontent-type: text/html\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = connection.write_all(answer).await;
        }
    });
    let id = "0192a0b0-1111-7000-8000-000000000001";
    assert!(matches!(
        uploads.progress(&actor(), id).await,
        Err(UploadRefusal::Api(ApiError::NotAvailable { .. }))
    ));
    assert!(matches!(
        append(&uploads, id, 0, b"x".to_vec()).await,
        Err(ForwardError::Failed(ApiError::Unavailable { .. }))
    ));
    server.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_stop_on_this_side_are_said_to() {
    let subject = Subject::over_http().await;
    let uploads = client_at(subject.port(), None).uploads();
    let id = uploads.create(&actor(), Part::Database, 1_000).await.unwrap().id;
    let begin = stream::iter([Ok(archive(Part::Database)[..100].to_vec().into())]);
    let body = begin.chain(stream::once(async {
        // What comes before has gone on by then.
        tokio::time::sleep(Duration::from_millis(500)).await;
        Err(backup_api::BodyError::Idle { seconds: 60 })
    }));
    let outcome = uploads
        .forward(&actor(), Method::PATCH, &id, &headers(0), body.boxed())
        .await;
    assert!(
        matches!(
            outcome,
            Err(ForwardError::Body(backup_api::BodyError::Idle { seconds: 60 }))
        ),
        "{outcome:?}"
    );
    // What came is kept there.
    let kept = async {
        while uploads.progress(&actor(), &id).await.unwrap().offset != 100 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), kept).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_cannot_be_had_says_why() {
    let subject = Subject::over_http().await;
    let api = client_at(subject.port(), None);
    let refused = backup_api::BodyError::Refused(Box::new(ApiError::Forbidden {
        action: Action::Upload,
    }));
    let upload = Upload {
        parts: stream::iter([Err(refused)]).boxed(),
        ..pair()
    };
    let error = api.upload(&actor(), upload).await.unwrap_err();
    assert!(matches!(error, ApiError::Forbidden { .. }), "{error:?}");
}

fn headers(offset: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("tus-resumable", HeaderValue::from_static("1.0.0"));
    headers.insert("upload-offset", HeaderValue::from(offset));
    headers.insert(
        "content-type",
        HeaderValue::from_static("application/offset+octet-stream"),
    );
    headers
}

async fn append(
    uploads: &HttpUploads,
    id: &str,
    offset: u64,
    bytes: Vec<u8>,
) -> Result<backup_client::Forwarded, ForwardError> {
    let body = stream::iter([Ok(bytes.into())]).boxed();
    uploads
        .forward(&actor(), Method::PATCH, id, &headers(offset), body)
        .await
}
