//! The line that tells how far something is, as wide as there is room for.
//!
//! What matters most stays longest: what it is, how much of it is done, how long it will take; then how fast it goes, the bar, and
//! how many bytes that are. Nothing ever wraps, because a line that did could not be drawn over.

use std::{env, time::Duration};

use crate::{configuration::variable, words};

const LONGEST_BAR: usize = 24;
const SHORTEST_BAR: usize = 8;
/// Of a label that would take the room of everything else.
const SHORTEST_LABEL: usize = 16;
const GAP: &str = "  ";
const DONE: &str = "\x1b[32m";
const OPEN: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[0m";

/// What the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) has_colours: bool,
    /// Lines rather than signs.
    pub(super) has_lines: bool,
}

impl Style {
    /// What can be shown everywhere.
    pub(super) const PLAIN: Self = Self {
        has_colours: false,
        has_lines: false,
    };

    /// As the environment says.
    pub(super) fn of_the_terminal() -> Self {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
        let locale = locale.unwrap_or_default().to_lowercase();
        Self {
            has_colours: variable("NO_COLOR").is_none() && env::var_os("TERM").is_some(),
            has_lines: locale.contains("utf-8") || locale.contains("utf8"),
        }
    }

    fn bar(self, (done, total): (u64, u64), width: usize) -> String {
        // In halves of a sign.
        let halves = usize::try_from(part(done, total, 2 * width as u64)).unwrap_or(0);
        let (filled, has_half) = (halves / 2, halves % 2 == 1);
        let (begin, done, open, end) = if self.has_lines {
            let half = if has_half { "╸" } else { "" };
            let open = width - filled - usize::from(has_half);
            ("", format!("{}{half}", "━".repeat(filled)), "─".repeat(open), "")
        } else {
            ("[", "#".repeat(filled), "-".repeat(width - filled), "]")
        };
        if self.has_colours {
            format!("{begin}{DONE}{done}{PLAIN}{OPEN}{open}{PLAIN}{end}")
        } else {
            format!("{begin}{done}{open}{end}")
        }
    }

    /// What a bar takes beside its width.
    const fn around_the_bar(self) -> usize {
        if self.has_lines { 0 } else { 2 }
    }
}

/// How it goes at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Nothing can be said yet.
    Unknown,
    /// So many bytes a second.
    Speed(u64),
    /// Nothing has moved for so long.
    Still(Duration),
    /// All bytes have moved, and something is left to be done.
    Finishing,
}

/// What is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    pub(super) label: &'a str,
    pub(super) done: u64,
    pub(super) total: Option<u64>,
    pub(super) pace: Pace,
}

impl Moment<'_> {
    /// The line, at most `width` signs wide.
    pub(super) fn line(self, style: Style, width: usize) -> String {
        let Some(total) = self.total.filter(|total| *total > 0) else {
            let done = words::size(self.done);
            return self.first_that_fits(
                width,
                [&[done.clone(), self.pace()][..], &[done]].map(<[_]>::to_vec),
            );
        };
        let percent = format!("{:>3} %", part(self.done, total, 100));
        let amount = words::amount(self.done.min(total), total);
        let (pace, left) = (self.pace(), self.left(total));
        for (with_bar, pieces) in [
            (true, vec![&percent, &amount, &pace, &left]),
            (true, vec![&percent, &pace, &left]),
            (false, vec![&percent, &pace, &left]),
            (true, vec![&percent, &left]),
            (false, vec![&percent, &left]),
        ] {
            let label = shortened(self.label, SHORTEST_LABEL.max(width / 3));
            let text = joined(&pieces);
            let room = width.saturating_sub(signs(&label) + GAP.len() + signs(&text));
            let bar = room.saturating_sub(GAP.len() + style.around_the_bar());
            if with_bar && bar >= SHORTEST_BAR {
                let bar = style.bar((self.done, total), bar.min(LONGEST_BAR));
                return joined(&[&label, &bar, &text]);
            }
            if !with_bar && signs(&label) + GAP.len() + signs(&text) <= width {
                return joined(&[&label, &text]);
            }
        }
        self.first_that_fits(width, [vec![percent.clone(), left], vec![percent]])
    }

    /// What people read where nobody draws over it.
    pub(super) fn sentence(self) -> String {
        let done = words::size(self.done);
        let Some(total) = self.total.filter(|total| *total > 0) else {
            return joined(&[self.label, &done, &self.pace()]);
        };
        let percent = format!("{} %", part(self.done, total, 100));
        let amount = words::amount(self.done.min(total), total);
        joined(&[self.label, &percent, &amount, &self.pace(), &self.left(total)])
    }

    fn first_that_fits<const N: usize>(self, width: usize, choices: [Vec<String>; N]) -> String {
        for pieces in choices {
            let text = joined(&pieces);
            let room = width.saturating_sub(signs(&text) + GAP.len());
            if room > 1 {
                return joined(&[&shortened(self.label, room), &text]);
            }
        }
        shortened(self.label, width)
    }

    fn pace(self) -> String {
        match self.pace {
            Pace::Unknown => String::new(),
            Pace::Speed(speed) => format!("{}/s", words::size(speed)),
            Pace::Still(time) => format!("waiting for {}", words::duration(time)),
            Pace::Finishing => "finishing".to_owned(),
        }
    }

    fn left(self, total: u64) -> String {
        match self.pace {
            Pace::Speed(speed) if speed > 0 => {
                let seconds = total.saturating_sub(self.done).div_ceil(speed);
                format!("{} left", words::time_left(Duration::from_secs(seconds)))
            }
            _ => String::new(),
        }
    }
}

/// `done` of `total`, as so many of `of`.
fn part(done: u64, total: u64, of: u64) -> u64 {
    let share = u128::from(done.min(total)) * u128::from(of) / u128::from(total);
    u64::try_from(share).unwrap_or(of)
}

fn joined(pieces: &[impl AsRef<str>]) -> String {
    let said = pieces.iter().map(AsRef::as_ref).filter(|piece| !piece.is_empty());
    said.collect::<Vec<_>>().join(GAP)
}

fn signs(text: &str) -> usize {
    text.chars().count()
}

fn shortened(text: &str, width: usize) -> String {
    if signs(text) <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    let kept = kept.trim_end();
    if width == 0 {
        String::new()
    } else {
        format!("{kept}…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNS: Style = Style::PLAIN;
    const LINES: Style = Style {
        has_lines: true,
        ..SIGNS
    };
    const HALF: Moment<'_> = Moment {
        label: "Document Library",
        done: 10_250_000_000,
        total: Some(20_500_000_000),
        pace: Pace::Speed(12_300_000),
    };

    #[test]
    fn a_line_tells_as_much_as_there_is_room_for() {
        for (width, line) in [
            (
                119,
                "Document Library  ━━━━━━━━━━━━────────────   50 %  10.3 of 20.5 GB  12.3 MB/s  13 min left",
            ),
            (
                79,
                "Document Library  ━━━━━━╸──────   50 %  10.3 of 20.5 GB  12.3 MB/s  13 min left",
            ),
            (59, "Document Library  ━━━━━─────   50 %  12.3 MB/s  13 min left"),
            (49, "Document Library   50 %  12.3 MB/s  13 min left"),
            (39, "Document Library   50 %  13 min left"),
            (29, "Document…   50 %  13 min left"),
            (15, "Documen…   50 %"),
            (6, "Docum…"),
            (0, ""),
        ] {
            assert_eq!(HALF.line(LINES, width), line, "{width}");
        }
    }

    #[test]
    fn no_line_wraps_whatever_there_is_to_tell() {
        let paces = [
            Pace::Unknown,
            Pace::Speed(0),
            Pace::Speed(7),
            Pace::Speed(u64::MAX),
            Pace::Still(Duration::from_hours(30)),
            Pace::Finishing,
        ];
        for (label, pace) in [
            "Database",
            "Looking into a-dump-with-a-name-as-long-as-a-line.sql.gz",
        ]
        .into_iter()
        .flat_map(|label| paces.map(|pace| (label, pace)))
        {
            for total in [None, Some(0), Some(1), Some(999_949_999)] {
                for (style, width) in [SIGNS, LINES]
                    .into_iter()
                    .flat_map(|style| (0..120).map(move |width| (style, width)))
                {
                    let moment = Moment {
                        label,
                        done: 123_456_789,
                        total,
                        pace,
                    };
                    let line = moment.line(style, width);
                    assert!(signs(&line) <= width, "{line:?} in {width}");
                    assert!(
                        width < 30 || total.is_none_or(|total| total == 0) || line.contains(" %"),
                        "{line:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn terminals_without_lines_and_with_colours_have_their_bars() {
        assert_eq!(
            HALF.line(SIGNS, 79),
            "Document Library  [#####------]   50 %  10.3 of 20.5 GB  12.3 MB/s  13 min left"
        );
        let coloured = HALF.line(
            Style {
                has_colours: true,
                has_lines: true,
            },
            79,
        );
        assert_eq!(
            coloured,
            "Document Library  \x1b[32m━━━━━━╸\x1b[0m\x1b[2m──────\x1b[0m   50 %  10.3 of 20.5 GB  12.3 MB/s  13 min left"
        );
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let told = |pace| Moment { pace, ..HALF }.sentence();
        assert_eq!(told(Pace::Unknown), "Document Library  50 %  10.3 of 20.5 GB");
        assert_eq!(
            told(Pace::Still(Duration::from_secs(75))),
            "Document Library  50 %  10.3 of 20.5 GB  waiting for 1 min 15 s"
        );
        assert_eq!(
            told(Pace::Finishing),
            "Document Library  50 %  10.3 of 20.5 GB  finishing"
        );
        let without_total = Moment { total: None, ..HALF };
        assert_eq!(without_total.sentence(), "Document Library  10.3 GB  12.3 MB/s");
        assert_eq!(
            without_total.line(LINES, 79),
            "Document Library  10.3 GB  12.3 MB/s"
        );
    }
}
