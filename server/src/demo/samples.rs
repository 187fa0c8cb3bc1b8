//! Which samples an environment gets.

use backup_api::{CreationType, EnvironmentId};
use jiff::{SignedDuration, Timestamp};

use super::NAME;

const DAY: i64 = 24 * 3600;

/// One backup to make.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) created_at: Timestamp,
    pub(super) creation_type: CreationType,
    pub(super) created_by: Option<&'static str>,
    /// Samples of one environment share it: each is the one before with more in it.
    pub(super) seed: u64,
    /// How many documents there are; rows grow with them.
    pub(super) size: usize,
}

/// Days before today, hour and minute in UTC, how it came to be, how much is in it.
type Plan = &'static [(i64, i64, i64, CreationType, usize)];

const DEVELOPMENT: Plan = &[
    (12, 9, 14, CreationType::Uploaded, 12),
    (3, 15, 42, CreationType::Manual, 15),
];
const TEST: Plan = &[
    (20, 13, 5, CreationType::Uploaded, 24),
    (9, 8, 31, CreationType::Manual, 26),
    (2, 10, 20, CreationType::Uploaded, 30),
];
const PRODUCTION: Plan = &[
    (6, 0, 55, CreationType::Auto, 40),
    (5, 0, 55, CreationType::Auto, 41),
    (4, 0, 55, CreationType::Auto, 43),
    (4, 14, 8, CreationType::Manual, 44),
    (3, 0, 55, CreationType::Auto, 44),
    (2, 0, 55, CreationType::Auto, 46),
    (1, 0, 55, CreationType::Auto, 47),
];

/// The samples of an environment, oldest first, all before `now`.
pub(super) fn of(environment: &EnvironmentId, now: Timestamp) -> Vec<Sample> {
    let (seed, plan) = match environment.environment.as_str() {
        "prd" => (3, PRODUCTION),
        "uat" => (2, TEST),
        _ => (1, DEVELOPMENT),
    };
    let midnight = now.as_second().div_euclid(DAY) * DAY;
    let sample = |&(days, hour, minute, creation_type, size): &(i64, i64, i64, CreationType, usize)| {
        let second = midnight - days * DAY + hour * 3600 + minute * 60;
        Sample {
            created_at: Timestamp::from_second(second).unwrap_or(now - SignedDuration::from_hours(24)),
            creation_type,
            created_by: (creation_type != CreationType::Auto).then_some(NAME),
            seed,
            size,
        }
    };
    plan.iter().map(sample).collect()
}
