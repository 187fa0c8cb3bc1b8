//! Sample backups for `--demo`: real archives, made at run time and taken in like any upload.
//!
//! Everything is made from fixed numbers, so that the same sample has the same bytes on every machine. An environment
//! that has a backup already is left as it is.

mod archives;
mod content;
mod dump;
mod numbers;
mod rows;
mod samples;
mod schema;
mod table;
mod volume;

use std::sync::Arc;

use anyhow::{Context, Result};
use backup_api::{Actor, BackupApi, EnvironmentId, ListQuery, Upload};
use backup_service::{BackupService, ImportedBackup};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use self::{archives::parts, content::Content, samples::Sample};

const NAME: &str = "Sample data";
const NOTE: &str = "Sample";

/// Gives each environment without backups its samples, as if they had been made before `now`.
pub(crate) async fn add_samples(
    service: &BackupService,
    environments: &[EnvironmentId],
    now: Timestamp,
) -> Result<()> {
    let actor = Actor::new("demo:samples", NAME);
    for environment in environments {
        let api = service
            .environment(environment)
            .context("an environment of the sample project is not served")?;
        if has_backups(&api, &actor).await? {
            continue;
        }
        let samples = samples::of(environment, now);
        tracing::info!(environment = %environment, backups = samples.len(), "adding sample backups");
        for sample in samples {
            add(service, environment, &actor, sample)
                .await
                .with_context(|| format!("cannot add a sample backup to {environment}"))?;
        }
    }
    Ok(())
}

async fn has_backups(api: &Arc<dyn BackupApi>, actor: &Actor) -> Result<bool> {
    let list = api
        .list(
            actor,
            ListQuery {
                limit: Some(1),
                ..ListQuery::default()
            },
        )
        .await
        .context("cannot look for sample backups")?;
    Ok(!list.backups.is_empty())
}

async fn add(
    service: &BackupService,
    environment: &EnvironmentId,
    actor: &Actor,
    sample: Sample,
) -> Result<()> {
    let imported = ImportedBackup {
        created_at: sample.created_at,
        creation_type: sample.creation_type,
        created_by: sample.created_by.map(str::to_owned),
    };
    let content = Arc::new(Content::make(sample.seed, sample.size, sample.created_at));
    let upload = Upload {
        announced_length: None,
        parts: stream::iter(parts(content)).map(Ok).boxed(),
        note: Some(NOTE.to_owned()),
        idempotency_key: None,
    };
    service
        .import(environment, actor.clone(), imported, upload)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests;
