//! Services that came before ours, and say less: lists with hardly more than ids, archives without their length or their
//! SHA-256, an answer to an upload in a form that nobody wrote down.
//!
//! The contract promises what these do not tell. So this stands beside it, for callers that can live with less.

use backup_api::{Action, Actor, ApiError, Backup, BackupId, ByteStream, ListQuery, Part, Upload, routes};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    ClientError, HttpBackupApi,
    connection::json,
    download,
    refusal::{Failure, Subject},
    service::with_query,
};

/// One line of a list.
#[derive(Debug, Clone, PartialEq)]
pub enum Listed {
    /// All is known of it.
    Whole(Box<Backup>),
    /// Its id is.
    Named {
        /// The id.
        id: BackupId,
        /// What the service said, as it said it.
        told: Value,
    },
}

impl Listed {
    /// The id, which is always known.
    pub fn id(&self) -> &BackupId {
        match self {
            Self::Whole(backup) => &backup.backup_id,
            Self::Named { id, .. } => id,
        }
    }
}

/// An archive as a service offers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedArchive {
    /// The name to save it under.
    pub file_name: String,
    /// Bytes, where the service says so.
    pub size: Option<u64>,
    /// Of the whole archive, likewise.
    pub sha256: Option<[u8; 32]>,
}

#[derive(Debug, Deserialize)]
struct Lines {
    backups: Vec<Value>,
}

/// What of an entry every service tells.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Name {
    backup_id: BackupId,
}

impl HttpBackupApi {
    /// The list of any service, newest first. Older ones know the limit of a query, and nothing else of it.
    pub async fn listed(&self, actor: &Actor, query: &ListQuery) -> Result<Vec<Listed>, ApiError> {
        let answer = async {
            let path = with_query(routes::LIST, query)?;
            let lines: Lines = self
                .connection()
                .get(&path, actor, Subject::of(Action::View))
                .await?;
            let listed = lines.backups.into_iter().map(listed);
            Ok::<_, Failure>(listed.collect::<Result<Vec<_>, _>>()?)
        };
        self.told(answer).await
    }

    /// What a download would hand out, as far as that is said.
    pub async fn offered(
        &self,
        actor: &Actor,
        id: &BackupId,
        part: Part,
    ) -> Result<OfferedArchive, ApiError> {
        self.told(download::offered(self.connection(), actor, id, part))
            .await
    }

    /// All of an archive whose length was not told: it ends where the service ends it. Only its own checksums can tell
    /// whether that was the end.
    pub async fn all_of(&self, actor: &Actor, id: &BackupId, part: Part) -> Result<ByteStream, ApiError> {
        self.told(download::all_of(self.connection(), actor, id, part))
            .await
    }

    /// Sends archives in the documented form. Gives the id of the new backup where it can be found out: from the answer,
    /// or from a list that has another newest one than before.
    pub async fn upload_as_documented(
        &self,
        actor: &Actor,
        upload: Upload,
    ) -> Result<Option<BackupId>, ApiError> {
        let before = self.newest(actor).await;
        let sent = async {
            let response = self.send_documented_form(actor, upload).await?;
            Ok::<_, Failure>(json::<Value>(response).await.ok())
        };
        if let Some(id) = self.told(sent).await?.and_then(|answer| named(&answer)) {
            return Ok(Some(id));
        }
        let Ok(before) = before else { return Ok(None) };
        let after = self.newest(actor).await.unwrap_or_default();
        Ok(after.filter(|id| before.as_ref() != Some(id)))
    }

    async fn newest(&self, actor: &Actor) -> Result<Option<BackupId>, ApiError> {
        let query = ListQuery {
            limit: Some(1),
            ..ListQuery::default()
        };
        let listed = self.listed(actor, &query).await?;
        Ok(listed.first().map(|first| first.id().clone()))
    }
}

fn listed(told: Value) -> Result<Listed, ClientError> {
    if let Ok(backup) = Backup::deserialize(&told) {
        return Ok(Listed::Whole(Box::new(backup)));
    }
    match named(&told) {
        Some(id) => Ok(Listed::Named { id, told }),
        None => Err(ClientError::Unexpected(
            "with a backup that has no id in its list".to_owned(),
        )),
    }
}

fn named(told: &Value) -> Option<BackupId> {
    Name::deserialize(told).ok().map(|name| name.backup_id)
}
