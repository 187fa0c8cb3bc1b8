//! One connection for everybody who listens to a service: without it, each open page would hold one of the service's.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use backup_api::{Actor, Event, EventId, EventStream, Operation};
use futures_util::{StreamExt as _, stream};
use tokio::{
    sync::{broadcast, oneshot},
    time::{MissedTickBehavior, interval},
};

use super::listener::Listener;
use crate::{connection::Connection, refusal::Failure};

/// Events that are kept for whoever comes back; as many as services keep.
const REMEMBERED: usize = 512;
/// Events that a slow listener may be behind before its stream ends.
const WAITING: usize = 256;
/// It is looked this often whether anybody listens. Pages that are hidden for a while come back and go on.
const LOOKED_AT_EVERY: Duration = Duration::from_mins(2);

/// What a service tells, for everybody.
#[derive(Clone)]
pub(super) struct Hub {
    told: Arc<Mutex<Told>>,
    news: broadcast::Sender<Event>,
}

/// What was told so far.
#[derive(Default)]
struct Told {
    /// The snapshot that the remembered events follow.
    begin: Option<EventId>,
    last: Option<EventId>,
    /// What holds the environment.
    operation: Option<Box<Operation>>,
    recent: VecDeque<Event>,
    is_connected: bool,
    /// Nobody listened for a while, or the service refused.
    is_over: bool,
}

impl Told {
    fn note(&mut self, event: &Event) {
        match event {
            Event::Snapshot { id, operation } => {
                self.begin = Some(*id);
                self.operation.clone_from(operation);
                self.recent.clear();
            }
            Event::Operation { operation, .. } | Event::Progress { operation } => {
                self.operation = Some(operation.clone()).filter(|operation| !operation.state.is_final());
            }
            _ => {}
        }
        self.last = event.id().or(self.last);
        if event.id().is_some() && event.id() != self.begin {
            if self.recent.len() == REMEMBERED {
                self.begin = self.recent.pop_front().and_then(|event| event.id());
            }
            self.recent.push_back(event.clone());
        }
    }

    /// How it stands, as a stream begins; `None` before anything is known.
    fn snapshot(&self) -> Option<Event> {
        let operation = self.operation.clone();
        self.last.map(|id| Event::Snapshot { id, operation })
    }

    /// What whoever got `after` last has missed, or how it stands. The last event of a page may be one of another
    /// environment of the same service, whose process numbers all of them.
    fn missed(&self, after: Option<EventId>) -> Vec<Event> {
        let is_known = |after: &EventId| {
            self.begin
                .is_some_and(|begin| begin.process == after.process && begin.number <= after.number)
        };
        let Some(after) = after.filter(is_known) else {
            return self.snapshot().into_iter().collect();
        };
        let is_later = |event: &&Event| event.id().is_some_and(|id| id.number > after.number);
        self.recent.iter().filter(is_later).cloned().collect()
    }
}

impl Hub {
    /// Begins to listen. The other half tells where the service refused; it is dropped when listening goes on.
    pub(super) fn start(connection: &Connection, actor: &Actor) -> (Self, oneshot::Receiver<Failure>) {
        let hub = Self {
            told: Arc::default(),
            news: broadcast::Sender::new(WAITING),
        };
        let (refused, refusal) = oneshot::channel();
        tokio::spawn(hub.clone().run(Listener::new(connection, actor), refused));
        (hub, refusal)
    }

    /// What happens from now on, after what was missed; `None` where this one is over.
    pub(super) fn join(&self, after: Option<EventId>) -> Option<EventStream> {
        let told = self.told();
        if told.is_over {
            return None;
        }
        // While `told` is held nothing is told, so that nothing falls between the two.
        let news = self.news.subscribe();
        // While the service is away, how it stands is not known. It is told when it is back.
        let missed = if told.is_connected {
            told.missed(after)
        } else {
            Vec::new()
        };
        let news = stream::unfold(news, |mut news| async {
            // Whoever is too slow comes back and learns how it stands.
            Some((news.recv().await.ok()?, news))
        });
        Some(stream::iter(missed).chain(news).boxed())
    }

    async fn run(self, mut listener: Listener, refused: oneshot::Sender<Failure>) {
        match listener.connect().await {
            Ok(()) => self.told().is_connected = true,
            Err(Failure::Client(_)) => {}
            Err(failure) => {
                self.told().is_over = true;
                // Nobody who would want to know is left otherwise.
                let _ = refused.send(failure);
                return;
            }
        }
        drop(refused);
        let mut looks = interval(LOOKED_AT_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_alone = false;
        loop {
            tokio::select! {
                () = self.hear(&mut listener) => {}
                _ = looks.tick() => {
                    let mut told = self.told();
                    let is_alone = self.news.receiver_count() == 0;
                    told.is_over = is_alone && was_alone;
                    if told.is_over {
                        return;
                    }
                    was_alone = is_alone;
                }
            }
        }
    }

    /// Takes the next event, or comes back.
    async fn hear(&self, listener: &mut Listener) {
        if let Some(event) = listener.next().await {
            let mut told = self.told();
            told.note(&event);
            // An error means that nobody listens.
            let _ = self.news.send(event);
            return;
        }
        self.told().is_connected = false;
        listener.come_back().await;
        let mut told = self.told();
        told.is_connected = true;
        // Whoever listens may have joined meanwhile, or shows that the service is away.
        if let Some(snapshot) = told.snapshot() {
            let _ = self.news.send(snapshot);
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Hub")
            .field("listeners", &self.news.receiver_count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use backup_api::CatalogueChange;

    use super::*;

    const fn id(number: u64) -> EventId {
        EventId { process: 7, number }
    }

    fn snapshot(number: u64) -> Event {
        Event::Snapshot {
            id: id(number),
            operation: None,
        }
    }

    fn change(number: u64) -> Event {
        Event::Catalogue {
            id: id(number),
            backup: "dxpcloud-lqgqnewltbexuewymq-201910031723".parse().unwrap(),
            change: CatalogueChange::Annotated,
        }
    }

    fn numbers(told: &Told, after: Option<EventId>) -> Vec<(bool, u64)> {
        let missed = told.missed(after).into_iter();
        missed
            .map(|event| {
                (
                    matches!(event, Event::Snapshot { .. }),
                    event.id().unwrap().number,
                )
            })
            .collect()
    }

    #[test]
    fn who_comes_back_goes_on_and_everybody_else_learns_how_it_stands() {
        let mut told = Told::default();
        assert_eq!(numbers(&told, Some(id(3))), []);
        // The fifth happened in another environment.
        for event in [snapshot(3), change(4), change(6)] {
            told.note(&event);
        }
        assert_eq!(numbers(&told, Some(id(3))), [(false, 4), (false, 6)]);
        assert_eq!(numbers(&told, Some(id(4))), [(false, 6)]);
        assert_eq!(numbers(&told, Some(id(5))), [(false, 6)]);
        assert_eq!(numbers(&told, Some(id(6))), []);
        assert_eq!(numbers(&told, Some(id(7))), []);
        for stranger in [
            None,
            Some(id(2)),
            Some(EventId {
                process: 6,
                number: 4,
            }),
        ] {
            assert_eq!(numbers(&told, stranger), [(true, 6)]);
        }
        // Another process of the service knows nothing of the former one.
        told.note(&Event::Snapshot {
            id: EventId {
                process: 8,
                number: 1,
            },
            operation: None,
        });
        assert_eq!(numbers(&told, Some(id(4))), [(true, 1)]);
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let mut told = Told::default();
        told.note(&snapshot(1));
        for number in 2..=(REMEMBERED as u64 + 2) {
            told.note(&change(number));
        }
        assert_eq!(told.recent.len(), REMEMBERED);
        assert_eq!(numbers(&told, Some(id(1))), [(true, REMEMBERED as u64 + 2)]);
        assert_eq!(numbers(&told, Some(id(2))).len(), REMEMBERED);
    }
}
