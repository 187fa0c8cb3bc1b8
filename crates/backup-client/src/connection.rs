//! Requests to one service: credentials, timeouts, repetition, and what an answer has to look like.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use backup_api::{
    Actor, ApiError, EnvironmentId, PROBLEM_CONTENT_TYPE, Problem, ProblemCode,
    routes::{ON_BEHALF_OF, TOKEN_HEADER},
};
use http::{
    HeaderMap, Method, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{
    RequestBuilder, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;

use crate::{
    ClientError, Credentials, ServiceSettings,
    error::Asker,
    refusal::{Failure, Subject, failure},
};

/// Pauses before what may be repeated is repeated.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];
/// The most bytes a JSON answer may have: a list of some 50,000 backups.
const LARGEST_JSON: usize = 64 * 1024 * 1024;
/// Connections that nobody uses are kept open this long; shorter than servers usually do.
const IDLE: Duration = Duration::from_secs(20);
/// The domain whose names all mean this machine (RFC 6761); resolvers of operating systems do not know them.
pub(crate) const LOOPBACK_DOMAIN: &str = ".localhost";

/// What became of a request: an answer that is a success, one that is none, or no answer.
pub(crate) type Answer = Result<Result<Response, Refused>, ClientError>;

/// An answer that is no success.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    /// What it explains itself with.
    pub(crate) problem: Option<Problem>,
}

/// The way to one service; clones share its connections.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    /// For calls whose answers begin soon.
    asking: reqwest::Client,
    /// For calls with a long body; whoever sends it watches it.
    patient: reqwest::Client,
    /// For archives on their way here.
    receiving: reqwest::Client,
    settings: Arc<ServiceSettings>,
    asker: Asker,
}

impl Connection {
    pub(crate) fn new(settings: ServiceSettings) -> Result<Self, ClientError> {
        // Somebody else in the process may have chosen one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = || {
            let client = reqwest::Client::builder()
                .redirect(Policy::none())
                .dns_resolver(Arc::new(Resolver))
                .connect_timeout(settings.connect_timeout)
                .pool_idle_timeout(IDLE)
                .tcp_nodelay(true);
            // The system takes megabytes ahead. Whoever watches a body takes those for sent and waits for the answer to
            // a long work: that nobody took them, only the system sees.
            #[cfg(target_os = "linux")]
            let client = client.tcp_user_timeout(settings.read_timeout);
            client
        };
        let build = |builder: reqwest::ClientBuilder| builder.build().map_err(ClientError::Unreachable);
        Ok(Self {
            asking: build(client().read_timeout(settings.read_timeout))?,
            patient: build(client())?,
            receiving: build(client().pool_max_idle_per_host(0))?,
            settings: Arc::new(settings),
            asker: Asker::Console,
        })
    }

    /// The same way, for somebody who asks for themselves.
    pub(crate) fn of_a_person(self) -> Self {
        Self {
            asker: Asker::Person,
            ..self
        }
    }

    pub(crate) fn settings(&self) -> &ServiceSettings {
        &self.settings
    }

    pub(crate) fn environment(&self) -> &EnvironmentId {
        &self.settings.environment
    }

    /// A call whose answer begins soon.
    pub(crate) fn ask(&self, method: Method, path: &str, actor: &Actor) -> RequestBuilder {
        self.authorised(&self.asking, method, path, actor)
    }

    /// A call with a long body.
    pub(crate) fn send_to(&self, method: Method, path: &str, actor: &Actor) -> RequestBuilder {
        self.authorised(&self.patient, method, path, actor)
    }

    /// A call whose answer is an archive. It has a connection of its own, which lives where the answer is read: one that
    /// another thread had opened would have each piece go from thread to thread.
    pub(crate) fn receive(&self, method: Method, path: &str, actor: &Actor) -> RequestBuilder {
        self.authorised(&self.receiving, method, path, actor)
    }

    fn authorised(
        &self,
        client: &reqwest::Client,
        method: Method,
        path: &str,
        actor: &Actor,
    ) -> RequestBuilder {
        let request = client.request(method, self.settings.address.join(path));
        let request = match &self.settings.credentials {
            Credentials::Basic { user, password } => request.basic_auth(user, Some(password.expose_secret())),
            Credentials::UserToken(token) => {
                let request = request.header(TOKEN_HEADER, format!("Bearer {}", token.expose_secret()));
                match self.asker {
                    // Which of the two a service reads depends on its age, and a person cannot know that.
                    Asker::Person => request.bearer_auth(token.expose_secret()),
                    // In a configuration it is said.
                    Asker::Console => request,
                }
            }
            Credentials::MasterToken(token) => request.bearer_auth(token.expose_secret()),
        };
        if self.asker == Asker::Person {
            return request;
        }
        // Services of ours record it; it gives nobody a right.
        request.header(
            ON_BEHALF_OF,
            utf8_percent_encode(&actor.name, NON_ALPHANUMERIC).to_string(),
        )
    }

    /// Sends a request once.
    pub(crate) async fn answer(request: RequestBuilder) -> Answer {
        let response = request.send().await.map_err(ClientError::from_request)?;
        opened(response).await
    }

    /// Sends a request that may be sent twice, again where that may help. Its body, if any, can be sent again.
    pub(crate) async fn repeatedly(request: RequestBuilder) -> Answer {
        for pause in PAUSES {
            let Some(again) = request.try_clone() else { break };
            match Self::answer(again).await {
                Err(error) if error.is_retryable() => {
                    tracing::debug!(%error, "a call to a backup service will be repeated");
                    tokio::time::sleep(pause).await;
                }
                other => return other,
            }
        }
        Self::answer(request).await
    }

    /// The same as [`Self::answer`], with a failure for what is no success.
    pub(crate) async fn once(request: RequestBuilder, subject: Subject<'_>) -> Result<Response, Failure> {
        judged(Self::answer(request).await, subject)
    }

    /// The same as [`Self::repeatedly`], with a failure for what is no success.
    pub(crate) async fn repeated(request: RequestBuilder, subject: Subject<'_>) -> Result<Response, Failure> {
        judged(Self::repeatedly(request).await, subject)
    }

    /// Sends a request of [`Self::receive`] that may be sent twice and has no body: its answer has to begin soon, and may
    /// go on as long as it likes.
    pub(crate) async fn begun(&self, request: RequestBuilder) -> Answer {
        let answer = tokio::time::timeout(self.settings.read_timeout, Self::repeatedly(request)).await;
        answer.unwrap_or_else(|elapsed| Err(ClientError::Silent(Box::new(elapsed))))
    }

    /// Asks for JSON.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        actor: &Actor,
        subject: Subject<'_>,
    ) -> Result<T, Failure> {
        let response = Self::repeated(self.ask(Method::GET, path, actor), subject).await?;
        Ok(json(response).await?)
    }

    /// Gives failures to callers of the contract.
    pub(crate) fn error(&self, failure: Failure) -> ApiError {
        match failure {
            Failure::Refused(error) => error,
            Failure::Client(error) => error.into_api_error(self.environment(), self.asker),
        }
    }
}

fn judged(answer: Answer, subject: Subject<'_>) -> Result<Response, Failure> {
    answer?.map_err(|Refused { status, problem, .. }| failure(status, problem, subject))
}

async fn opened(response: Response) -> Answer {
    let status = response.status();
    if status.is_success() {
        return Ok(Ok(response));
    }
    if status.is_redirection() {
        let sentence = format!("with {status}; it may have another address");
        return Err(ClientError::Unexpected(sentence));
    }
    let headers = response.headers().clone();
    let problem = if is_kind(&headers, &[PROBLEM_CONTENT_TYPE]) {
        let body = collected(response).await?;
        serde_json::from_slice::<Problem>(&body).ok()
    } else {
        None
    };
    let problem = problem.map(|problem| Problem {
        retry_after: retry_after(&headers),
        ..problem
    });
    Ok(Err(Refused {
        status,
        headers,
        problem,
    }))
}

fn retry_after(headers: &HeaderMap) -> Option<u32> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

/// The JSON that an answer carries.
pub(crate) async fn json<T: DeserializeOwned>(response: Response) -> Result<T, ClientError> {
    if !is_kind(response.headers(), &["application/json"]) {
        return Err(ClientError::Unexpected(other_kind(response.headers())));
    }
    let body = collected(response).await?;
    serde_json::from_slice(&body)
        .map_err(|error| ClientError::Unexpected(format!("in a form that is not known here: {error}")))
}

/// The text that an answer carries.
async fn plain_text(response: Response) -> Result<String, ClientError> {
    if !is_kind(response.headers(), &["text/plain"]) {
        return Err(ClientError::Unexpected(other_kind(response.headers())));
    }
    let body = collected(response).await?;
    String::from_utf8(body).map_err(|_| ClientError::Unexpected("with text that is no UTF-8".to_owned()))
}

/// The text that was asked for; `None` where the other end says that there is none.
pub(crate) async fn text_if_any(answer: Answer) -> Result<Result<Option<String>, Refused>, ClientError> {
    match answer? {
        Ok(response) => Ok(Ok(Some(plain_text(response).await?))),
        Err(refused) => match &refused.problem {
            Some(problem) if problem.code == ProblemCode::NotFound => Ok(Ok(None)),
            _ => Ok(Err(refused)),
        },
    }
}

/// All of an answer's body, if it is not too long.
async fn collected(mut response: Response) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(ClientError::from_request)? {
        if body.len() + chunk.len() > LARGEST_JSON {
            let sentence = format!("with more than {LARGEST_JSON} bytes");
            return Err(ClientError::Unexpected(sentence));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Whether an answer is of one of these kinds, whatever its parameters.
pub(crate) fn is_kind(headers: &HeaderMap, kinds: &[&str]) -> bool {
    kind(headers).is_some_and(|kind| kinds.iter().any(|wanted| kind.eq_ignore_ascii_case(wanted)))
}

/// What came instead of what was expected.
pub(crate) fn other_kind(headers: &HeaderMap) -> String {
    match kind(headers) {
        Some(kind) if kind.eq_ignore_ascii_case("text/html") => "with a web page".to_owned(),
        Some(kind) => format!("with {kind:?}"),
        None => "without saying what it sent".to_owned(),
    }
}

fn kind(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

/// The machine's resolver, which is not asked for names that mean this machine.
#[derive(Debug)]
struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str();
            let host = if name.ends_with(LOOPBACK_DOMAIN) {
                "localhost"
            } else {
                name
            };
            // The port is the request's.
            let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
