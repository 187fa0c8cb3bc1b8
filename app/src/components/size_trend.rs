//! How the size of backups develops, as a few bars. They begin at nothing, so that a bar of half the height is half
//! the size.

use leptos::prelude::*;

use crate::format;

const HEIGHT: u64 = 20;
const BAR_WIDTH: usize = 5;
const BAR_STEP: usize = 7;

/// One bar for each size; the same in words for whoever cannot see it. Nothing where there is nothing to compare.
#[component]
pub(crate) fn SizeTrend(
    /// In bytes, oldest first.
    sizes: Vec<u64>,
) -> impl IntoView {
    (sizes.len() > 1).then(|| {
        let words = words(&sizes);
        let width = sizes.len() * BAR_STEP - (BAR_STEP - BAR_WIDTH);
        let bars = heights(&sizes)
            .enumerate()
            .map(|(index, height)| {
                view! { <rect x=index * BAR_STEP y=HEIGHT - height width=BAR_WIDTH height=height rx="1" /> }
            })
            .collect_view();
        view! {
            <svg class="size-trend" viewBox=format!("0 0 {width} {HEIGHT}") width=width height=HEIGHT role="img">
                <title>{words}</title>
                {bars}
            </svg>
        }
    })
}

fn words(sizes: &[u64]) -> String {
    let sizes: Vec<_> = sizes.iter().copied().map(format::size).collect();
    format!(
        "Sizes of the last {} backups, oldest first: {}",
        sizes.len(),
        sizes.join(", ")
    )
}

/// Never none: a backup without bytes is one all the same.
fn heights(sizes: &[u64]) -> impl Iterator<Item = u64> {
    let largest = u128::from(sizes.iter().copied().max().unwrap_or(0).max(1));
    sizes.iter().map(move |size| {
        let height = u128::from(*size) * u128::from(HEIGHT) / largest;
        u64::try_from(height).unwrap_or(HEIGHT).max(1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_share_of_the_largest() {
        assert_eq!(heights(&[0, 500, 1_000]).collect::<Vec<_>>(), [1, 10, 20]);
        assert_eq!(heights(&[0, 0]).collect::<Vec<_>>(), [1, 1]);
        assert_eq!(heights(&[u64::MAX, 1]).collect::<Vec<_>>(), [20, 1]);
    }

    #[test]
    fn the_same_is_said_in_words() {
        assert_eq!(
            words(&[1_000, 2_500_000]),
            "Sizes of the last 2 backups, oldest first: 1 kB, 2.5 MB"
        );
    }
}
