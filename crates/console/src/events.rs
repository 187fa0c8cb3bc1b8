//! What happens in all environments that somebody may see, as one stream.

use std::{pin::Pin, time::Duration};

use backup_api::{Action, Actor, EnvironmentId, Event, EventId};
use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    future::join_all,
    stream::{self, select_all},
};
use tower_sessions::Session;

use crate::{Console, ConsoleError};

const LOOKED_AT_EVERY: Duration = Duration::from_secs(2);

/// Events, each with the environment it belongs to.
pub type ConsoleEvents = Pin<Box<dyn Stream<Item = (EnvironmentId, Event)> + Send>>;

impl Console {
    /// What happens from now on wherever the actor may look. The stream ends as soon as that of one environment does:
    /// whoever listens comes back, and learns how everything stands. A service that cannot tell is left out.
    pub async fn events(&self, actor: &Actor, after: Option<EventId>) -> Result<ConsoleEvents, ConsoleError> {
        let access = self.access(actor).await?;
        let access = &access;
        let environments = self.projects().iter().flat_map(|project| &project.environments);
        let streams = environments.map(async |environment| {
            let (_, service) = self.enter_with(access, &environment.id, Action::View).ok()?;
            let id = environment.id.clone();
            let events = service.events(actor, after).await.ok()?;
            let events = events.map(move |event| Some((id.clone(), event)));
            Some(events.chain(stream::once(async { None })).boxed())
        });
        let mut streams: Vec<_> = join_all(streams).await.into_iter().flatten().collect();
        // What is there already was missed, in one environment and the other. It goes out as it happened, because the
        // last id that a listener has is where it goes on.
        let mut missed = Vec::new();
        for stream in &mut streams {
            while let Some(event) = stream.next().now_or_never().flatten() {
                missed.push(event);
            }
        }
        missed.sort_by_key(|event| happened(event.as_ref()));
        // With one that never ends: where no service tells anything, silence is the answer.
        let silence = stream::pending().boxed();
        let events = stream::iter(missed).chain(select_all(streams.into_iter().chain([silence])));
        Ok(Box::pin(
            events
                .take_while(|event| std::future::ready(event.is_some()))
                .filter_map(std::future::ready),
        ))
    }

    /// Comes back when a stream that was opened for somebody must end: their session is over, they were disabled, or what
    /// they may has changed. It looks every two seconds, because another process may have done that.
    pub async fn until_access_changes(&self, actor: &Actor, session: &Session) {
        let before = self.access(actor).await.ok();
        loop {
            tokio::time::sleep(LOOKED_AT_EVERY).await;
            let unchanged = async {
                Ok::<_, ConsoleError>(
                    self.is_signed_in(session).await? && Some(self.access(actor).await?) == before,
                )
            };
            match unchanged.await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(
                        error,
                        "it could not be looked at whether somebody may still listen"
                    );
                    return;
                }
            }
        }
    }
}

/// Where among others an event belongs; the end of a stream comes last. What has no id is no news and can wait.
fn happened(event: Option<&(EnvironmentId, Event)>) -> (bool, u64, u64) {
    let id = match event {
        Some((_, Event::Snapshot { id, .. } | Event::Operation { id, .. } | Event::Catalogue { id, .. })) => {
            *id
        }
        Some((_, _)) => return (false, u64::MAX, u64::MAX),
        None => return (true, 0, 0),
    };
    (false, id.process, id.number)
}
