//! What was measured, as it stands in `docs/BENCHMARKS.md`.
//!
//! Each row has a block there between two marks. A measurement replaces its own block and nothing else, so what people
//! write beside it (why an aim is missed) stays. An aim that is missed says so in the table.

use std::fmt::Write as _;

/// What a row of the benchmark found out.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) figures: Vec<Figure>,
    /// Sentences that belong to the figures: how they were measured.
    pub(super) notes: Vec<String>,
    /// Versions of what we were measured against.
    pub(super) peers: Vec<String>,
}

/// One line of the table.
#[derive(Debug)]
pub(super) struct Figure {
    pub(super) what: String,
    pub(super) ours: String,
    /// Empty where there is none.
    pub(super) peer: String,
    pub(super) verdict: Option<Verdict>,
}

/// A number that is held against an aim.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) value: f64,
    pub(super) aim: Aim,
    /// Stands behind both numbers, with its space.
    pub(super) unit: &'static str,
}

/// What a number should be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Aim {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

impl Report {
    pub(super) fn figure(
        &mut self,
        what: &str,
        ours: impl Into<String>,
        peer: impl Into<String>,
    ) -> &mut Figure {
        self.figures.push(Figure {
            what: what.to_owned(),
            ours: ours.into(),
            peer: peer.into(),
            verdict: None,
        });
        let last = self.figures.len() - 1;
        &mut self.figures[last]
    }

    pub(super) fn note(&mut self, sentence: impl Into<String>) {
        self.notes.push(sentence.into());
    }

    /// Whether every aim is met.
    pub(super) fn is_met(&self) -> bool {
        let mut verdicts = self.figures.iter().filter_map(|figure| figure.verdict.as_ref());
        verdicts.all(Verdict::is_met)
    }

    /// The table with the sentences below it.
    pub(super) fn render(&self, measured: &str, command: &str) -> String {
        let mut text =
            "| | ours | peer | figure | aim | |\n| :-- | --: | --: | --: | --: | :-- |\n".to_owned();
        for figure in &self.figures {
            let (value, aim, word) = figure.verdict.as_ref().map_or_else(Default::default, |verdict| {
                let word = if verdict.is_met() { "met" } else { "**missed**" };
                (verdict.value(), verdict.aim(), word)
            });
            let _ = writeln!(
                text,
                "| {} | {} | {} | {value} | {aim} | {word} |",
                figure.what, figure.ours, figure.peer
            );
        }
        text.push('\n');
        for note in &self.notes {
            let _ = writeln!(text, "- {note}");
        }
        if !self.peers.is_empty() {
            let _ = writeln!(text, "- Peer: {}.", self.peers.join(", "));
        }
        let _ = writeln!(text, "- {measured}\n- Command: `{command}`.");
        text
    }
}

impl Figure {
    /// Ours in proportion to the peer's.
    pub(super) fn ratio(&mut self, value: f64, aim: Aim) {
        self.judge(value, aim, "");
    }

    pub(super) fn judge(&mut self, value: f64, aim: Aim, unit: &'static str) {
        self.verdict = Some(Verdict { value, aim, unit });
    }
}

impl Verdict {
    /// Judged as it is printed, or a table would say that 1.10 is more than 1.1.
    fn is_met(&self) -> bool {
        let value = rounded(self.value);
        match self.aim {
            Aim::AtLeast(aim) => value >= aim,
            Aim::AtMost(aim) => value <= aim,
            Aim::Below(aim) => value < aim,
        }
    }

    fn value(&self) -> String {
        format!("{}{}", shown(rounded(self.value)), self.unit)
    }

    fn aim(&self) -> String {
        let (sign, aim) = match self.aim {
            Aim::AtLeast(aim) => (">=", aim),
            Aim::AtMost(aim) => ("<=", aim),
            Aim::Below(aim) => ("<", aim),
        };
        format!("{sign} {}{}", shown(aim), self.unit)
    }
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// At most two decimals, and none that say nothing.
pub(super) fn shown(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".to_owned()
    } else {
        text.to_owned()
    }
}

/// The document with the block of `row` replaced, or with a section for it at the end.
pub(super) fn put(document: &str, row: &str, title: &str, block: &str) -> String {
    let (begin, end) = (
        format!("<!-- measured: {row} -->\n"),
        format!("<!-- end of {row} -->"),
    );
    let found = document
        .split_once(&begin)
        .and_then(|(before, rest)| Some((before, rest.split_once(&end)?.1)));
    match found {
        Some((before, after)) => format!("{before}{begin}{block}{end}{after}"),
        None => format!("{}\n\n## {title}\n\n{begin}{block}{end}\n", document.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        report
            .figure("throughput", "900 MB/s", "1000 MB/s")
            .ratio(0.9, Aim::AtLeast(1.0));
        report
            .figure("processor", "0.2 s", "0.19 s")
            .ratio(1.104, Aim::AtMost(1.1));
        report.figure("requests", "9", "");
        report.note("Both were asked in turn.");
        report.peers = vec!["nginx 1.22.1".to_owned(), "static file".to_owned()];
        report
    }

    #[test]
    fn a_missed_aim_is_never_hidden() {
        let mut report = report();
        assert!(!report.is_met());
        assert_eq!(
            report.render("Measured today.", "cargo xtask bench download"),
            "\
| | ours | peer | figure | aim | |
| :-- | --: | --: | --: | --: | :-- |
| throughput | 900 MB/s | 1000 MB/s | 0.9 | >= 1 | **missed** |
| processor | 0.2 s | 0.19 s | 1.1 | <= 1.1 | met |
| requests | 9 |  |  |  |  |

- Both were asked in turn.
- Peer: nginx 1.22.1, static file.
- Measured today.
- Command: `cargo xtask bench download`.
"
        );
        report.figures.remove(0);
        assert!(report.is_met());
    }

    #[test]
    fn a_number_that_is_none_meets_nothing() {
        for aim in [Aim::AtLeast(1.0), Aim::AtMost(1.0), Aim::Below(1.0)] {
            let verdict = Verdict {
                value: f64::NAN,
                aim,
                unit: "",
            };
            assert!(!verdict.is_met());
        }
    }

    #[test]
    fn limits_that_must_not_be_reached_are_not() {
        let verdict = |value| Verdict {
            value,
            aim: Aim::Below(64.0),
            unit: " MiB",
        };
        assert!(verdict(63.99).is_met() && !verdict(64.0).is_met());
        assert_eq!(verdict(12.5).value(), "12.5 MiB");
        assert_eq!(verdict(12.5).aim(), "< 64 MiB");
    }

    #[test]
    fn only_its_own_block_is_replaced() {
        let first = put("# Benchmarks\n", "download", "Download", "old\n");
        let both = put(&first, "upload", "Upload", "other\n");
        let explained = both.replace("<!-- end of download -->", "<!-- end of download -->\n\nBecause.");
        assert_eq!(
            put(&explained, "download", "Download", "new\n"),
            "\
# Benchmarks

## Download

<!-- measured: download -->
new
<!-- end of download -->

Because.

## Upload

<!-- measured: upload -->
other
<!-- end of upload -->
"
        );
    }
}
