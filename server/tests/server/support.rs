//! Starts the binary with a data folder of its own and speaks plain HTTP to it.

use std::{
    fmt, fs,
    io::{self, BufRead, BufReader, ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio},
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use database::{Database, sqlx};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const PASSWORD: &str = "seven sleepy lanterns hum";
pub(crate) const EMAIL: &str = "joe@lfrjoebloggs.example";

/// A folder with a data folder, and the commands run on it.
pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// The binary, run in the folder; with `data` as its data folder where the command takes one.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_backups-console"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("LEPTOS_SITE_ROOT", self.path("site"));
        command
    }

    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    pub(crate) fn serve_demo(&self) -> Server {
        self.serve(&["--demo"])
    }

    pub(crate) fn serve(&self, arguments: &[&str]) -> Server {
        let mut all = vec!["serve", "--data", "data", "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        Server::start(self.command(&all))
    }

    /// Services alone, as the file says, with a data folder of their own beside that of a console.
    pub(crate) fn serve_alone(&self, file: &str) -> Server {
        self.serve_alone_at(file, 0)
    }

    /// The same on the port of one that ran before.
    pub(crate) fn serve_alone_at(&self, file: &str, port: u16) -> Server {
        let listen = format!("127.0.0.1:{port}");
        let mut server = Server::start(self.command(&[
            "service", "--config", file, "--data", "services", "--listen", &listen,
        ]));
        if port != 0 {
            server.port = port;
        }
        server
    }

    /// A file that only its owner may read.
    pub(crate) fn write_secret(&self, name: &str, secret: &str) {
        let file = self.write(name, secret);
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// A person and a token of theirs.
    pub(crate) fn token(&self) -> String {
        self.person(EMAIL)
    }

    /// Another token of the same person.
    pub(crate) fn another_token(&self) -> String {
        self.token_of(EMAIL)
    }

    /// Another person, with the same password, and a token of theirs.
    pub(crate) fn person(&self, email: &str) -> String {
        let created = self.run(
            &["create-admin", "--email", email, "--data", "data"],
            &format!("{PASSWORD}\n"),
        );
        assert!(created.status.success(), "{created:?}");
        self.token_of(email)
    }

    /// Makes an owner of everything, as all people here are at first, somebody with one role.
    pub(crate) fn give_role(&self, email: &str, role: &str, project: &str, environment: &str) {
        self.execute(&format!(
            "UPDATE roles SET role = '{role}', project = '{project}', environment = '{environment}' \
             WHERE person_id = (SELECT id FROM people WHERE email = '{email}')"
        ));
    }

    /// Changes the database beside the server, as no page does.
    pub(crate) fn execute(&self, statement: &str) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let database = Database::open(&self.path("data/backups.sqlite")).await.unwrap();
            let mut transaction = database.begin().await.unwrap();
            sqlx::query(sqlx::AssertSqlSafe(statement))
                .execute(&mut *transaction)
                .await
                .unwrap();
            transaction.commit().await.unwrap();
            database.close().await;
        });
    }

    fn token_of(&self, email: &str) -> String {
        let token = self.run(&["create-token", "--email", email, "--data", "data"], "");
        assert!(token.status.success(), "{token:?}");
        String::from_utf8(token.stdout).unwrap().trim().to_owned()
    }
}

/// A running server; it is killed at the end of the test, if it still runs.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
    /// Shared by threads of a test along with the rest.
    lines: Mutex<mpsc::Receiver<String>>,
    before: Vec<String>,
    log: Option<thread::JoinHandle<String>>,
}

impl Server {
    pub(crate) fn start(command: Command) -> Self {
        Self::try_start(command).unwrap_or_else(|(status, log)| panic!("no start, {status}: {log}"))
    }

    /// The same where it may end before it has started: how, and what it logged.
    pub(crate) fn try_start(mut command: Command) -> Result<Self, (ExitStatus, String)> {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Mutex::new(lines_of(child.stdout.take().unwrap()));
        let mut stderr = child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            text
        });
        let mut server = Self {
            child,
            port: 0,
            lines,
            before: Vec::new(),
            log: Some(log),
        };
        // The address comes last: whoever waits for it knows everything else by then.
        loop {
            let Ok(line) = server.lines.get_mut().unwrap().recv_timeout(PATIENCE) else {
                return Err(server.end());
            };
            let address = ["The console is at ", "The backup services are at "]
                .into_iter()
                .find_map(|start| line.strip_prefix(start));
            match address {
                Some(address) => {
                    if let Some(rest) = address.strip_prefix("http://localhost:") {
                        let port = rest.split('/').next().unwrap();
                        server.port = port.parse().unwrap();
                    }
                    return Ok(server);
                }
                None => server.before.push(line),
            }
        }
    }

    /// A server behind an https address says that one; it listens on `port`.
    pub(crate) fn start_on(port: u16, command: Command) -> Self {
        let mut server = Self::start(command);
        server.port = port;
        server
    }

    /// The link for the first administrator, where one was printed.
    pub(crate) fn setup_link(&self) -> Option<&str> {
        self.before
            .iter()
            .find_map(|line| line.strip_prefix("Create the first administrator: "))
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args(["-s", name, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
    }

    /// The command line as everybody on this machine can read it.
    pub(crate) fn arguments(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut file = fs::File::open(format!("/proc/{}/cmdline", self.child.id())).unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// The most memory it has had so far, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .unwrap();
        let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kilobytes * 1024
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        self.wait(PATIENCE);
    }

    /// Waits until the process has ended.
    pub(crate) fn wait(&mut self, patience: Duration) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                begin.elapsed() < patience,
                "the process still runs after {patience:?}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks it to stop and returns how it ended and everything it logged.
    pub(crate) fn stop(mut self) -> (ExitStatus, String) {
        self.signal("TERM");
        self.wait(PATIENCE);
        self.end()
    }

    /// Ends it, if it still runs, and returns how it ended and everything it logged.
    pub(crate) fn end(&mut self) -> (ExitStatus, String) {
        let _ = self.child.kill();
        let status = self.child.wait().unwrap();
        (
            status,
            self.log.take().map(|log| log.join().unwrap()).unwrap_or_default(),
        )
    }

    pub(crate) fn connect(&self) -> TcpStream {
        self.try_connect().unwrap()
    }

    fn try_connect(&self) -> io::Result<TcpStream> {
        connect_to(self.port)
    }

    /// One request on a connection of its own. `Host` is `localhost` unless a header says otherwise.
    pub(crate) fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let answer = self.try_request(method, path, headers, body);
        answer.unwrap().expect("an answer with a head")
    }

    /// The same over another port, such as that of a proxy in front.
    pub(crate) fn request_at(
        &self,
        port: u16,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let answer = self.try_request_at(port, method, path, headers, body);
        answer.unwrap().expect("an answer with a head")
    }

    /// The same where the connection may end before the answer.
    pub(crate) fn try_request_at(
        &self,
        port: u16,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Option<Answer>> {
        self.ask(connect_to(port)?, method, path, headers, body)
    }

    /// The same where the server may end meanwhile; `None` if it did before it answered.
    pub(crate) fn try_request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Option<Answer>> {
        self.ask(self.try_connect()?, method, path, headers, body)
    }

    fn ask(
        &self,
        mut stream: TcpStream,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Option<Answer>> {
        let own_host = format!("localhost:{}", self.port);
        let length = body.len().to_string();
        let mut head = vec![("Connection", "close")];
        if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            head.push(("Host", &own_host));
        }
        if !body.is_empty() || ["POST", "PATCH"].contains(&method) {
            head.push(("Content-Length", &length));
        }
        let lines = head
            .iter()
            .chain(headers)
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = format!("{method} {path} HTTP/1.1\r\n{}", lines.collect::<String>());
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        // A server that refuses early stops reading; its answer is there all the same.
        let _ = stream.write_all(body);
        Ok(Answer::try_read(stream))
    }

    /// A form of one of our own pages, as a browser without scripts sends it.
    pub(crate) fn post_form(&self, path: &str, cookie: &str, fields: &str) -> Answer {
        let headers = [
            ("Sec-Fetch-Site", "same-origin"),
            ("Accept", "text/html,application/xhtml+xml"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Cookie", cookie),
        ];
        self.request("POST", path, &headers, fields.as_bytes())
    }

    pub(crate) fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.request("GET", path, headers, b"")
    }

    /// The cookie of somebody who has just made themselves the first administrator.
    pub(crate) fn set_up(&self) -> String {
        let link = self.setup_link().expect("the link for the first administrator");
        let token = link.split("token=").nth(1).unwrap();
        let password = PASSWORD.replace(' ', "+");
        let fields = format!("token={token}&email={EMAIL}&password={password}");
        self.post_form("/api/set-up", "a=b", &fields).cookie()
    }

    /// The cookie of the person [`Place::token`] made.
    pub(crate) fn sign_in(&self) -> String {
        self.sign_in_as(EMAIL)
    }

    /// The cookie of somebody.
    pub(crate) fn sign_in_as(&self, email: &str) -> String {
        let password = PASSWORD.replace(' ', "+");
        let fields = format!("email={email}&password={password}");
        self.post_form("/api/sign-in", "a=b", &fields).cookie()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let log = self.end().1;
        if thread::panicking() {
            eprintln!("{log}");
        }
    }
}

pub(crate) fn connect_to(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn lines_of(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// An answer, read to the end of its connection.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Where a page asks for a built file.
    pub(crate) fn built_file(&self, name: &str) -> String {
        let page = self.text();
        let paths = page.split(['"', '\'']).filter(|text| text.starts_with("/pkg/"));
        let mut named = paths.filter(|path| path.rsplit('/').next() == Some(name));
        let path = named.next().unwrap_or_else(|| panic!("{name} is not asked for"));
        path.to_owned()
    }

    pub(crate) fn read(stream: impl Read) -> Self {
        Self::try_read(stream).expect("an answer with a head")
    }

    /// The head, and the body where its length is told: for answers that do not end.
    pub(crate) fn read_head(mut stream: TcpStream) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Self {
            status,
            head,
            body: Vec::new(),
        };
        if let Some(length) = answer.header("content-length") {
            answer.body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut answer.body).unwrap();
        }
        answer
    }

    fn try_read(mut stream: impl Read) -> Option<Self> {
        let mut bytes = Vec::new();
        if let Err(error) = stream.read_to_end(&mut bytes) {
            assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
        }
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let body = bytes.split_off(end + 4);
        let head = String::from_utf8(bytes).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Self { status, head, body };
        if answer.header("transfer-encoding").as_deref() == Some("chunked") {
            answer.body = unchunked(&answer.body);
        }
        Some(answer)
    }

    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values = self.head.lines().filter_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        });
        values.reduce(|all, value| format!("{all}, {value}"))
    }

    /// The session's cookie that came along, as it is sent back.
    pub(crate) fn cookie(&self) -> String {
        let cookie = self
            .set_cookie("__Host-backups")
            .unwrap_or_else(|| panic!("{self:?}"));
        cookie.split(';').next().unwrap().to_owned()
    }

    /// What the answer does with a cookie: its value and attributes.
    pub(crate) fn set_cookie(&self, name: &str) -> Option<String> {
        let start = format!("{name}=");
        let cookies = self.head.lines().filter_map(|line| {
            let (found, value) = line.split_once(':')?;
            found
                .eq_ignore_ascii_case("set-cookie")
                .then(|| value.trim().to_owned())
        });
        cookies.into_iter().find(|cookie| cookie.starts_with(&start))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.head, String::from_utf8_lossy(&self.body))
    }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = bytes
            .windows(2)
            .position(|window| window == b"\r\n")
            .expect("the size of a chunk");
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&bytes[line + 2..line + 2 + size]);
        bytes = &bytes[line + size + 4..];
    }
}

/// A form with both archives, as browsers and curl send it, and its content type.
pub(crate) fn form(database: &[u8], volume: &[u8]) -> (Vec<u8>, &'static str) {
    let mut body = Vec::new();
    for (name, file, bytes) in [
        ("database", "database.gz", database),
        ("volume", "volume.tgz", volume),
    ] {
        body.extend_from_slice(
            format!(
                "--frontier\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file}\"\r\n\
                 Content-Type: application/gzip\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--frontier--\r\n");
    (body, "multipart/form-data; boundary=frontier")
}

/// How many connections to a port of this machine its process still keeps.
pub(crate) fn connections_at(port: u16) -> usize {
    let local = format!(":{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let lines = table.lines().skip(1);
    lines
        .filter(|line| {
            let mut columns = line.split_ascii_whitespace().skip(1);
            let (address, state) = (columns.next().unwrap(), columns.nth(1).unwrap());
            // Established, or closed by the other side only.
            address.ends_with(&local) && ["01", "08"].contains(&state)
        })
        .count()
}

/// A port that nobody listens on just now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}
