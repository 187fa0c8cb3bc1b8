//! A table of the sample database and its rows, written as `pg_dump --format=plain --no-owner --no-acl` writes them.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

/// A column: its name and the rest of its definition.
pub(super) type Column = (&'static str, &'static str);

/// What a table looks like.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) columns: &'static [Column],
    pub(super) primary_key: &'static str,
    /// Name and columns of each.
    pub(super) indexes: &'static [(&'static str, &'static str)],
}

/// A value of a row.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Number(i64),
    Text(String),
    Truth(bool),
    Null,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A table with its rows.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) definition: &'static Definition,
    pub(super) rows: Vec<Vec<Value>>,
}

impl Table {
    pub(super) fn write_definition(&self, out: &mut impl Write) -> io::Result<()> {
        let name = self.definition.name;
        write!(
            out,
            "--\n-- Name: {name}; Type: TABLE; Schema: public; Owner: -\n--\n\n"
        )?;
        writeln!(out, "CREATE TABLE public.{name} (")?;
        for (index, (column, kind)) in self.definition.columns.iter().enumerate() {
            let comma = if index + 1 < self.definition.columns.len() {
                ","
            } else {
                ""
            };
            writeln!(out, "    {column} {kind}{comma}")?;
        }
        write!(out, ");\n\n\n")
    }

    pub(super) fn write_rows(&self, out: &mut impl Write) -> io::Result<()> {
        let name = self.definition.name;
        let columns: Vec<_> = self
            .definition
            .columns
            .iter()
            .map(|(column, _)| *column)
            .collect();
        write!(
            out,
            "--\n-- Data for Name: {name}; Type: TABLE DATA; Schema: public; Owner: -\n--\n\n"
        )?;
        writeln!(out, "COPY public.{name} ({}) FROM stdin;", columns.join(", "))?;
        let mut line = String::new();
        for row in &self.rows {
            line.clear();
            for (index, value) in row.iter().enumerate() {
                if index > 0 {
                    line.push('\t');
                }
                push_value(&mut line, value);
            }
            writeln!(out, "{line}")?;
        }
        write!(out, "\\.\n\n\n")
    }

    pub(super) fn write_primary_key(&self, out: &mut impl Write) -> io::Result<()> {
        let Definition {
            name, primary_key, ..
        } = self.definition;
        write!(
            out,
            "--\n-- Name: {name} {name}_pkey; Type: CONSTRAINT; Schema: public; Owner: -\n--\n\n"
        )?;
        write!(
            out,
            "ALTER TABLE ONLY public.{name}\n    ADD CONSTRAINT {name}_pkey PRIMARY KEY ({primary_key});\n\n\n"
        )
    }

    pub(super) fn write_indexes(&self, out: &mut impl Write) -> io::Result<()> {
        let table = self.definition.name;
        for (name, columns) in self.definition.indexes {
            write!(
                out,
                "--\n-- Name: {name}; Type: INDEX; Schema: public; Owner: -\n--\n\n"
            )?;
            write!(
                out,
                "CREATE INDEX {name} ON public.{table} USING btree ({columns});\n\n\n"
            )?;
        }
        Ok(())
    }
}

/// The text format of COPY: what would end a value, a row or the data is written with a backslash.
fn push_value(line: &mut String, value: &Value) {
    match value {
        Value::Null => line.push_str("\\N"),
        Value::Truth(truth) => line.push(if *truth { 't' } else { 'f' }),
        Value::Number(number) => write!(line, "{number}").expect("a string takes everything"),
        Value::Text(text) => {
            for character in text.chars() {
                match character {
                    '\\' => line.push_str("\\\\"),
                    '\t' => line.push_str("\\t"),
                    '\n' => line.push_str("\\n"),
                    '\r' => line.push_str("\\r"),
                    other => line.push(other),
                }
            }
        }
    }
}
