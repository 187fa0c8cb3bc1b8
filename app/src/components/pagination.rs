//! Long lists, a page at a time.

use std::ops::Range;

use leptos::prelude::*;

use crate::{
    components::selection::{Selection, address},
    icons::{CHEVRON_LEFT, CHEVRON_RIGHT, Icon},
};

const ROWS_PER_PAGE: usize = 50;

/// Which rows of a list a page shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pages {
    rows: usize,
    /// From 1.
    current: usize,
    last: usize,
}

impl Pages {
    /// Page `asked_for` of a list of `rows`; the nearest page that exists.
    pub(crate) fn new(rows: usize, asked_for: usize) -> Self {
        let last = rows.div_ceil(ROWS_PER_PAGE).max(1);
        Self {
            rows,
            current: asked_for.clamp(1, last),
            last,
        }
    }

    pub(crate) const fn is_first(self) -> bool {
        self.current == 1
    }

    /// The rows of this page, counted from 0.
    pub(crate) fn range(self) -> Range<usize> {
        let start = (self.current - 1) * ROWS_PER_PAGE;
        start..(start + ROWS_PER_PAGE).min(self.rows)
    }
}

/// Links to the pages before and after; nothing when there is one page.
#[component]
pub(crate) fn Pagination(pages: Pages, path: String, selection: Selection) -> impl IntoView {
    let Pages { rows, current, last } = pages;
    let range = pages.range();
    let link = move |page: usize| address(&path, selection, page);
    (last > 1).then(|| {
        let newer = (current > 1).then(|| {
            view! {
                <a class="button" rel="prev" href=link(current - 1)>
                    <Icon drawing=CHEVRON_LEFT />
                    "Previous"
                </a>
            }
        });
        let older = (current < last).then(|| {
            view! {
                <a class="button" rel="next" href=link(current + 1)>
                    "Next"
                    <Icon drawing=CHEVRON_RIGHT />
                </a>
            }
        });
        view! {
            <nav class="pagination" aria-label="Pages">
                <span class="quiet">{format!("{} to {} of {rows}", range.start + 1, range.end)}</span>
                <span class="pagination-links">{newer} {older}</span>
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
                assert!(range.len() <= ROWS_PER_PAGE);
                next = range.end;
            }
            assert_eq!(next, rows);
        }
    }

    #[test]
    fn pages_that_do_not_exist_become_the_nearest() {
        assert_eq!(Pages::new(60, 0), Pages::new(60, 1));
        assert_eq!(Pages::new(60, usize::MAX), Pages::new(60, 2));
        assert_eq!(Pages::new(0, 7).range(), 0..0);
    }
}
