//! Reads a table of the file key by key.
//!
//! A reader of our own instead of derived deserialisation, for three reasons: all problems are reported at once,
//! each with a value that would do, and a key that nobody asked for is a mistake worth telling, because a limit that
//! was misspelt would otherwise silently not apply.

use std::cell::RefCell;

use toml::{Table, Value};

use super::problem::Problem;

/// Where problems gather while a file is read.
#[derive(Debug)]
pub(crate) struct Findings {
    place: String,
    problems: RefCell<Vec<Problem>>,
}

impl Findings {
    /// For the file shown as `place`.
    pub(crate) const fn new(place: String) -> Self {
        Self {
            place,
            problems: RefCell::new(Vec::new()),
        }
    }

    /// Notes that `key` of the file is wrong.
    pub(crate) fn report(&self, key: &str, fault: impl Into<String>, example: impl Into<String>) {
        self.report_at(&self.place, key, fault, example);
    }

    /// Notes a problem that stands elsewhere, such as on the command line.
    pub(crate) fn report_at(
        &self,
        place: &str,
        key: &str,
        fault: impl Into<String>,
        example: impl Into<String>,
    ) {
        self.problems.borrow_mut().push(Problem {
            place: place.to_owned(),
            key: key.to_owned(),
            fault: fault.into(),
            example: example.into(),
        });
    }

    /// Whether nothing was found.
    pub(crate) fn is_empty(&self) -> bool {
        self.problems.borrow().is_empty()
    }

    /// What was found.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}

/// One table of the file. Every key that may stand in it is asked for once; [`Section::finish`] reports the others.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    path: String,
    table: Table,
    given: Vec<String>,
    known: Vec<(&'static str, String)>,
    findings: &'a Findings,
}

impl<'a> Section<'a> {
    /// The top of the file.
    pub(crate) fn root(table: Table, findings: &'a Findings) -> Self {
        Self::new(String::new(), table, findings)
    }

    fn new(path: String, table: Table, findings: &'a Findings) -> Self {
        let given = table.keys().cloned().collect();
        Self {
            path,
            table,
            given,
            known: Vec::new(),
            findings,
        }
    }

    /// Whether the file has the key, understood or not.
    pub(crate) fn was_given(&self, key: &str) -> bool {
        self.given.iter().any(|given| given == key)
    }

    /// The full name of one of its keys.
    pub(crate) fn name(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Notes that one of its keys is wrong.
    pub(crate) fn report(&self, key: &str, fault: impl Into<String>, example: &str) {
        self.findings
            .report(&self.name(key), fault, format!("{key} = {example}"));
    }

    fn take(&mut self, key: &'static str, example: &str) -> Option<Value> {
        self.known.push((key, example.to_owned()));
        self.table.remove(key)
    }

    /// The text under `key`, understood by `read`, whose error completes the sentence "the key …".
    /// `example` is what could stand there, as TOML.
    pub(crate) fn text<T>(
        &mut self,
        key: &'static str,
        example: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let outcome = match self.take(key, &format!("{key} = {example}"))? {
            Value::String(text) => read(&text),
            other => Err(format!("must be a text in quotes, not {}", kind(&other))),
        };
        outcome.map_err(|fault| self.report(key, fault, example)).ok()
    }

    /// The whole number above zero under `key`.
    pub(crate) fn number(&mut self, key: &'static str, example: &str) -> Option<u64> {
        let value = self.take(key, &format!("{key} = {example}"))?;
        let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| *number > 0);
        if number.is_none() {
            self.report(key, "must be a whole number above zero, without quotes", example);
        }
        number
    }

    /// Whether `key` is switched on.
    pub(crate) fn flag(&mut self, key: &'static str) -> Option<bool> {
        const EXAMPLE: &str = "true";
        match self.take(key, &format!("{key} = {EXAMPLE}"))? {
            Value::Boolean(flag) => Some(flag),
            other => {
                let fault = format!("must be true or false, not {}", kind(&other));
                self.report(key, fault, EXAMPLE);
                None
            }
        }
    }

    /// The texts of the list under `key`; those that cannot be understood are reported and left out.
    pub(crate) fn texts<T>(
        &mut self,
        key: &'static str,
        example: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let Value::Array(values) = self.take(key, &format!("{key} = {example}"))? else {
            self.report(key, "must be a list of texts in square brackets", example);
            return None;
        };
        let understood = values.into_iter().filter_map(|value| {
            let outcome = match value {
                Value::String(text) => read(&text),
                other => Err(format!("must hold texts in quotes, not {}", kind(&other))),
            };
            outcome.map_err(|fault| self.report(key, fault, example)).ok()
        });
        Some(understood.collect())
    }

    /// The table under `key`; empty where there is none.
    pub(crate) fn section(&mut self, key: &'static str) -> Section<'a> {
        let path = self.name(key);
        let table = match self.take(key, &format!("[{path}]")) {
            None => Table::new(),
            Some(Value::Table(table)) => table,
            Some(other) => {
                let fault = format!("must be a section, not {}", kind(&other));
                self.findings.report(&path, fault, format!("[{path}]"));
                Table::new()
            }
        };
        Section::new(path, table, self.findings)
    }

    /// The repeated tables under `key`, such as `[[projects]]`.
    pub(crate) fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let path = self.name(key);
        let values = match self.take(key, &format!("[[{path}]]")) {
            None => Vec::new(),
            Some(Value::Array(values)) => values,
            Some(other) => vec![other],
        };
        let mut sections = Vec::new();
        for (index, value) in values.into_iter().enumerate() {
            match value {
                Value::Table(table) => {
                    sections.push(Section::new(format!("{path}[{index}]"), table, self.findings));
                }
                other => {
                    let fault = format!("must be written as repeated sections, not as {}", kind(&other));
                    self.findings.report(&path, fault, format!("[[{path}]]"));
                }
            }
        }
        sections
    }

    /// Reports the keys that were never asked for, each with the nearest one there is.
    pub(crate) fn finish(self) {
        for key in self.table.keys() {
            let nearest = self
                .known
                .iter()
                .min_by_key(|(known, _)| strsim::damerau_levenshtein(key, known));
            let (known, example) = nearest.expect("a section without keys is never read");
            let fault = format!("is not a key; the nearest one is {}", self.name(known));
            self.findings.report(&self.name(key), fault, example);
        }
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::String(_) => "a text",
        Value::Integer(_) => "a bare number",
        Value::Float(_) => "a bare number with a point",
        Value::Boolean(_) => "true or false",
        Value::Datetime(_) => "a date",
        Value::Array(_) => "a list",
        Value::Table(_) => "a section",
    }
}
