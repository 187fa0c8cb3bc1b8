//! Whether tables are named as the target wants them: PostgreSQL in lower case, MySQL as Liferay writes them.
//!
//! Only names that are known to be Liferay's count, so that tables of a project's own modules, whatever they are
//! called, are no evidence of anything.

use std::{collections::BTreeMap, fmt::Write as _};

use backup_api::{DatabaseEngine, TableNames};

use super::liferay_tables::TABLES;
use crate::noted::printable;

/// The most names that are kept. There are fewer in any database, unless somebody wants our memory.
const WRONG_NAMES: usize = 2000;

/// How the names were so far.
#[derive(Debug, Default)]
pub(crate) struct TableNaming {
    lower_case: u64,
    pascal_case: u64,
    other: u64,
    /// Names that are wrong: schema and name, and what it should be.
    wrong: BTreeMap<(String, String), String>,
}

impl TableNaming {
    pub(super) fn add(&mut self, engine: DatabaseEngine, schema: Option<&[u8]>, name: &[u8]) {
        let Some(liferays) = liferays_name(name) else {
            return;
        };
        let lower_case = liferays.to_ascii_lowercase();
        if name == lower_case.as_bytes() {
            self.lower_case += 1;
        } else if name == liferays.as_bytes() {
            self.pascal_case += 1;
        } else {
            self.other += 1;
        }
        let right = match engine {
            DatabaseEngine::PostgreSql => lower_case,
            DatabaseEngine::MySql | DatabaseEngine::MariaDb => liferays.to_owned(),
        };
        if name != right.as_bytes() && self.wrong.len() < WRONG_NAMES {
            let schema = schema.map(printable).unwrap_or_default();
            // The name has Liferay's letters and no others.
            self.wrong.insert((schema, printable(name)), right);
        }
    }

    pub(crate) fn verdict(&self) -> TableNames {
        match (self.lower_case, self.pascal_case, self.other) {
            (0, 0, 0) => TableNames::Unknown,
            (_, 0, 0) => TableNames::LowerCase,
            (0, _, 0) => TableNames::PascalCase,
            _ => TableNames::Mixed,
        }
    }

    /// Names that are wrong, in order.
    pub(crate) fn wrong(&self) -> impl ExactSizeIterator<Item = &str> {
        self.wrong.keys().map(|(_, name)| name.as_str())
    }

    /// Statements that mend them, one for each.
    pub(crate) fn renames(&self, engine: DatabaseEngine) -> Vec<String> {
        self.wrong
            .iter()
            .map(|((schema, name), right)| match engine {
                DatabaseEngine::PostgreSql => {
                    let mut statement = "ALTER TABLE ".to_owned();
                    if !schema.is_empty() {
                        let _ = write!(statement, "{}.", quoted(schema));
                    }
                    let _ = write!(statement, "{} RENAME TO {right};", quoted(name));
                    statement
                }
                DatabaseEngine::MySql | DatabaseEngine::MariaDb => {
                    format!("RENAME TABLE `{name}` TO `{right}`;")
                }
            })
            .collect()
    }
}

/// A name as PostgreSQL takes it literally, without quotes where it would anyway.
fn quoted(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if name.bytes().all(plain) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.replace('"', "\"\""))
    }
}

/// The name as Liferay writes it, if it is one of its tables, however it is written.
fn liferays_name(name: &[u8]) -> Option<&'static str> {
    let compare = |known: &&str| {
        known
            .bytes()
            .map(|byte| byte.to_ascii_lowercase())
            .cmp(name.iter().map(u8::to_ascii_lowercase))
    };
    let index = TABLES.binary_search_by(compare).ok()?;
    Some(TABLES[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_can_be_searched() {
        let lower_case: Vec<_> = TABLES.iter().map(|name| name.to_ascii_lowercase()).collect();
        assert!(lower_case.is_sorted_by(|one, other| one < other));
        for name in TABLES {
            assert_eq!(liferays_name(name.to_ascii_uppercase().as_bytes()), Some(*name));
        }
        assert_eq!(liferays_name(b"o_20097_order"), None);
    }

    #[test]
    fn each_engine_has_its_own_right() {
        let mut naming = TableNaming::default();
        for name in ["accountentry", "AccountEntry", "USER_", "Group_", "MyTable"] {
            naming.add(DatabaseEngine::PostgreSql, Some(b"public"), name.as_bytes());
        }
        assert_eq!(naming.verdict(), TableNames::Mixed);
        assert_eq!(
            naming.renames(DatabaseEngine::PostgreSql),
            [
                "ALTER TABLE public.\"AccountEntry\" RENAME TO accountentry;",
                "ALTER TABLE public.\"Group_\" RENAME TO group_;",
                "ALTER TABLE public.\"USER_\" RENAME TO user_;",
            ]
        );
        let mut naming = TableNaming::default();
        for name in ["accountentry", "CPDefinition", "quartz_locks", "mytable"] {
            naming.add(DatabaseEngine::MariaDb, None, name.as_bytes());
        }
        assert_eq!(
            naming.renames(DatabaseEngine::MariaDb),
            [
                "RENAME TABLE `accountentry` TO `AccountEntry`;",
                "RENAME TABLE `quartz_locks` TO `QUARTZ_LOCKS`;",
            ]
        );
    }
}
