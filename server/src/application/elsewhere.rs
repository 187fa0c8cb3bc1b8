//! The way to a service of another process or machine.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result};
use archive_store::{ArchiveStore, StoreError};
use backup_api::{ApiError, ApiFuture, ByteRange, StoredArchive};
use backup_client::{ArchiveSource, HttpBackupApi, HttpUploads, ServiceSettings, SourceArchive};
use console::EnvironmentSettings;

use super::recorded::Recorded;
use crate::{
    configuration::{Environment, ServiceElsewhere},
    services::Services,
};

/// A machine that is there takes a connection at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Services say every fifteen seconds that they are still there.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// What the console is told about the environment, and where its uploads go. Nothing is asked yet: a service that is down
/// keeps nobody from starting.
pub(super) fn environment(
    environment: &Environment,
    service: &ServiceElsewhere,
    services: &Services,
) -> Result<(EnvironmentSettings, HttpUploads)> {
    let id = &environment.id;
    let settings = ServiceSettings {
        environment: id.clone(),
        address: service.url.clone(),
        credentials: service.credentials.clone(),
        connect_timeout: CONNECT_TIMEOUT,
        read_timeout: READ_TIMEOUT,
    };
    let source = Arc::new(StoredHere(services.store.clone()));
    let api = HttpBackupApi::new(settings, Some(source))
        .with_context(|| format!("cannot prepare the way to the service of {id}"))?
        .holding_while_bytes_come();
    let uploads = api.uploads();
    let settings = EnvironmentSettings {
        environment: console::Environment {
            id: id.clone(),
            production: environment.production,
            service_host: service.url.host(),
            service_url: service.url.to_string(),
        },
        service: Arc::new(Recorded::new(Arc::new(api), services.activities.clone())),
        master_token: None,
    };
    Ok((settings, uploads))
}

/// Reads what people uploaded here piece by piece, to send it to another machine.
#[derive(Debug)]
struct StoredHere(ArchiveStore);

impl ArchiveSource for StoredHere {
    fn open<'a>(&'a self, archive: &'a StoredArchive) -> ApiFuture<'a, SourceArchive> {
        Box::pin(async move {
            let id = archive.id.parse().map_err(ApiError::internal)?;
            let found = self.0.finished(&id).await.map_err(ApiError::internal)?;
            let size = found
                .ok_or_else(|| ApiError::internal(StoreError::NoSuchArchive))?
                .size();
            let body = self.0.read(&id, ByteRange::whole(size)).await;
            let body = body.map_err(ApiError::internal)?;
            Ok(SourceArchive { size, body })
        })
    }

    fn release<'a>(&'a self, archive: &'a StoredArchive) -> ApiFuture<'a, ()> {
        Box::pin(async move {
            let id = archive.id.parse().map_err(ApiError::internal)?;
            self.0.discard(&id).await.map_err(ApiError::internal)
        })
    }
}

#[cfg(test)]
mod tests {
    use archive_store::{
        InspectionLimits, StoreLimits,
        uploads::{Continuation, NewUpload, ResumableUploads, UploadLimits},
    };
    use backup_api::Part;
    use bytes::Bytes;
    use database::Database;
    use futures_util::{StreamExt as _, TryStreamExt as _, stream};

    use super::*;

    #[tokio::test]
    async fn an_upload_that_is_complete_is_read_whole_and_goes_when_it_is_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(&folder.path().join("backups.sqlite"))
            .await
            .unwrap();
        let limits = StoreLimits {
            largest_archive: 1_000,
            smallest_free_space: 0,
            inspection: InspectionLimits::USUAL,
        };
        let store = ArchiveStore::open(folder.path(), database, limits).await.unwrap();
        let limits = UploadLimits {
            bytes_per_scope: 1_000,
            uploads_per_scope: 2,
            lifetime: Duration::from_hours(1),
        };
        let uploads = ResumableUploads::open(store.clone(), limits).await.unwrap();
        let bytes = Bytes::from(archive_samples::database(1));
        let new = NewUpload {
            scope: "draft/joe".to_owned(),
            part: Some(Part::Database),
            length: Some(bytes.len() as u64),
            metadata: "part ZGF0YWJhc2U=".to_owned(),
        };
        let id = uploads.create(new).await.unwrap().id;
        let archive = StoredArchive { id: id.to_string() };
        let source = StoredHere(store);
        assert!(source.open(&archive).await.is_err(), "it was not complete");

        let body = stream::iter([Ok(bytes.clone())]).boxed();
        uploads
            .append("draft/joe", &id, Continuation::at(0), body)
            .await
            .unwrap();
        let opened = source.open(&archive).await.unwrap();
        assert_eq!(opened.size, bytes.len() as u64);
        let read: Vec<_> = opened.body.try_collect().await.unwrap();
        assert_eq!(read.concat(), bytes);

        source.release(&archive).await.unwrap();
        assert!(source.open(&archive).await.is_err());
        assert_eq!(uploads.state("draft/joe", &id).await.unwrap(), None);
    }
}
