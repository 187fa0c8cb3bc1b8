//! What the statements and comments of a dump say of it.

use backup_api::DatabaseEngine;

use super::{
    lexer::{Dialect, Reader},
    names::TableNaming,
    statement::Statement,
};
use crate::noted::{Noted, printable};

/// The most databases that are told apart. A dump of more is refused anyway.
const DATABASES: usize = 16;

/// What is known so far.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each was seen or not, whatever the others were"
)]
#[derive(Debug)]
pub(crate) struct Facts {
    /// What wrote it, as soon as a header or a form of statement tells.
    pub(crate) engine: Option<DatabaseEngine>,
    pub(crate) version: Option<String>,
    pub(crate) databases: Vec<String>,
    pub(crate) tables: u64,
    pub(crate) rows: u64,
    pub(crate) naming: TableNaming,
    /// The last table that was named.
    pub(crate) table: String,
    /// Whether the last thing was what this kind of dump ends with.
    pub(crate) closed: bool,
    pub(crate) creates_database: bool,
    pub(crate) drops_database: bool,
    pub(crate) uses_database: bool,
    /// Whether there is something that a plain `psql` stumbles upon and a restore here does not.
    pub(crate) restricted: bool,
    /// Whether a role of Google's Cloud SQL is named.
    pub(crate) cloud_role: bool,
    /// Commands of the client that no dump program writes.
    pub(crate) commands: Noted,
    /// Whether a statement was complete.
    pub(crate) has_statement: bool,
    /// Whether the header's comment was there, without which there is no closing one either.
    header: bool,
    backslash_escapes: bool,
}

impl Facts {
    pub(crate) fn new() -> Self {
        Self {
            engine: None,
            version: None,
            databases: Vec::new(),
            tables: 0,
            rows: 0,
            naming: TableNaming::default(),
            table: String::new(),
            closed: false,
            creates_database: false,
            drops_database: false,
            uses_database: false,
            restricted: false,
            cloud_role: false,
            commands: Noted::default(),
            has_statement: false,
            header: false,
            backslash_escapes: false,
        }
    }

    fn assume(&mut self, engine: DatabaseEngine) {
        self.engine.get_or_insert(engine);
    }

    fn name_database(&mut self, name: &[u8]) {
        let name = printable(name);
        if self.databases.len() < DATABASES && !self.databases.contains(&name) {
            self.databases.push(name);
        }
    }

    fn header(&mut self, engine: DatabaseEngine) {
        self.header = true;
        self.assume(engine);
    }

    /// `8.0.36-28-log` of a server's version line.
    fn server_version(&mut self, text: &[u8]) {
        let text = String::from_utf8_lossy(text);
        let text = text.trim();
        if text.contains("MariaDB") && self.engine.is_some_and(|engine| engine.family() == "mysql") {
            self.engine = Some(DatabaseEngine::MariaDb);
        }
        let number: String = text
            .chars()
            .take_while(|character| character.is_ascii_digit() || *character == '.')
            .take(20)
            .collect();
        if self.version.is_none() && number.starts_with(|first: char| first.is_ascii_digit()) {
            self.version = Some(number.trim_end_matches('.').to_owned());
        }
    }

    /// The name of a table that is created.
    fn create_table(&mut self, statement: &Statement) {
        const FILLERS: [&str; 11] = [
            "GLOBAL",
            "LOCAL",
            "TEMP",
            "TEMPORARY",
            "UNLOGGED",
            "FOREIGN",
            "OR",
            "REPLACE",
            "IF",
            "NOT",
            "EXISTS",
        ];
        let Some(name) = statement.name_after(&["CREATE", "TABLE"], &FILLERS) else {
            return;
        };
        self.tables += 1;
        let folded = self.dialect() == Dialect::PostgreSql && !name.quoted;
        let text = if folded {
            name.text.to_ascii_lowercase()
        } else {
            name.text
        };
        self.table = printable(&text);
        if let Some(engine) = self.engine {
            self.naming.add(engine, name.schema.as_deref(), &text);
        }
    }

    fn use_databases(&mut self, statement: &Statement) {
        const FILLERS: [&str; 3] = ["IF", "NOT", "EXISTS"];
        for (verb, noun) in [
            ("CREATE", "DATABASE"),
            ("CREATE", "SCHEMA"),
            ("DROP", "DATABASE"),
            ("DROP", "SCHEMA"),
        ] {
            // What MySQL calls a database PostgreSQL calls a schema, of which it has more within one.
            if noun == "SCHEMA" && self.dialect() != Dialect::MySql {
                continue;
            }
            if let Some(name) = statement.name_after(&[verb, noun], &FILLERS) {
                self.name_database(&name.text);
                self.creates_database |= verb == "CREATE";
                self.drops_database |= verb == "DROP";
            }
        }
        if self.dialect() == Dialect::MySql
            && let Some(name) = statement.name_after(&["USE"], &[])
        {
            self.name_database(&name.text);
            self.uses_database = true;
        }
    }

    /// `\connect name`, `\connect "name"` and `\connect -reuse-previous=on "dbname='name'"`.
    fn connect(&mut self, arguments: &[u8]) {
        let arguments = arguments
            .strip_prefix(b"-reuse-previous=on")
            .unwrap_or(arguments)
            .trim_ascii();
        let name = arguments
            .strip_prefix(b"\"")
            .map_or(arguments, |quoted| quoted.strip_suffix(b"\"").unwrap_or(quoted));
        let name = name
            .strip_prefix(b"dbname='")
            .map_or(name, |name| name.strip_suffix(b"'").unwrap_or(name));
        self.name_database(name);
    }
}

impl Reader for Facts {
    fn dialect(&self) -> Dialect {
        match self.engine {
            None => Dialect::Unknown,
            Some(DatabaseEngine::PostgreSql) => Dialect::PostgreSql,
            Some(DatabaseEngine::MySql | DatabaseEngine::MariaDb) => Dialect::MySql,
        }
    }

    fn comment(&mut self, line: &[u8]) {
        if line == b"PostgreSQL database dump" || line == b"PostgreSQL database cluster dump" {
            self.header(DatabaseEngine::PostgreSql);
        } else if line.starts_with(b"MySQL dump ") {
            self.header(DatabaseEngine::MySql);
        } else if line.starts_with(b"MariaDB dump ") {
            self.header(DatabaseEngine::MariaDb);
        } else if let Some(version) = line.strip_prefix(b"Dumped from database version ") {
            self.server_version(version);
        } else if let Some(version) = line.strip_prefix(b"Server version") {
            self.server_version(version);
        } else if line == b"PostgreSQL database dump complete"
            || line == b"PostgreSQL database cluster dump complete"
            || line.starts_with(b"Dump completed")
        {
            self.closed = true;
        }
    }

    fn versioned_comment(&mut self) {
        self.assume(DatabaseEngine::MySql);
    }

    fn backtick(&mut self) {
        self.assume(DatabaseEngine::MySql);
    }

    fn sandbox(&mut self) {
        self.engine = Some(DatabaseEngine::MariaDb);
    }

    fn client_command(&mut self, line: &[u8]) {
        let (name, arguments) = line.split_at(memchr::memchr(b' ', line).unwrap_or(line.len()));
        let known = self.dialect() != Dialect::MySql;
        match name {
            b"restrict" | b"unrestrict" if known => self.restricted = true,
            b"connect" | b"c" if known => {
                self.closed = false;
                self.connect(arguments.trim_ascii());
            }
            _ => {
                self.closed = false;
                self.commands.note(&[b"\\", line].concat());
            }
        }
    }

    fn word(&mut self, word: &[u8]) {
        self.cloud_role |= word == b"cloudsqlsuperuser";
    }

    fn statement(&mut self, statement: &Statement, versioned: bool) -> bool {
        self.has_statement = true;
        // Without comments a MySQL dump ends with the setting that it began with.
        self.closed = !self.header
            && statement.begins_with(&["SET", "SQL_NOTES"])
            && statement.ends_with(["SQL_NOTES", "OLD_SQL_NOTES"]);
        if statement.begins_with(&["INSERT"]) || statement.begins_with(&["REPLACE"]) {
            return false;
        }
        if statement.begins_with(&["SET", "standard_conforming_strings"]) {
            self.backslash_escapes = statement
                .word(2)
                .is_some_and(|word| word.eq_ignore_ascii_case(b"off"));
        }
        if statement.begins_with(&["SET", "statement_timeout"]) {
            self.assume(DatabaseEngine::PostgreSql);
        }
        let copies = statement.begins_with(&["COPY"]) && statement.ends_with(["FROM", "stdin"]);
        if copies {
            self.assume(DatabaseEngine::PostgreSql);
            if let Some(name) = statement.name_after(&["COPY"], &[]) {
                self.table = printable(&name.text);
            }
            return true;
        }
        // In a versioned comment it stands for a view until that comes.
        if !versioned {
            self.create_table(statement);
        }
        self.use_databases(statement);
        false
    }

    fn rows(&mut self, rows: u64) {
        self.rows += rows;
    }

    fn backslash_escapes(&self) -> bool {
        self.backslash_escapes
    }
}
