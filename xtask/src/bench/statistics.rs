//! What many measurements say together.

use std::time::Duration;

use anyhow::{Result, ensure};

/// The middle one; of an even number the mean of the two in the middle.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

/// The value that so many percent of all do not exceed: `percentile(&times, 99)`.
pub(super) fn percentile(values: &[f64], percent: usize) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

/// Measures two in turn, A B A B, so that what else the machine does meets both. One round before is not counted: it
/// fills caches.
pub(super) fn alternate<Ours, Peer>(
    rounds: usize,
    mut ours: impl FnMut() -> Result<Ours>,
    mut peer: impl FnMut() -> Result<Peer>,
) -> Result<(Vec<Ours>, Vec<Peer>)> {
    ensure!(rounds > 0, "at least one round is needed");
    ours()?;
    peer()?;
    let (mut all_ours, mut all_peers) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        all_ours.push(ours()?);
        all_peers.push(peer()?);
    }
    Ok((all_ours, all_peers))
}

/// The median of one property of all samples.
pub(super) fn median_of<T>(samples: &[T], property: impl Fn(&T) -> f64) -> f64 {
    let values: Vec<f64> = samples.iter().map(property).collect();
    median(&values).unwrap_or(f64::NAN)
}

/// A count as a number to calculate with.
#[expect(
    clippy::cast_precision_loss,
    reason = "what is counted here stays far below the 2^53 that are exact"
)]
pub(super) const fn number(count: u64) -> f64 {
    count as f64
}

/// Megabytes (10^6) a second.
pub(super) fn megabytes_per_second(bytes: u64, took: Duration) -> f64 {
    number(bytes) / 1e6 / took.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_found_in_any_order() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[4.0, 1.0, 100.0, 2.0]), Some(3.0));
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&hundred, 99), Some(99.0));
        assert_eq!(percentile(&hundred, 50), Some(50.0));
        assert_eq!(percentile(&[3.0, 1.0], 99), Some(3.0));
        assert_eq!(percentile(&[], 99), None);
    }

    #[test]
    fn both_are_measured_in_turn_and_the_first_round_does_not_count() {
        let order = std::cell::RefCell::new(String::new());
        let (ours, peers) = alternate(
            2,
            || {
                order.borrow_mut().push('A');
                Ok(order.borrow().len())
            },
            || {
                order.borrow_mut().push('B');
                Ok(())
            },
        )
        .expect("nothing fails");
        assert_eq!(*order.borrow(), "ABABAB");
        assert_eq!((ours, peers.len()), (vec![3, 5], 2));
    }

    #[test]
    fn the_first_failure_ends_it() {
        let failing = alternate(3, || anyhow::bail!("no"), || Ok(())).map(|_: (Vec<()>, Vec<()>)| ());
        assert_eq!(failing.expect_err("fails").to_string(), "no");
        assert!(alternate(0, || Ok(()), || Ok(())).is_err());
    }
}
