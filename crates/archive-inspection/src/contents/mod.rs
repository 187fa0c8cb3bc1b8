//! What an archive holds, as one of the halves of a backup.

mod database;
mod volume;

use backup_api::Part;

pub(crate) use self::{
    database::{DatabaseContents, Legacy},
    volume::{OWNER, Ownership, Shelf, VolumeContents},
};
use crate::{expansion::Expansion, fault::Fault, gzip::Sink, limits::Limits};

/// What comes out of the archive's gzip.
#[derive(Debug)]
pub(crate) struct Contents {
    pub(crate) expansion: Expansion,
    limits: Limits,
    pub(crate) half: Half,
}

#[derive(Debug)]
pub(crate) enum Half {
    Database(Box<DatabaseContents>),
    Volume(Box<VolumeContents>),
}

impl Contents {
    pub(crate) fn new(part: Part, limits: Limits) -> Self {
        let half = match part {
            Part::Database => Half::Database(Box::new(DatabaseContents::new(limits))),
            Part::Volume => Half::Volume(Box::new(VolumeContents::new(limits))),
        };
        Self {
            expansion: Expansion::default(),
            limits,
            half,
        }
    }

    /// Nothing comes any more.
    pub(crate) fn finish(&mut self) -> Result<(), Fault> {
        match &mut self.half {
            Half::Database(database) => database.finish(),
            Half::Volume(volume) => volume.finish(),
        }
    }
}

impl Sink for Contents {
    fn take(&mut self, mut expanded: &[u8], consumed: u64) -> Result<(), Fault> {
        while !expanded.is_empty() {
            let (now, later) = self.expansion.admit(expanded, consumed, &self.limits)?;
            match &mut self.half {
                Half::Database(database) => database.take(now)?,
                Half::Volume(volume) => volume.take(now)?,
            }
            expanded = later;
        }
        Ok(())
    }
}
