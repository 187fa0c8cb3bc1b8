//! Activities, newest first, a page at a time.
//!
//! A page begins after a row and not at a number: rows come in at the top all the time, and however many there are, each
//! page costs the same.

use std::{fmt, pin::Pin, str::FromStr};

use backup_api::{Action, Activity, ActivityKind, Actor, EnvironmentId};
use database::sqlx::{QueryBuilder, Sqlite};
use futures_util::{Stream, stream::try_unfold};
use jiff::{civil::Date, tz::Offset};
use uuid::Uuid;

use super::{
    filter::ActivityFilter,
    row::{COLUMNS, RecordedActivity},
};
use crate::{Console, ConsoleError};

/// Rows that are read at a time where all are wanted.
const CHUNK: u32 = 500;
/// Characters of a name that is looked for.
const LONGEST_NAME: usize = 254;

/// What activities belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ActivityPlace {
    /// An environment.
    Environment(EnvironmentId),
    /// The console itself: signing in, people, tokens.
    Console,
}

/// A row that a page begins after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityPosition {
    at: i64,
    id: String,
}

impl ActivityPosition {
    fn of(activity: &RecordedActivity) -> Self {
        Self {
            at: activity.at.as_microsecond(),
            id: activity.id.clone(),
        }
    }
}

impl fmt::Display for ActivityPosition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.at, self.id)
    }
}

impl FromStr for ActivityPosition {
    type Err = ConsoleError;

    fn from_str(text: &str) -> Result<Self, ConsoleError> {
        let read = || {
            let (at, id) = text.split_once('.')?;
            Some(Self {
                at: at.parse().ok()?,
                id: Uuid::parse_str(id).ok()?.to_string(),
            })
        };
        read().ok_or_else(|| ConsoleError::internal("this is no place in the activities"))
    }
}

/// Which page of the activities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Turn {
    /// The newest.
    #[default]
    Newest,
    /// Those right before a row in time.
    OlderThan(ActivityPosition),
    /// Those right after a row in time.
    NewerThan(ActivityPosition),
}

/// A page of activities.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActivityPage {
    /// Newest first.
    pub activities: Vec<RecordedActivity>,
    /// Where the page with newer ones begins, if there are any.
    pub newer: Option<ActivityPosition>,
    /// Where the page with older ones begins, if there are any.
    pub older: Option<ActivityPosition>,
}

/// All activities that were asked for, newest first, some at a time.
pub type ActivityStream = Pin<Box<dyn Stream<Item = Result<Vec<RecordedActivity>, ConsoleError>> + Send>>;

impl Console {
    /// A page of what happened at a place, for whoever may know: whoever administers the environment; of the console
    /// itself, whoever owns everything. What was told before this was asked is on it.
    pub async fn activities(
        &self,
        actor: &Actor,
        place: &ActivityPlace,
        filter: &ActivityFilter,
        turn: Turn,
        length: u32,
    ) -> Result<ActivityPage, ConsoleError> {
        self.may_read_activities(actor, place).await?;
        self.activities.flush().await;
        // A page that is turned back to and not full is the first one.
        let page = self.page_of_activities(place, filter, &turn, length).await?;
        if matches!(turn, Turn::NewerThan(_)) && page.newer.is_none() {
            return self
                .page_of_activities(place, filter, &Turn::Newest, length)
                .await;
        }
        Ok(page)
    }

    /// All of what happened at a place, for whoever may know. That it was fetched is recorded.
    pub async fn all_activities(
        &self,
        actor: &Actor,
        place: ActivityPlace,
        filter: ActivityFilter,
    ) -> Result<ActivityStream, ConsoleError> {
        self.may_read_activities(actor, &place).await?;
        let fetched = Activity::by(actor, ActivityKind::Audit);
        self.record(match &place {
            ActivityPlace::Environment(environment) => fetched.within(environment),
            ActivityPlace::Console => fetched,
        });
        self.activities.flush().await;
        let console = self.clone();
        Ok(Box::pin(try_unfold(Some(Turn::Newest), move |turn| {
            let (console, place, filter) = (console.clone(), place.clone(), filter.clone());
            async move {
                let Some(turn) = turn else { return Ok(None) };
                let page = console.page_of_activities(&place, &filter, &turn, CHUNK).await?;
                Ok(Some((page.activities, page.older.map(Turn::OlderThan))))
            }
        })))
    }

    async fn may_read_activities(&self, actor: &Actor, place: &ActivityPlace) -> Result<(), ConsoleError> {
        match place {
            ActivityPlace::Environment(environment) => self
                .service_for(actor, environment, Action::Audit)
                .await
                .map(drop),
            ActivityPlace::Console => self.require_owner_of_everything(actor).await,
        }
    }

    async fn page_of_activities(
        &self,
        place: &ActivityPlace,
        filter: &ActivityFilter,
        turn: &Turn,
        length: u32,
    ) -> Result<ActivityPage, ConsoleError> {
        // One more than is shown tells whether there are more.
        let mut query = select(place, filter, turn, i64::from(length) + 1);
        let rows = query.build().fetch_all(self.database.reader()).await?;
        let has_more = rows.len() > length as usize;
        let mut activities: Vec<_> = rows
            .iter()
            .take(length as usize)
            .map(RecordedActivity::read)
            .collect::<Result<_, _>>()?;
        let (has_newer, has_older) = match turn {
            Turn::Newest => (false, has_more),
            Turn::OlderThan(_) => (true, has_more),
            Turn::NewerThan(_) => {
                activities.reverse();
                (has_more, true)
            }
        };
        Ok(ActivityPage {
            newer: activities.first().filter(|_| has_newer).map(ActivityPosition::of),
            older: activities.last().filter(|_| has_older).map(ActivityPosition::of),
            activities,
        })
    }
}

fn select(place: &ActivityPlace, filter: &ActivityFilter, turn: &Turn, limit: i64) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::new("SELECT ");
    query.push(COLUMNS).push(" FROM activities WHERE ");
    match place {
        ActivityPlace::Environment(environment) => {
            query
                .push("project = ")
                .push_bind(environment.project.as_str().to_owned())
                .push(" AND environment = ")
                .push_bind(environment.environment.as_str().to_owned());
        }
        ActivityPlace::Console => {
            query.push("project IS NULL AND environment IS NULL");
        }
    }
    if let Some(group) = filter.group {
        query.push(" AND kind IN (");
        let mut kinds = query.separated(", ");
        for kind in ActivityKind::ALL.into_iter().filter(|kind| kind.group() == group) {
            kinds.push_bind(kind.as_str());
        }
        query.push(")");
    }
    if let Some(outcome) = filter.outcome {
        query.push(" AND outcome = ").push_bind(outcome.as_str());
    }
    if let Some(who) = &filter.who {
        query
            .push(" AND lower(coalesce(actor_name, subject, '')) LIKE ")
            .push_bind(containing(who))
            .push(" ESCAPE '\\'");
    }
    if let Some(from) = filter.from {
        query.push(" AND at >= ").push_bind(start_of(from));
    }
    // No day follows the last one that can be told.
    if let Some(next) = filter.to.and_then(|day| day.tomorrow().ok()) {
        query.push(" AND at < ").push_bind(start_of(next));
    }
    let order = match turn {
        Turn::Newest => "DESC",
        Turn::OlderThan(position) => {
            query.push(" AND (at, id) < (");
            push_position(&mut query, position);
            "DESC"
        }
        Turn::NewerThan(position) => {
            query.push(" AND (at, id) > (");
            push_position(&mut query, position);
            "ASC"
        }
    };
    query
        .push(format!(" ORDER BY at {order}, id {order} LIMIT +"))
        .push_bind(limit);
    query
}

fn push_position(query: &mut QueryBuilder<Sqlite>, position: &ActivityPosition) {
    query
        .push_bind(position.at)
        .push(", ")
        .push_bind(position.id.clone())
        .push(")");
}

/// A pattern for names that hold a text; what means something in patterns means itself.
fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.to_lowercase().chars().take(LONGEST_NAME) {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

fn start_of(day: Date) -> i64 {
    match Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)) {
        Ok(start) => start.as_microsecond(),
        // Before or after every moment that can be told.
        Err(_) if day.year() < 0 => i64::MIN,
        Err(_) => i64::MAX,
    }
}
