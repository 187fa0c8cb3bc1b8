//! An inspection at work, and what it shows to whoever does not feed it.
//!
//! It refuses an archive as soon as nothing can be added to the refusal, and otherwise at most [`INTERVAL`] after the bytes
//! that forbid to keep it: what lies close by is told with it, and nobody sends for hours what was refused in the first
//! minute.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use archive_inspection::{Inspection, Limits, Verdict};
use backup_api::{InspectionProgress, InspectionReport, Part};
use bytes::Bytes;
use tokio::sync::watch;

use crate::threads::{PieceQueue, QUEUED_PIECES, comes_within};

/// How often it is asked what it knows.
const INTERVAL: Duration = Duration::from_millis(200);

/// What an inspection has shown last.
#[derive(Debug, Clone)]
pub(crate) enum Sight {
    /// So far, so good.
    Going(Arc<InspectionProgress>),
    /// The archive is not to be kept, whatever comes.
    Refused(Refusal),
}

/// Why an archive is not kept.
pub(crate) type Refusal = Arc<InspectionReport>;

/// Where inspections show what they see.
pub(crate) type Sights = watch::Sender<Option<Sight>>;

/// Returns when the archive is refused.
pub(crate) async fn refused(sights: &mut watch::Receiver<Option<Sight>>) -> Refusal {
    let is_refused = |sight: &Option<Sight>| matches!(sight, Some(Sight::Refused(_)));
    if sights.wait_for(is_refused).await.is_err() {
        // Nobody inspects it any more.
        std::future::pending::<()>().await;
    }
    refusal(sights).expect("it was just seen, and nothing follows it")
}

/// Why the archive is refused, if it is.
pub(crate) fn refusal(sights: &watch::Receiver<Option<Sight>>) -> Option<Refusal> {
    match &*sights.borrow() {
        Some(Sight::Refused(report)) => Some(report.clone()),
        _ => None,
    }
}

/// An inspection that shows what it sees.
#[derive(Debug)]
pub(crate) struct Inspecting {
    inspection: Inspection,
    sights: Sights,
    shown_at: Instant,
    /// Whether bytes were looked at since.
    is_behind: bool,
}

impl Inspecting {
    /// Begins with an archive of which no byte came yet. In a box, because it goes from hand to hand.
    pub(crate) fn new(part: Part, limits: Limits, sights: Sights) -> Box<Self> {
        Box::new(Self {
            inspection: Inspection::new(part, limits),
            sights,
            shown_at: Instant::now(),
            is_behind: false,
        })
    }

    /// Looks at the bytes that come next.
    pub(crate) fn look(mut self: Box<Self>, bytes: &[u8]) -> Result<Box<Self>, Refusal> {
        self.is_behind = true;
        if self.inspection.feed(bytes) == Verdict::Refused {
            return Err(self.refuse());
        }
        if self.shown_at.elapsed() < INTERVAL {
            return Ok(self);
        }
        self.show()
    }

    /// Shows what is known.
    pub(crate) fn show(mut self: Box<Self>) -> Result<Box<Self>, Refusal> {
        if !self.is_behind {
            return Ok(self);
        }
        let progress = self.inspection.progress();
        if progress.is_refused() {
            return Err(self.refuse());
        }
        self.sights.send_replace(Some(Sight::Going(Arc::new(progress))));
        self.shown_at = Instant::now();
        self.is_behind = false;
        Ok(self)
    }

    fn refuse(self) -> Refusal {
        let report = Arc::new(self.inspection.stop());
        self.sights.send_replace(Some(Sight::Refused(report.clone())));
        report
    }

    /// No byte comes any more: what the archive was.
    pub(crate) fn finish(self) -> Result<InspectionReport, Refusal> {
        let report = self.inspection.finish();
        if report.is_refused() {
            let refusal = Arc::new(report);
            self.sights.send_replace(Some(Sight::Refused(refusal.clone())));
            return Err(refusal);
        }
        Ok(report)
    }

    /// How long what was looked at may still be kept to itself; `None` where all is shown.
    fn time_to_show(&self) -> Option<Duration> {
        self.is_behind
            .then(|| INTERVAL.saturating_sub(self.shown_at.elapsed()))
    }
}

/// The life of the inspecting thread: looks at all pieces of a queue. Blocks until the sender closes, or the archive is
/// refused.
pub(crate) fn inspect(
    mut pieces: PieceQueue,
    mut inspecting: Box<Inspecting>,
) -> Result<Box<Inspecting>, Refusal> {
    let mut batch: Vec<Bytes> = Vec::with_capacity(QUEUED_PIECES);
    loop {
        // A sender that stops in the middle is told all the same.
        if let Some(left) = inspecting.time_to_show()
            && !comes_within(&pieces, left)
        {
            inspecting = inspecting.show()?;
        }
        if pieces.blocking_recv_many(&mut batch, QUEUED_PIECES) == 0 {
            return Ok(inspecting);
        }
        for piece in batch.drain(..) {
            inspecting = inspecting.look(&piece)?;
        }
    }
}
