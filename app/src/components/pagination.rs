//! Long lists, a page at a time.

use std::ops::Range;

use leptos::prelude::*;

use crate::{
    components::selection::{Selection, address},
    format,
    icons::{CHEVRON_LEFT, CHEVRON_RIGHT, Icon},
};

/// How many rows a page has.
pub(crate) const ROWS_PER_PAGE: u32 = 50;

/// Which rows of a list a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pages {
    rows: u64,
    /// From 1.
    current: u64,
    last: u64,
}

impl Pages {
    /// Page `asked_for` of a list of `rows`; the nearest page that exists.
    pub(crate) fn new(rows: u64, asked_for: u64) -> Self {
        let last = rows.div_ceil(ROWS_PER_PAGE.into()).max(1);
        Self {
            rows,
            current: asked_for.clamp(1, last),
            last,
        }
    }

    pub(crate) const fn current(self) -> u64 {
        self.current
    }

    pub(crate) const fn is_first(self) -> bool {
        self.current == 1
    }

    /// The rows of this page, counted from 0.
    fn range(self) -> Range<u64> {
        let start = first_row(self.current);
        start..(start + u64::from(ROWS_PER_PAGE)).min(self.rows)
    }
}

/// The first row of a page, counted from 0, whether or not there is such a page.
pub(crate) fn first_row(page: u64) -> u64 {
    page.saturating_sub(1).saturating_mul(ROWS_PER_PAGE.into())
}

/// Links to the pages before and after; nothing when there is one page.
#[component]
pub(crate) fn Pagination(pages: Pages, path: String, selection: Selection) -> impl IntoView {
    let Pages { rows, current, last } = pages;
    let range = pages.range();
    let shown = format!(
        "{} to {} of {}",
        format::grouped(range.start + 1),
        format::grouped(range.end),
        format::grouped(rows)
    );
    let link = move |page: u64| address(&path, selection, page);
    (last > 1).then(|| {
        let previous = (current > 1).then(|| {
            view! {
                <a class="button" rel="prev" href=link(current - 1)>
                    <Icon drawing=CHEVRON_LEFT />
                    "Previous"
                </a>
            }
        });
        let next = (current < last).then(|| {
            view! {
                <a class="button" rel="next" href=link(current + 1)>
                    "Next"
                    <Icon drawing=CHEVRON_RIGHT />
                </a>
            }
        });
        view! {
            <nav class="pagination" aria-label="Pages">
                <span class="quiet">{shown}</span>
                <span class="pagination-links">{previous} {next}</span>
            </nav>
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_on_exactly_one_page() {
        for rows in [0, 1, 49, 50, 51, 100, 101, 10_000] {
            let pages = Pages::new(rows, 1);
            let mut next = 0;
            for page in 1..=pages.last {
                let range = Pages::new(rows, page).range();
                assert_eq!(range.start, next, "{rows} rows, page {page}");
                assert!(range.end - range.start <= u64::from(ROWS_PER_PAGE));
                next = range.end;
            }
            assert_eq!(next, rows);
        }
    }

    #[test]
    fn pages_that_do_not_exist_become_the_nearest() {
        assert_eq!(Pages::new(60, 0), Pages::new(60, 1));
        assert_eq!(Pages::new(60, u64::MAX), Pages::new(60, 2));
        assert_eq!(Pages::new(0, 7).range(), 0..0);
        assert_eq!(first_row(0), 0);
        assert_eq!(first_row(u64::MAX), u64::MAX, "no overflow");
    }
}
