//! The accept loop.
//!
//! Our own instead of `axum::serve`, which leaves Nagle's algorithm on (a page then takes 40 ms longer), waits for
//! headers for ever, buffers more than a slow download needs, and closes so that early refusals get lost.
//!
//! hyper answers what is no HTTP by itself, with an empty 400, 414 (an address too long) or 431 (more than 100 headers).

mod crowd;
mod lingering;
mod signals;
mod stalling;
#[cfg(test)]
mod tests;
mod threads;

use std::{
    convert::Infallible,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, response::Response};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tower::{Service, ServiceExt};

use self::{crowd::Admission, lingering::LingeringStream, stalling::StallingStream};
pub(crate) use self::{crowd::Crowd, signals::Signals, threads::AnsweringThreads};

/// A slow download holds about four times this much.
const BUFFER_SIZE: usize = 128 * 1024;
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECTIONS: usize = 1024;
/// How long a client may take for the head of a request that is refused anyway.
const HASTE: Duration = Duration::from_secs(2);
const BACKLOG: u32 = 1024;
/// How long requests may take to finish once the process was asked to stop.
const GRACE: Duration = Duration::from_secs(30);
/// For what still runs on threads of its own when everything else has ended.
pub(crate) const LAST_MOMENTS: Duration = Duration::from_secs(2);
/// How long to wait when the system has no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What clients may take up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long a client may take for the head of a request; also how long a connection may idle between two.
    header_timeout: Duration,
    /// How long a client may take nothing of what is sent to it.
    longest_stall: Duration,
    /// The most connections at a time; others wait in the system's queue.
    connections: usize,
}

impl Limits {
    /// The usual ones, with what the configuration says of clients that take nothing.
    pub(crate) const fn with_longest_stall(longest_stall: Duration) -> Self {
        Self {
            header_timeout: HEADER_TIMEOUT,
            longest_stall,
            connections: CONNECTIONS,
        }
    }
}

/// Whoever is at the other end of the connection that a request came over; in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The connection that a request came over is one too many; in the request's extensions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OneTooMany;

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As asked, with all requests answered or their time over.
    Asked,
    /// At once, because of a second signal; with its exit code.
    AtOnce(u8),
}

/// An address that is ours already and that nobody can connect to yet.
#[derive(Debug)]
pub(crate) struct ReservedAddress {
    socket: TcpSocket,
}

impl ReservedAddress {
    /// Takes the address.
    pub(crate) fn reserve(address: SocketAddr) -> io::Result<Self> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()
        } else {
            TcpSocket::new_v6()
        }?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Ok(Self { socket })
    }

    /// With the port that was chosen where none was asked for.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Opens the doors.
    pub(crate) fn listen(self) -> io::Result<TcpListener> {
        self.socket.listen(BACKLOG)
    }
}

/// Where connections come in, and who takes them.
#[derive(Debug)]
pub(crate) struct Doors<'a> {
    pub(crate) listener: TcpListener,
    pub(crate) threads: &'a AnsweringThreads,
    pub(crate) crowd: &'a Crowd,
}

/// Serves until a signal asks to stop, and calls `stopping` before it waits for requests under way.
pub(crate) async fn serve(
    doors: Doors<'_>,
    router: Router,
    limits: Limits,
    mut signals: Signals,
    stopping: impl FnOnce(),
) -> Ended {
    let connections = GracefulShutdown::new();
    accept_until(doors, router, limits, &connections, async {
        signals.next().await;
    })
    .await;
    stopping();
    tracing::info!("stopping: no new connections, requests under way may finish");
    tokio::select! {
        finished = timeout(GRACE, connections.shutdown()) => {
            if finished.is_err() {
                tracing::warn!(grace_seconds = GRACE.as_secs(), "requests that did not finish are cut off");
            }
            Ended::Asked
        }
        code = signals.next() => Ended::AtOnce(code),
    }
}

async fn accept_until<S>(
    Doors {
        listener,
        threads,
        crowd,
    }: Doors<'_>,
    service: S,
    limits: Limits,
    connections: &GracefulShutdown,
    stop: impl Future<Output = ()>,
) where
    S: Service<Request<Incoming>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let permits = Arc::new(Semaphore::new(limits.connections));
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, peer, permit) = tokio::select! {
            biased;
            () = &mut stop => return,
            accepted = accept(&listener, &permits) => accepted,
        };
        let (place, one_too_many) = match crowd.admit(peer.0) {
            Admission::Served(place) => (place, None),
            Admission::OneTooMany(place) => (Some(place), Some(OneTooMany)),
            Admission::Closed => continue,
        };
        // It is watched by the runtime that answers it.
        let stream = match prepared(stream) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%error, "a connection was gone before its first byte");
                continue;
            }
        };
        let service = service
            .clone()
            .map_request(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer);
                if let Some(mark) = one_too_many {
                    request.extensions_mut().insert(mark);
                }
                request
            });
        let mut protocol = http1::Builder::new();
        protocol
            .timer(TokioTimer::new())
            .header_read_timeout(one_too_many.map_or(limits.header_timeout, |_| HASTE))
            .max_buf_size(BUFFER_SIZE);
        let watcher = connections.watcher();
        threads.answer(async move {
            let answered = async {
                let stream = LingeringStream::new(TcpStream::from_std(stream)?);
                let stream = TokioIo::new(StallingStream::new(stream, limits.longest_stall));
                let connection = protocol.serve_connection(stream, TowerToHyperService::new(service));
                watcher.watch(connection).await.map_err(io::Error::other)
            };
            if let Err(error) = answered.await {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "a connection ended early"
                );
            }
            drop((permit, place));
        });
    }
}

/// A connection that no runtime watches any more.
fn prepared(stream: TcpStream) -> io::Result<std::net::TcpStream> {
    // Answers are written whole; waiting for more to send only delays them.
    stream.set_nodelay(true)?;
    stream.into_std()
}

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> (TcpStream, Peer, OwnedSemaphorePermit) {
    let permit = permits
        .clone()
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    loop {
        match listener.accept().await {
            Ok((stream, address)) => return (stream, Peer(address.ip().to_canonical()), permit),
            Err(error) if is_the_clients(&error) => {
                tracing::debug!(%error, "a client went away while it connected");
            }
            Err(error) => {
                tracing::error!(%error, "cannot accept connections; trying again");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}
