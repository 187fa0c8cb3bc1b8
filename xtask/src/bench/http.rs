//! As much of HTTP/1.1 as measuring needs: a client that costs little, so that what is measured is the server.

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};

/// What is read at a time: small enough to stay in the processor's cache.
const READ_BYTES: usize = 256 * 1024;
/// Longer than anything that is measured takes to answer.
const LONGEST_SILENCE: Duration = Duration::from_mins(3);

/// A connection that is kept.
#[derive(Debug)]
pub(super) struct Connection {
    reader: BufReader<TcpStream>,
    host: String,
    space: Vec<u8>,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) headers: &'a [(&'a str, &'a str)],
    pub(super) body: Body<'a>,
}

/// What a request carries.
#[derive(Debug, Clone, Copy)]
pub(super) enum Body<'a> {
    Empty,
    Text(&'a str),
    /// All of a file, which the kernel moves without us.
    File(&'a File),
}

/// The beginning of an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
}

impl<'a> Request<'a> {
    pub(super) const fn get(path: &'a str, headers: &'a [(&'a str, &'a str)]) -> Self {
        Self {
            method: "GET",
            path,
            headers,
            body: Body::Empty,
        }
    }
}

impl Head {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All headers of that name.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let of_that_name = self
            .headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name));
        of_that_name.map(|(_, value)| value.as_str())
    }

    /// Fails with the status where it is another one.
    pub(super) fn expect(self, status: u16) -> Result<Self> {
        ensure!(
            self.status == status,
            "the answer is {}, not {status}",
            self.status
        );
        Ok(self)
    }
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LONGEST_SILENCE))?;
        stream.set_write_timeout(Some(LONGEST_SILENCE))?;
        Ok(Self {
            reader: BufReader::new(stream),
            // Servers may answer to names only, and this one means every machine to itself.
            host: format!("localhost:{}", address.port()),
            space: vec![0; READ_BYTES],
        })
    }

    /// Sends a request and reads the head of its answer. The body must be read, too, before the next one.
    pub(super) fn ask(&mut self, request: Request<'_>) -> Result<Head> {
        let Request {
            method,
            path,
            headers,
            body,
        } = request;
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n", self.host);
        for (name, value) in headers {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        let length = match body {
            Body::Empty => 0,
            Body::Text(text) => text.len() as u64,
            Body::File(file) => file.metadata().context("cannot look at a file")?.len(),
        };
        if length > 0 || method != "GET" {
            let _ = write!(text, "Content-Length: {length}\r\n");
        }
        text += "\r\n";
        let stream = self.reader.get_mut();
        stream
            .write_all(text.as_bytes())
            .context("cannot send a request")?;
        match body {
            Body::Empty => {}
            Body::Text(text) => stream
                .write_all(text.as_bytes())
                .context("cannot send a request")?,
            Body::File(mut file) => {
                let sent = io::copy(&mut file, stream).context("cannot send a file")?;
                ensure!(sent == length, "a file changed while it was sent");
            }
        }
        read_head(&mut self.reader)
    }

    /// Reads the body to its end and gives its length.
    pub(super) fn pass_over(&mut self, head: &Head) -> Result<u64> {
        if head.status == 204 {
            return Ok(0);
        }
        if let Some(length) = head.header("content-length") {
            let length = length.parse().context("an unreadable Content-Length")?;
            self.pass_over_bytes(length)?;
            return Ok(length);
        }
        ensure!(
            head.header("transfer-encoding") == Some("chunked"),
            "an answer without a length"
        );
        let mut total = 0;
        loop {
            let length = chunk_length(&read_line(&mut self.reader)?)?;
            // The end of the line behind each chunk, and the last line behind the last one.
            self.pass_over_bytes(length + 2)?;
            total += length;
            if length == 0 {
                return Ok(total);
            }
        }
    }

    /// Reads a short body whose length is known.
    pub(super) fn text(&mut self, head: &Head) -> Result<String> {
        let length: usize = head
            .header("content-length")
            .and_then(|length| length.parse().ok())
            .context("an answer without a length")?;
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).context("an answer broke off")?;
        String::from_utf8(body).context("an answer is no text")
    }

    /// What has come already and is waited for without blocking; 0 where nothing has.
    pub(super) fn read_some(&mut self) -> Result<usize> {
        match self.reader.read(&mut self.space) {
            Ok(0) => bail!("the server hung up"),
            Ok(count) => Ok(count),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            Err(error) => Err(error).context("an answer broke off"),
        }
    }

    /// From now on nothing is waited for.
    pub(super) fn never_wait(&self) -> Result<()> {
        Ok(self.reader.get_ref().set_nonblocking(true)?)
    }

    fn pass_over_bytes(&mut self, mut length: u64) -> Result<()> {
        while length > 0 {
            let most = usize::try_from(length).map_or(READ_BYTES, |length| length.min(READ_BYTES));
            match self.reader.read(&mut self.space[..most]) {
                Ok(0) => bail!("an answer broke off {length} bytes before its end"),
                Ok(count) => length -= count as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("an answer broke off"),
            }
        }
        Ok(())
    }
}

fn read_head(reader: &mut impl io::BufRead) -> Result<Head> {
    loop {
        let line = read_line(reader)?;
        let status = line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3))
            .and_then(|status| status.parse().ok())
            .with_context(|| format!("this is no HTTP: {line:?}"))?;
        let mut headers = Vec::new();
        loop {
            let line = read_line(reader)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line
                .split_once(':')
                .with_context(|| format!("an unreadable header: {line:?}"))?;
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        // 100 Continue and its like come before the answer.
        if status >= 200 {
            return Ok(Head { status, headers });
        }
    }
}

fn read_line(reader: &mut impl io::BufRead) -> Result<String> {
    let mut line = String::new();
    reader.read_line(&mut line).context("an answer broke off")?;
    let line = line.strip_suffix("\r\n").context("an answer broke off")?;
    Ok(line.to_owned())
}

fn chunk_length(line: &str) -> Result<u64> {
    let digits = line.split(';').next().unwrap_or_default().trim();
    u64::from_str_radix(digits, 16).with_context(|| format!("an unreadable chunk: {line:?}"))
}

#[cfg(test)]
mod tests {
    use std::{
        net::{Shutdown, TcpListener},
        thread,
    };

    use super::*;

    #[test]
    fn heads_are_read_and_interim_ones_passed_over() {
        let mut text =
            &b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nLocation: /a:b\r\nX:  y \r\nx: z\r\n\r\nrest"[..];
        let head = read_head(&mut text).expect("it is HTTP");
        assert_eq!(head.status, 201);
        assert_eq!(head.header("location"), Some("/a:b"));
        assert_eq!(head.header("x"), Some("y"));
        assert_eq!(head.all("X").collect::<Vec<_>>(), ["y", "z"]);
        assert_eq!(text, b"rest");
        for bad in [
            "",
            "what\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\nA: b",
        ] {
            assert!(read_head(&mut bad.as_bytes()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn chunks_have_hexadecimal_lengths() {
        assert_eq!(chunk_length("1a").expect("readable"), 26);
        assert_eq!(chunk_length("0;last").expect("readable"), 0);
        assert!(chunk_length("").is_err());
    }

    #[test]
    fn bodies_are_read_to_their_end_and_the_connection_is_kept() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("we connect");
            stream
                .write_all(
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n\
                      HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour\
                      HTTP/1.1 204 No Content\r\n\r\n\
                      HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
                )
                .expect("we read");
            stream.shutdown(Shutdown::Write).expect("we read");
            let mut asked = String::new();
            stream.read_to_string(&mut asked).expect("we ask");
            asked
        });
        let mut connection = Connection::open(address).expect("it listens");
        let mut ask = |path| {
            let head = connection.ask(Request::get(path, &[("A", "b")]))?;
            connection.pass_over(&head)
        };
        assert_eq!(ask("/chunked").expect("answered"), 5);
        assert_eq!(ask("/length").expect("answered"), 4);
        assert_eq!(ask("/nothing").expect("answered"), 0);
        assert!(ask("/short").is_err(), "what breaks off is no answer");
        drop(connection);
        let asked = server.join().expect("it serves");
        assert!(
            asked.starts_with("GET /chunked HTTP/1.1\r\nHost: localhost:"),
            "{asked}"
        );
        assert!(asked.contains("\r\nA: b\r\n\r\n"), "{asked}");
    }
}
