//! The families, one after the other. Labels are names of environments, kinds and results: nothing that grows with
//! people or backups.

use std::fs;

use backup_api::{EnvironmentId, OperationState};
use backup_service::{DURATION_CLASSES, EndedOperations, EnvironmentNumbers, ServiceNumbers};
use jiff::Timestamp;

use super::exposition::{Kind, Page};
use crate::services::VERSION;

/// How everything stands at one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) now: Timestamp,
    pub(super) started: Timestamp,
    pub(super) numbers: ServiceNumbers,
    pub(super) stored_bytes: u64,
    /// `None` where the disk does not tell.
    pub(super) free_bytes: Option<u64>,
    /// Requests that bring pieces of resumable uploads.
    pub(super) uploads: u64,
}

impl Snapshot {
    pub(super) fn to_text(&self) -> String {
        let mut page = Page::default();
        self.environments(&mut page);
        self.operations(&mut page);
        self.store(&mut page);
        self.process(&mut page);
        page.into_text()
    }

    /// A family with one sample for each environment that has one.
    fn each<T: std::fmt::Display>(
        &self,
        page: &mut Page,
        name: &str,
        kind: Kind,
        help: &str,
        value: impl Fn(&EnvironmentNumbers) -> Option<T>,
    ) {
        page.family(name, kind, help);
        for found in &self.numbers.environments {
            if let Some(value) = value(found) {
                page.sample(name, &labels(&found.environment), value);
            }
        }
    }

    fn environments(&self, page: &mut Page) {
        self.each(
            page,
            "backups_stored",
            Kind::Gauge,
            "Complete backups.",
            |found| Some(found.backups),
        );
        self.each(
            page,
            "backups_stored_bytes",
            Kind::Gauge,
            "Bytes of the complete backups.",
            |found| Some(found.backup_bytes),
        );
        let help =
            "When the newest complete backup was made, in seconds since 1970; absent where there is none.";
        self.each(
            page,
            "backups_newest_timestamp_seconds",
            Kind::Gauge,
            help,
            |found| found.newest_backup.map(seconds),
        );
        let help =
            "When a backup was last read again and compared, in seconds since 1970; absent where none was.";
        self.each(
            page,
            "backups_verified_timestamp_seconds",
            Kind::Gauge,
            help,
            |found| found.last_verification.map(seconds),
        );
        let help =
            "Backups that were not what was stored, or could not be read, when they were last verified.";
        self.each(
            page,
            "backups_verification_failures",
            Kind::Gauge,
            help,
            |found| Some(found.failed_verifications),
        );
        let help = "How long the environment has been locked by what runs, in seconds; 0 where it is free.";
        self.each(page, "backups_lock_age_seconds", Kind::Gauge, help, |found| {
            let since = found.holder.as_ref().map(|holder| holder.started_at);
            Some(since.map_or(0.0, |since| (seconds(self.now) - seconds(since)).max(0.0)))
        });
        self.each(
            page,
            "backups_downloads_active",
            Kind::Gauge,
            "Downloads under way.",
            |found| Some(found.downloads),
        );
        let help = "Bytes handed to downloads since the start of the process.";
        self.each(page, "backups_sent_bytes_total", Kind::Counter, help, |found| {
            Some(found.sent_bytes)
        });
        let help = "Operations under way, by kind.";
        page.family("backups_operations_active", Kind::Gauge, help);
        for found in &self.numbers.environments {
            if let Some(holder) = &found.holder {
                let [project, environment] = labels(&found.environment);
                let labels = [project, environment, ("kind", holder.kind.as_str())];
                page.sample("backups_operations_active", &labels, 1);
            }
        }
    }

    fn operations(&self, page: &mut Page) {
        let help = "Operations that have ended, by kind and result, since the first one on record.";
        page.family("backups_operations_total", Kind::Counter, help);
        for group in &self.numbers.ended {
            page.sample("backups_operations_total", &of_group(group), group.count);
        }
        let help = "Bytes that operations brought in, whatever became of them.";
        page.family("backups_received_bytes_total", Kind::Counter, help);
        for group in &self.numbers.ended {
            page.sample("backups_received_bytes_total", &of_group(group), group.bytes);
        }
        let help = "When an operation last succeeded, in seconds since 1970, by kind.";
        page.family("backups_last_success_timestamp_seconds", Kind::Gauge, help);
        for group in &self.numbers.ended {
            if group.state == OperationState::Succeeded {
                let [project, environment, kind, _] = of_group(group);
                let labels = [project, environment, kind];
                page.sample(
                    "backups_last_success_timestamp_seconds",
                    &labels,
                    seconds(group.last),
                );
            }
        }
        let name = "backups_operation_duration_seconds";
        page.family(
            name,
            Kind::Histogram,
            "How long operations took, by kind and result.",
        );
        for group in &self.numbers.ended {
            let [project, environment, kind, result] = of_group(group);
            let bucket = format!("{name}_bucket");
            for (class, count) in DURATION_CLASSES.iter().zip(group.within) {
                let class = class.to_string();
                page.sample(
                    &bucket,
                    &[project, environment, kind, result, ("le", &class)],
                    count,
                );
            }
            page.sample(
                &bucket,
                &[project, environment, kind, result, ("le", "+Inf")],
                group.count,
            );
            page.sample(&format!("{name}_sum"), &of_group(group), group.seconds);
            page.sample(&format!("{name}_count"), &of_group(group), group.count);
        }
    }

    fn store(&self, page: &mut Page) {
        page.family(
            "backups_store_bytes",
            Kind::Gauge,
            "Bytes of all archives, those of unfinished resumable uploads included.",
        );
        page.sample("backups_store_bytes", &[], self.stored_bytes);
        page.family(
            "backups_store_free_bytes",
            Kind::Gauge,
            "Bytes that may still be stored, without those that stay free; absent where the disk does not answer.",
        );
        if let Some(free) = self.free_bytes {
            page.sample("backups_store_free_bytes", &[], free);
        }
        page.family(
            "backups_resumable_uploads_active",
            Kind::Gauge,
            "Requests that bring pieces of resumable uploads.",
        );
        page.sample("backups_resumable_uploads_active", &[], self.uploads);
    }

    fn process(&self, page: &mut Page) {
        page.family("backups_build_info", Kind::Gauge, "What runs; always 1.");
        page.sample("backups_build_info", &[("version", VERSION)], 1);
        page.family(
            "process_start_time_seconds",
            Kind::Gauge,
            "When the process started, in seconds since 1970.",
        );
        page.sample("process_start_time_seconds", &[], seconds(self.started));
        if let Some(bytes) = resident_bytes() {
            page.family("process_resident_memory_bytes", Kind::Gauge, "Memory in use.");
            page.sample("process_resident_memory_bytes", &[], bytes);
        }
    }
}

fn labels(id: &EnvironmentId) -> [(&'static str, &str); 2] {
    [
        ("project", id.project.as_str()),
        ("environment", id.environment.as_str()),
    ]
}

fn of_group(group: &EndedOperations) -> [(&'static str, &str); 4] {
    let [project, environment] = labels(&group.environment);
    let (kind, result) = (group.kind.as_str(), group.state.as_str());
    [project, environment, ("kind", kind), ("result", result)]
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of the years people live in fit"
)]
fn seconds(time: Timestamp) -> f64 {
    time.as_microsecond() as f64 / 1e6
}

fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}
