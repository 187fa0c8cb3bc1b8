//! What happens in all environments that somebody may see, as one stream.

use std::{pin::Pin, time::Duration};

use backup_api::{Action, Actor, EnvironmentId, Event, EventId};
use futures_util::{
    Stream, StreamExt as _,
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
        let streams = join_all(streams).await;
        // With one that never ends: where no service tells anything, silence is the answer.
        let silence = stream::pending().boxed();
        let events = select_all(streams.into_iter().flatten().chain([silence]));
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
