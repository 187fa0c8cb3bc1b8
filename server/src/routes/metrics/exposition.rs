//! The text format: families of samples, with their help, and labels whose values may be anything.

use std::fmt::{Display, Write as _};

/// What a family's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only grows while the process lives.
    Counter,
    Gauge,
    Histogram,
}

/// A page of families in the making. Each family is begun once, and its samples follow.
#[derive(Debug, Default)]
pub(super) struct Page(String);

/// Names and values.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

impl Page {
    pub(super) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    pub(super) fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl Display) {
        let labels: Vec<_> = labels
            .iter()
            .map(|(name, value)| format!("{name}=\"{}\"", escaped(value)))
            .collect();
        if labels.is_empty() {
            self.line(format_args!("{name} {value}"));
        } else {
            self.line(format_args!("{name}{{{}}} {value}", labels.join(",")));
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn line(&mut self, line: impl Display) {
        // A String takes everything.
        let _ = writeln!(self.0, "{line}");
    }
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_break_out_of_their_quotes() {
        let mut page = Page::default();
        page.family("a_total", Kind::Counter, "Back\\slash,\nand a line.");
        page.sample("a_total", &[("b", "x\"} 1\nevil 2"), ("c", r"\")], 1);
        page.sample("a_total", &[], 0.5);
        assert_eq!(
            page.into_text(),
            "# HELP a_total Back\\\\slash,\\nand a line.\n# TYPE a_total counter\n\
             a_total{b=\"x\\\"} 1\\nevil 2\",c=\"\\\\\"} 1\na_total 0.5\n"
        );
    }
}
