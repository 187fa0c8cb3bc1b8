//! What happens in all environments that somebody may see, as one stream.

use std::pin::Pin;

use backup_api::{Action, Actor, EnvironmentId, Event, EventId};
use futures_util::{
    Stream, StreamExt as _,
    future::join_all,
    stream::{self, select_all},
};

use crate::Console;

/// Events, each with the environment it belongs to.
pub type ConsoleEvents = Pin<Box<dyn Stream<Item = (EnvironmentId, Event)> + Send>>;

impl Console {
    /// What happens from now on wherever the actor may look. The stream ends as soon as that of one environment does:
    /// whoever listens comes back, and learns how everything stands. A service that cannot tell is left out.
    pub async fn events(&self, actor: &Actor, after: Option<EventId>) -> ConsoleEvents {
        let environments = self.projects().iter().flat_map(|project| &project.environments);
        let streams = environments.map(async |environment| {
            let service = self.service_for(actor, &environment.id, Action::View).ok()?;
            let id = environment.id.clone();
            let events = service.events(actor, after).await.ok()?;
            let events = events.map(move |event| Some((id.clone(), event)));
            Some(events.chain(stream::once(async { None })).boxed())
        });
        let streams = join_all(streams).await;
        // With one that never ends: where no service tells anything, silence is the answer.
        let silence = stream::pending().boxed();
        let events = select_all(streams.into_iter().flatten().chain([silence]));
        Box::pin(
            events
                .take_while(|event| std::future::ready(event.is_some()))
                .filter_map(std::future::ready),
        )
    }
}
