//! Services that are down, slow, somebody else, or that lie. None of it may hang a caller or pass for an answer.

use std::time::{Duration, Instant};

use backup_api::{ApiError, BackupApi as _, BackupId, BodyError, ByteRange, ListQuery, Part, Verification};
use backup_client::{Credentials, HttpBackupApi, ServiceSettings};
use futures_util::TryStreamExt as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};

use crate::support::{actor, environment, upload_of};

/// How long the clients of these tests bear silence.
const SILENCE: Duration = Duration::from_millis(300);
/// Nothing here may take longer: three attempts, their pauses and the silences in them.
const PATIENCE: Duration = Duration::from_secs(8);

/// Something at an address that answers every request with the same bytes, and then closes or says nothing more.
struct Impostor {
    client: HttpBackupApi,
    listener: JoinHandle<()>,
}

impl Drop for Impostor {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Closes,
    SaysNothing,
}

async fn impostor(answer: &'static str, then: Then) -> Impostor {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(listener.local_addr().unwrap().port());
    let listener = tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _ = connection.read(&mut request).await;
                let _ = connection.write_all(answer.as_bytes()).await;
                if then == Then::SaysNothing {
                    tokio::time::sleep(PATIENCE * 2).await;
                }
            });
        }
    });
    Impostor { client, listener }
}

fn client(port: u16) -> HttpBackupApi {
    let settings = ServiceSettings {
        environment: environment(),
        address: format!("http://127.0.0.1:{port}").parse().unwrap(),
        credentials: Credentials::MasterToken("master".into()),
        connect_timeout: Duration::from_secs(2),
        read_timeout: SILENCE,
    };
    HttpBackupApi::new(settings, None).unwrap()
}

fn id() -> BackupId {
    "dxpcloud-lqgqnewltbexuewymq-201910031723".parse().unwrap()
}

/// The sentence that a person gets instead of a list, in bounded time.
async fn sentence(client: &HttpBackupApi) -> String {
    let started = Instant::now();
    let outcome = client.list(&actor(), ListQuery::default()).await;
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    match outcome {
        Err(ApiError::Unavailable { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_service_that_is_down_is_said_to_be() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let sentence = sentence(&client(port)).await;
    assert!(
        sentence.starts_with("The backup service of lfrjoebloggs-dev cannot be reached."),
        "{sentence}"
    );
}

#[tokio::test]
async fn a_service_that_says_nothing_is_given_up() {
    for answer in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 90\r\n\r\n{",
    ] {
        let silent = impostor(answer, Then::SaysNothing).await;
        let sentence = sentence(&silent.client).await;
        assert!(sentence.contains("did not answer in time"), "{sentence}");
    }
}

#[tokio::test]
async fn whatever_else_stands_at_the_address_is_no_backup_service() {
    for (answer, expected) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: 2\r\n\r\nhi",
            "a web page",
        ),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
            "another address",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n[]",
            "a form that is not known",
        ),
        (
            "HTTP/1.1 502 Bad Gateway\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi",
            "502",
        ),
        (
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n",
            "refused the credentials",
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n", "broke off"),
    ] {
        let impostor = impostor(answer, Then::Closes).await;
        let sentence = sentence(&impostor.client).await;
        assert!(sentence.contains(expected), "{answer:?}: {sentence}");
    }
}

#[tokio::test]
async fn an_environment_that_is_another_is_not_shown_as_this_one() {
    let other = impostor(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n\
         {\"project\":\"lfrjoebloggs\",\"environment\":\"prd\",\"capabilities\":{\
         \"download\":{\"available\":true},\"upload\":{\"available\":true},\"create\":{\"available\":true},\
         \"restore\":{\"available\":true},\"delete\":{\"available\":true}}}",
        Then::Closes,
    )
    .await;
    match other.client.capabilities(&actor()).await {
        Err(ApiError::Unavailable { reason }) => assert!(reason.contains("lfrjoebloggs-prd"), "{reason}"),
        outcome => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn a_service_that_does_not_describe_itself_can_do_what_is_documented() {
    let older = impostor(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\nup",
        Then::Closes,
    )
    .await;
    let capabilities = older.client.capabilities(&actor()).await.unwrap();
    assert!(capabilities.upload.available && capabilities.download.available);
    assert!(capabilities.restore.reason.is_some());
}

#[tokio::test]
async fn a_service_that_came_before_verifications_is_said_not_to_make_any() {
    for answer in [
        "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 404 Not Found\r\ncontent-type: application/problem+json\r\nconnection: close\r\n\r\n\
         {\"type\":\"about:blank\",\"title\":\"No such path\",\"status\":404,\"detail\":\"Start at /backup/list.\",\"code\":\"not-found\"}",
    ] {
        let older = impostor(answer, Then::Closes).await;
        match older.client.verify(&actor(), &id()).await {
            Err(ApiError::NotAvailable { reason }) => assert_eq!(reason, Verification::MISSING),
            outcome => panic!("{answer}: {outcome:?}"),
        }
    }
}

async fn downloaded(answer: &'static str, then: Then) -> Result<Vec<u8>, String> {
    let impostor = impostor(answer, then).await;
    let range = ByteRange { start: 0, end: 10 };
    let stream = impostor
        .client
        .download(&actor(), &id(), Part::Database, range)
        .await
        .map_err(|error| error.to_string())?;
    let chunks: Result<Vec<_>, BodyError> = stream.try_collect().await;
    chunks
        .map(|chunks| chunks.concat())
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn bytes_that_are_not_those_that_were_asked_for_break_the_download() {
    const HEAD: &str = "HTTP/1.1 206 Partial Content\r\ncontent-type: application/gzip\r\n";
    let whole = "HTTP/1.1 206 Partial Content\r\ncontent-type: application/gzip\r\n\
        content-range: bytes 0-9/10\r\ncontent-length: 10\r\n\r\n0123456789";
    assert_eq!(downloaded(whole, Then::Closes).await.unwrap(), b"0123456789");
    for (answer, then) in [
        // The source dies in the middle, or falls silent.
        (
            "content-range: bytes 0-9/10\r\ncontent-length: 10\r\n\r\n01234",
            Then::Closes,
        ),
        (
            "content-range: bytes 0-9/10\r\ncontent-length: 10\r\n\r\n01234",
            Then::SaysNothing,
        ),
        // It ends well, and too early or too late.
        (
            "content-range: bytes 0-9/10\r\ncontent-length: 5\r\n\r\n01234",
            Then::Closes,
        ),
        (
            "content-range: bytes 0-9/10\r\ncontent-length: 12\r\n\r\n0123456789ab",
            Then::Closes,
        ),
        (
            "content-range: bytes 0-9/10\r\nconnection: close\r\n\r\n01234",
            Then::Closes,
        ),
        // Other bytes.
        (
            "content-range: bytes 5-14/20\r\ncontent-length: 10\r\n\r\n0123456789",
            Then::Closes,
        ),
        ("content-length: 10\r\n\r\n0123456789", Then::Closes),
    ] {
        let answer: &'static str = Box::leak(format!("{HEAD}{answer}").into_boxed_str());
        let started = Instant::now();
        downloaded(answer, then).await.unwrap_err();
        assert!(started.elapsed() < PATIENCE, "{answer}");
    }
}

#[tokio::test]
async fn an_archive_whose_digest_is_not_told_has_none_and_one_whose_length_is_not_is_refused() {
    let vague = impostor(
        "HTTP/1.1 200 OK\r\ncontent-type: application/gzip\r\ncontent-length: 10\r\nconnection: close\r\n\r\n",
        Then::Closes,
    )
    .await;
    let described = vague
        .client
        .describe(&actor(), &id(), Part::Volume)
        .await
        .unwrap();
    assert_eq!((described.size, described.sha256), (10, None));
    let vaguer = impostor(
        "HTTP/1.1 200 OK\r\ncontent-type: application/gzip\r\nconnection: close\r\n\r\n",
        Then::Closes,
    )
    .await;
    match vaguer.client.describe(&actor(), &id(), Part::Volume).await {
        Err(ApiError::Unavailable { reason }) => assert!(reason.contains("length"), "{reason}"),
        outcome => panic!("{outcome:?}"),
    }
}

#[tokio::test]
async fn what_changes_something_is_never_sent_twice() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = client(listener.local_addr().unwrap().port());
    let counting = tokio::spawn(async move {
        let mut requests = 0;
        while let Ok(accepted) = tokio::time::timeout(Duration::from_secs(3), listener.accept()).await {
            let (mut connection, _) = accepted.unwrap();
            let _ = connection.read(&mut [0; 4096]).await;
            requests += 1;
        }
        requests
    });
    client.delete(&actor(), &id()).await.unwrap_err();
    assert_eq!(counting.await.unwrap(), 1);
}

#[tokio::test]
async fn an_upload_to_a_service_that_takes_nothing_ends() {
    // It answers the first question and then reads nothing.
    let busy = impostor(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 17\r\n\r\n{\"operations\":[]}",
        Then::SaysNothing,
    )
    .await;
    let started = Instant::now();
    // More than the buffers of two sockets hold.
    let large = upload_of(vec![(Part::Database, vec![0x1f; 64 << 20])]);
    busy.client.upload(&actor(), large).await.unwrap_err();
    assert!(started.elapsed() < PATIENCE);
}
