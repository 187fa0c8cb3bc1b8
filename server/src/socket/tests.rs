//! The accept loop as clients meet it: raw sockets against a small service.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream as Client,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};

use axum::{
    Extension,
    body::Bytes,
    http::{Method, StatusCode},
};
use backup_api::http::RouteTable;
use futures_util::{StreamExt as _, stream};
use tokio::{io::AsyncWriteExt as _, sync::oneshot};

use super::*;

const LIMITS: Limits = Limits::with_longest_stall(Duration::from_mins(10));
const REFUSAL: &str = "say who you are";

fn routes() -> Router {
    RouteTable::new()
        .on(&Method::GET, "/", || async { "hello" })
        .on(
            &Method::GET,
            "/peer",
            |Extension(Peer(peer)): Extension<Peer>| async move { peer.to_string() },
        )
        .streaming(&Method::POST, "/refuse", || async {
            (StatusCode::UNAUTHORIZED, REFUSAL)
        })
        .on(&Method::GET, "/slow", || async {
            sleep(Duration::from_millis(300)).await;
            "finished"
        })
        .on(&Method::GET, "/in-two", || async {
            let pieces = stream::iter(["first, ", "second"]).then(|piece| async move {
                sleep(Duration::from_millis(2)).await;
                Ok::<_, Infallible>(piece)
            });
            Body::from_stream(pieces)
        })
        .on(&Method::GET, "/large", || async { vec![b'x'; 32 * 1024 * 1024] })
        .into_router()
        .layer(axum::middleware::from_fn(crate::middleware::crowding::refuse))
}

struct Served {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    ended: tokio::task::JoinHandle<()>,
}

fn start() -> Served {
    start_with(LIMITS)
}

fn start_with(limits: Limits) -> Served {
    start_in(limits, Crowd::at_most(usize::MAX / 2))
}

fn start_in(limits: Limits, crowd: Crowd) -> Served {
    let reserved = ReservedAddress::reserve("127.0.0.1:0".parse().unwrap()).unwrap();
    start_on(reserved.listen().unwrap(), routes(), limits, crowd)
}

fn start_on(listener: TcpListener, router: Router, limits: Limits, crowd: Crowd) -> Served {
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(async move {
        let connections = GracefulShutdown::new();
        let threads = AnsweringThreads::start().unwrap();
        let doors = Doors {
            listener,
            threads: &threads,
            crowd: &crowd,
        };
        accept_until(doors, router, limits, &connections, async {
            let _ = stopped.await;
        })
        .await;
        connections.shutdown().await;
    });
    Served { address, stop, ended }
}

/// Runs a client that blocks.
async fn with_client<T: Send + 'static>(
    address: SocketAddr,
    client: impl FnOnce(Client) -> T + Send + 'static,
) -> T {
    tokio::task::spawn_blocking(move || {
        let stream = Client::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        client(stream)
    })
    .await
    .unwrap()
}

fn read_all(stream: &mut Client) -> String {
    let mut answer = Vec::new();
    // A reset after the answer is how the server ends a client that does not stop sending.
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_upload_gets_its_answer_and_is_not_swallowed() {
    const LENGTH: usize = 50_000_000;
    let served = start();
    let begin = Instant::now();
    let (sent, answer) = with_client(served.address, |mut client| {
        write!(
            client,
            "POST /refuse HTTP/1.1\r\nHost: localhost\r\nContent-Length: {LENGTH}\r\n\r\n"
        )
        .unwrap();
        let chunk = vec![0; 64 * 1024];
        let mut sent = 0;
        while sent < LENGTH {
            match client.write(&chunk) {
                Ok(count) => sent += count,
                Err(_) => break,
            }
        }
        (sent, read_all(&mut client))
    })
    .await;
    assert!(
        answer.starts_with("HTTP/1.1 401 Unauthorized\r\n") && answer.ends_with(REFUSAL),
        "{answer}"
    );
    // What the server read, and what the two sockets' buffers hold.
    assert!(sent < 16_000_000, "{sent} bytes were taken");
    assert!(begin.elapsed() < Duration::from_secs(3), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_client_that_stops_by_itself_sees_a_clean_end() {
    let served = start();
    let answer = with_client(served.address, |mut client| {
        write!(
            client,
            "POST /refuse HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000000\r\n\r\n"
        )
        .unwrap();
        client.write_all(&vec![0; 300_000]).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    })
    .await;
    assert!(answer.ends_with(REFUSAL), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_first_is_never_told_to_go_on() {
    let served = start();
    let answer = with_client(served.address, |mut client| {
        write!(
            client,
            "POST /refuse HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 50000000\r\n\r\n"
        )
        .unwrap();
        read_all(&mut client)
    })
    .await;
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
    assert!(!answer.contains("100 Continue"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_knows_who_is_at_the_other_end() {
    let served = start();
    let answer = with_client(served.address, |mut client| {
        client
            .write_all(b"GET /peer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        read_all(&mut client)
    })
    .await;
    assert!(answer.ends_with("127.0.0.1"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_requests_share_a_connection() {
    let served = start();
    let answer = with_client(served.address, |mut client| {
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        read_all(&mut client)
    })
    .await;
    assert_eq!(answer.matches("hello").count(), 2, "{answer}");
}

/// The second piece of an answer would wait until the client acknowledges the first, which clients put off for 40 ms.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_pieces_is_not_held_back() {
    const REQUESTS: usize = 24;
    let served = start();
    let mut times = with_client(served.address, |mut client| {
        let ask = |client: &mut Client| {
            let asked = Instant::now();
            client
                .write_all(b"GET /in-two HTTP/1.1\r\nHost: localhost\r\n\r\n")
                .unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n0\r\n\r\n") {
                let mut bytes = [0; 1024];
                let count = client.read(&mut bytes).unwrap();
                assert!(count > 0, "the answer broke off");
                answer.extend_from_slice(&bytes[..count]);
            }
            asked.elapsed()
        };
        (0..REQUESTS).map(|_| ask(&mut client)).collect::<Vec<_>>()
    })
    .await;
    times.sort();
    // Of a busy machine only the better half says something.
    let quick = times[REQUESTS / 4];
    assert!(quick < Duration::from_millis(35), "{times:?}");
}

/// Slow downloads are many: what waits for each in memory, beside what the sockets hold, is bounded.
#[tokio::test(flavor = "multi_thread")]
async fn little_waits_for_a_client_that_takes_nothing() {
    const PIECE: usize = 64 * 1024;
    static ZEROS: [u8; PIECE] = [0; PIECE];
    // As small as systems make them, so that they hold less than a piece each.
    const OF_THE_SOCKETS: u32 = 4096;
    let asked_for = Arc::new(AtomicUsize::new(0));
    let count = asked_for.clone();
    let router = RouteTable::new()
        .on(&Method::GET, "/", move || async move {
            let pieces = stream::repeat_with(move || {
                count.fetch_add(PIECE, Ordering::Relaxed);
                Ok::<_, Infallible>(Bytes::from_static(&ZEROS))
            });
            Body::from_stream(pieces)
        })
        .into_router();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(OF_THE_SOCKETS).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let crowd = Crowd::at_most(usize::MAX / 2);
    let served = start_on(socket.listen(1).unwrap(), router, LIMITS, crowd);

    let client = TcpSocket::new_v4().unwrap();
    client.set_recv_buffer_size(OF_THE_SOCKETS).unwrap();
    let mut client = client.connect(served.address).await.unwrap();
    client
        .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        .await
        .unwrap();
    let waiting = || asked_for.load(Ordering::Relaxed);
    let (mut before, begin) = (0, Instant::now());
    while waiting() == 0 || waiting() != before {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "{} bytes, and ever more",
            waiting()
        );
        before = waiting();
        sleep(Duration::from_millis(300)).await;
    }
    assert!(waiting() <= BUFFER_SIZE + 3 * PIECE, "{} bytes wait", waiting());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_ends_its_head_is_cut_off() {
    let header_timeout = Duration::from_millis(300);
    let served = start_with(Limits {
        header_timeout,
        ..LIMITS
    });
    let waited = with_client(served.address, |mut client| {
        client.write_all(b"GET / HTTP/1.1\r\nHost: loc").unwrap();
        let begin = Instant::now();
        read_all(&mut client);
        begin.elapsed()
    })
    .await;
    assert!(
        waited >= header_timeout && waited < Duration::from_secs(4),
        "{waited:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_is_cut_off() {
    let longest_stall = Duration::from_millis(300);
    let served = start_with(Limits {
        longest_stall,
        ..LIMITS
    });
    let answer = with_client(served.address, move |mut client| {
        client
            .write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        std::thread::sleep(longest_stall * 4);
        read_all(&mut client)
    })
    .await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n"),
        "{} bytes",
        answer.len()
    );
    assert!(
        answer.len() < 32 * 1024 * 1024,
        "all of it came: {} bytes",
        answer.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_client_that_takes_a_little_now_and_then_gets_everything() {
    let longest_stall = Duration::from_millis(600);
    let served = start_with(Limits {
        longest_stall,
        ..LIMITS
    });
    let length = with_client(served.address, move |mut client| {
        client
            .write_all(b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut length = 0;
        let mut chunk = vec![0; 4 * 1024 * 1024];
        loop {
            std::thread::sleep(Duration::from_millis(100));
            match client.read(&mut chunk).unwrap() {
                0 => return length,
                count => length += count,
            }
        }
    })
    .await;
    assert!(length > 32 * 1024 * 1024, "{length}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_too_many_connections_is_told_so() {
    let served = start_in(LIMITS, Crowd::at_most(2));
    let address = served.address;
    let held = [
        Client::connect(address).unwrap(),
        Client::connect(address).unwrap(),
    ];
    // They count from when they are accepted.
    sleep(Duration::from_millis(100)).await;
    let answer = ask_once(address).await;
    assert!(
        answer.starts_with("HTTP/1.1 429 Too Many Requests\r\n"),
        "{answer}"
    );
    assert!(
        answer.contains("\r\nretry-after: 5\r\n") && answer.contains("\r\nconnection: close\r\n"),
        "{answer}"
    );
    drop(held);
    sleep(Duration::from_millis(100)).await;
    assert!(ask_once(address).await.ends_with("hello"));
}

async fn ask_once(address: SocketAddr) -> String {
    with_client(address, |mut client| {
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        read_all(&mut client)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_have_bounds() {
    let served = start();
    let many = "A: b\r\n".repeat(101);
    let long = format!("A: {}\r\n", "b".repeat(40 * 1024));
    let endless = format!("A: {}\r\n", "b".repeat(200 * 1024));
    let path = "/".repeat(70_000);
    for (request, status) in [
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"), "431"),
        // This one is read whole and refused by the router, after which the connection would be kept. A client that shut its
        // half instead would be taken for one that has gone.
        (
            format!("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{long}\r\n"),
            "431",
        ),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{endless}\r\n"), "431"),
        (format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"), "414"),
        ("GET / HTTP/1.1\r\nHost: a\r\nA:\u{1}b\r\n\r\n".to_owned(), "400"),
        ("what is this\r\n\r\n".to_owned(), "400"),
        (
            "POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n".to_owned(),
            "400",
        ),
    ] {
        let answer = with_client(served.address, move |mut client| {
            let _ = client.write_all(request.as_bytes());
            read_all(&mut client)
        })
        .await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{status}: {answer}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_connections_than_allowed_wait_for_their_turn() {
    let served = start_with(Limits {
        connections: 1,
        ..LIMITS
    });
    let first = Client::connect(served.address).unwrap();
    let second = tokio::spawn(with_client(served.address, |mut client| {
        client
            .write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .unwrap();
        read_all(&mut client)
    }));
    sleep(Duration::from_millis(200)).await;
    assert!(!second.is_finished());
    drop(first);
    assert!(second.await.unwrap().ends_with("hello"));
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_lets_requests_finish_and_does_not_wait_for_idle_connections() {
    let served = start();
    let idle = Client::connect(served.address).unwrap();
    let (asked, has_asked) = oneshot::channel();
    let address = served.address;
    let slow = tokio::spawn(with_client(address, |mut client| {
        client
            .write_all(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        asked.send(()).unwrap();
        read_all(&mut client)
    }));
    has_asked.await.unwrap();
    sleep(Duration::from_millis(100)).await;
    served.stop.send(()).unwrap();
    assert!(slow.await.unwrap().ends_with("finished"));
    timeout(Duration::from_secs(4), served.ended)
        .await
        .expect("an idle connection holds up the end")
        .unwrap();
    assert!(
        Client::connect(address).is_err(),
        "new connections are still taken"
    );
    drop(idle);
}
