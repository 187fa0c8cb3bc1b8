//! A TCP proxy that misbehaves, between any two of client, console and service.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::sleep,
};

/// Longer than anybody waits for a connection that has fallen silent.
const FOR_EVER: Duration = Duration::from_mins(5);
const PIECE: usize = 64 * 1024;
const SLOW_PAUSE: Duration = Duration::from_millis(15);
/// What the system takes for a connection that nobody reads, in bytes. Left to itself it takes up to what the whole test
/// sends, and nobody would notice that a connection stalls.
const OF_THE_SYSTEM: u32 = 256 * 1024;

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Both sides are told that it has ended.
    Cut,
    /// It is torn down.
    Reset,
    /// Nothing goes on, and nobody is told.
    Stall,
    /// The side that sends is gone, and the other is not told.
    HalfOpen,
    /// It goes on slowly.
    Slow,
}

/// Which way the bytes go that are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From whoever connected.
    Up,
    /// To whoever connected.
    Down,
}

/// The faults to come: each meets the first connection that carries so many bytes that way from then on.
#[derive(Debug, Default)]
struct Awaited {
    faults: Vec<(Fault, usize)>,
    /// Grows with each that is expected: what a connection carried before does not count for it.
    expected: usize,
}

type Faults = Arc<Mutex<Awaited>>;

/// Lives as long as the test.
pub(crate) struct FaultProxy {
    pub(crate) port: u16,
    faults: Faults,
}

impl FaultProxy {
    /// In front of a port of this machine.
    pub(crate) fn start(target: u16, way: Way) -> Self {
        let faults = Faults::default();
        let awaited = faults.clone();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(async {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(OF_THE_SYSTEM).unwrap();
            socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            socket.listen(64).unwrap()
        });
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            runtime.block_on(async move {
                while let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(relay(client, target, way, awaited.clone()));
                }
            });
        });
        Self { port, faults }
    }

    /// From now on this meets the first connection that has carried `after` bytes.
    pub(crate) fn expect(&self, fault: Fault, after: usize) {
        let mut awaited = self.faults.lock().unwrap();
        awaited.faults.push((fault, after));
        awaited.expected += 1;
    }

    /// Whether all faults have met a connection.
    pub(crate) fn is_spent(&self) -> bool {
        self.faults.lock().unwrap().faults.is_empty()
    }
}

async fn relay(mut client: TcpStream, target: u16, way: Way, faults: Faults) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)).await else {
        return;
    };
    let (mut upwards, mut downwards) = (vec![0; PIECE], vec![0; PIECE]);
    let (mut client_sends, mut server_sends) = (true, true);
    let (mut carried, mut is_slow) = (Carried::default(), false);
    loop {
        let (from, length) = tokio::select! {
            read = client.read(&mut upwards), if client_sends => (Way::Up, read.unwrap_or(0)),
            read = server.read(&mut downwards), if server_sends => (Way::Down, read.unwrap_or(0)),
            else => return,
        };
        let carry = async {
            match (from, length) {
                (Way::Up, 0) => {
                    client_sends = false;
                    server.shutdown().await
                }
                (Way::Down, 0) => {
                    server_sends = false;
                    client.shutdown().await
                }
                (Way::Up, length) => server.write_all(&upwards[..length]).await,
                (Way::Down, length) => client.write_all(&downwards[..length]).await,
            }
        };
        if carry.await.is_err() {
            return;
        }
        if from != way {
            continue;
        }
        if is_slow {
            sleep(SLOW_PAUSE).await;
        }
        match carried.meets(length, &faults) {
            None => {}
            Some(Fault::Slow) => is_slow = true,
            Some(Fault::Cut) => return,
            Some(Fault::Reset) => {
                client.set_zero_linger().unwrap();
                server.set_zero_linger().unwrap();
                return;
            }
            Some(Fault::Stall) => return sleep(FOR_EVER).await,
            Some(Fault::HalfOpen) => {
                drop(if way == Way::Down { server } else { client });
                return sleep(FOR_EVER).await;
            }
        }
    }
}

/// What a connection has carried.
#[derive(Debug, Default)]
struct Carried {
    bytes: usize,
    expected: usize,
}

impl Carried {
    /// The fault that meets the connection when it has carried `more`.
    fn meets(&mut self, more: usize, faults: &Faults) -> Option<Fault> {
        let mut awaited = faults.lock().unwrap();
        if self.expected != awaited.expected {
            self.expected = awaited.expected;
            self.bytes = 0;
        }
        self.bytes += more;
        let is_met = awaited
            .faults
            .first()
            .is_some_and(|(_, after)| self.bytes >= *after);
        is_met.then(|| awaited.faults.remove(0).0)
    }
}
