//! Handing out archives, which keeps their backup from being deleted until the last byte is read.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
};

use backup_api::{
    Activity, ActivityKind, Actor, ApiError, BackupId, BodyError, ByteRange, ByteStream, Delivery, Part,
};
use bytes::Bytes;
use futures_util::Stream;

use crate::{
    Clock, catalogue,
    environment_service::EnvironmentService,
    part_at_rest::PartAtRest,
    use_references::{NewUse, UseReference},
};

impl EnvironmentService {
    /// Bytes of an archive, for `actor`. The backup stays while they are read.
    pub(crate) async fn hand_out(
        &self,
        actor: &Actor,
        id: &BackupId,
        part: Part,
        range: ByteRange,
    ) -> Result<ByteStream, ApiError> {
        let shared = &self.shared;
        let doing = format!("downloading its {}", part.title().to_lowercase());
        let reference = self.begin_use(actor, id, &doing).await;
        let archive = catalogue::find_archive(&shared.database, &self.environment, id, part)
            .await?
            .ok_or_else(|| ApiError::no_such_backup(id))?;
        let found = PartAtRest::find(self, part, &archive).await?;
        let found = found.ok_or_else(|| ApiError::internal(format!("the {part} of backup {id} is gone")))?;
        let bytes = self.held(found.read(self, part, range).await?, reference);
        let activity = Activity::by(actor, ActivityKind::Download)
            .within(&self.environment)
            .about(format!("{id}/{part}"));
        let sink = shared.activities.clone();
        Ok(Delivery::begin(bytes, range.length(), activity, sink))
    }

    /// Keeps a backup for `actor`. To be called first, so that what is found afterwards stays.
    pub(crate) async fn begin_use(&self, actor: &Actor, id: &BackupId, doing: &str) -> UseReference {
        let download = NewUse {
            environment: self.environment.clone(),
            backup: id.clone(),
            by: actor.name.clone(),
            doing: doing.to_owned(),
            is_download: true,
            // Keeps its open file, but not the backup: connections that died without a word stay for hours.
            longest_silence: Some(self.shared.download_idle_timeout),
        };
        self.shared.uses.begin(download, self.shared.clock.now()).await
    }

    /// Bytes that keep the backup of a reference until they end.
    pub(crate) fn held(&self, bytes: ByteStream, reference: UseReference) -> ByteStream {
        Box::pin(HeldBytes {
            bytes,
            reference: Some(reference),
            clock: self.shared.clock.clone(),
            sent: self.sent.clone(),
        })
    }
}

/// Bytes that keep their backup until they end or nobody wants them any more.
struct HeldBytes {
    bytes: ByteStream,
    reference: Option<UseReference>,
    clock: Arc<dyn Clock>,
    /// Of all downloads of the environment.
    sent: Arc<AtomicU64>,
}

impl Stream for HeldBytes {
    type Item = Result<Bytes, BodyError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(reference) = &self.reference {
            reference.goes_on(self.clock.now());
        }
        let next = ready!(self.bytes.as_mut().poll_next(context));
        match &next {
            Some(Ok(bytes)) => {
                self.sent.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            }
            _ => self.reference = None,
        }
        Poll::Ready(next)
    }
}
