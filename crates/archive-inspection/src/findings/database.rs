//! A dump, in words.

use backup_api::{DatabaseEngine, DumpFacts, Part, TableNames};

use super::{
    Notes, Subject,
    volume::note_tree,
    words::{count, list, noted, plural},
};
use crate::{
    contents::{DatabaseContents, Legacy},
    dump::{Ending, Facts, OtherFormat},
};

const POSTGRESQL_DUMP: &str = "pg_dump --format=plain --no-owner --no-acl -d lportal | gzip > database.gz";
const MYSQL_DUMP: &str = "mysqldump --databases --add-drop-database lportal | gzip > database.gz";

pub(super) fn facts(contents: &DatabaseContents) -> Option<DumpFacts> {
    let facts = &contents.dump()?.facts;
    let engine = facts.engine?;
    Some(DumpFacts {
        engine,
        version: facts.version.clone(),
        databases: facts.databases.clone(),
        tables: facts.tables,
        rows: facts.rows,
        table_names: facts.naming.verdict(),
        renames: facts.naming.renames(engine),
    })
}

/// `PostgreSQL 15 dump, 312 tables, lower-case names`
pub(super) fn summary(contents: &DatabaseContents) -> Option<String> {
    let facts = &contents.dump()?.facts;
    let engine = facts.engine?;
    let version = facts.version.as_deref().map(|version| series(engine, version));
    let mut summary = engine.title().to_owned();
    if let Some(version) = version {
        summary.push(' ');
        summary.push_str(&version);
    }
    summary.push_str(" dump, ");
    summary.push_str(&count(facts.tables, "table", "tables"));
    summary.push_str(match facts.naming.verdict() {
        TableNames::Unknown => "",
        TableNames::LowerCase => ", lower-case names",
        TableNames::PascalCase => ", Pascal-case names",
        TableNames::Mixed => ", names of mixed case",
    });
    Some(summary)
}

/// What people call a version: one number of PostgreSQL's since 10, two of the others.
fn series(engine: DatabaseEngine, version: &str) -> String {
    let mut numbers = version.split('.');
    let first = numbers.next().unwrap_or_default();
    let one_number = engine == DatabaseEngine::PostgreSql && first.len() > 1;
    match numbers.next() {
        Some(second) if !one_number => format!("{first}.{second}"),
        _ => first.to_owned(),
    }
}

pub(super) fn note(subject: &Subject<'_>, contents: &DatabaseContents, notes: &mut Notes) {
    if let Some(legacy) = contents.legacy() {
        note_tree(&legacy.tree, Part::Database, notes);
        if subject.is_whole() {
            note_legacy(legacy, notes);
        }
    }
    let Some(dump) = contents.dump() else {
        return;
    };
    if let Some(format) = dump.other_format {
        notes.error("unknown-dump", other_format(format).to_owned());
        return;
    }
    let facts = &dump.facts;
    let Some(engine) = facts.engine else {
        if subject.is_whole() || (subject.fault.is_none() && dump.is_unknown()) {
            notes.warning("unknown-dump", unknown_dump());
        }
        return;
    };
    if let Some(ending) = contents.ending.as_ref().filter(|_| subject.is_whole()) {
        note_ending(ending, engine, notes);
    }
    note_databases(subject, facts, engine, notes);
    note_commands(facts, engine, notes);
    note_names(facts, engine, notes);
}

fn note_legacy(legacy: &Legacy, notes: &mut Notes) {
    let Some((name, _)) = &legacy.dump else {
        notes.warning("unknown-dump", unknown_dump());
        return;
    };
    let others = match legacy.others {
        0 => String::new(),
        others => format!(
            " {} beside it {} ignored.",
            count(others, "other dump", "other dumps"),
            plural(others, "is", "are")
        ),
    };
    notes.info(
        "legacy-tgz",
        format!(
            "The database is a .tgz, as services before 4.2 made them; the dump in it is {name}.{others} Newer ones take \
             the dump alone: gzip -c dump.sql > database.gz"
        ),
    );
}

fn unknown_dump() -> String {
    format!(
        "database.gz holds no dump that pg_dump, mysqldump or mariadb-dump wrote, so nothing can be said about it. Make \
         it with: {POSTGRESQL_DUMP}"
    )
}

fn other_format(format: OtherFormat) -> &'static str {
    match format {
        OtherFormat::PostgreSqlCustom => {
            "database.gz holds a dump in pg_dump's own format, but it must be SQL as text. Make it with: pg_dump \
             --format=plain --no-owner --no-acl -d lportal | gzip > database.gz"
        }
        OtherFormat::Utf16 => {
            "The dump in database.gz is written in UTF-16, as PowerShell's > does. Let pg_dump write the file itself: \
             pg_dump -f database.sql"
        }
        OtherFormat::Gzip => {
            "database.gz is compressed twice. Send what is in it: gunzip database.gz, then rename it to database.gz"
        }
        OtherFormat::Zip => {
            "database.gz holds a zip file, but it must hold the dump itself. Unpack that and run: gzip -c dump.sql > \
             database.gz"
        }
        OtherFormat::Xml => {
            "database.gz holds XML, but it must be SQL as text. Leave out --xml: mysqldump --databases \
             --add-drop-database lportal | gzip > database.gz"
        }
        OtherFormat::Sqlite => {
            "database.gz holds a file of SQLite, but it must be a dump of PostgreSQL, MySQL or MariaDB as SQL."
        }
    }
}

fn note_ending(ending: &Ending, engine: DatabaseEngine, notes: &mut Notes) {
    let (closing, program) = match engine {
        DatabaseEngine::PostgreSql => ("-- PostgreSQL database dump complete", "pg_dump"),
        DatabaseEngine::MySql => ("-- Dump completed", "mysqldump"),
        DatabaseEngine::MariaDb => ("-- Dump completed", "mariadb-dump"),
    };
    let end = match ending {
        Ending::Closed => return,
        Ending::InRows(table) => format!("it ends in the rows of {table}"),
        Ending::InStatement => "it ends in the middle of a statement".to_owned(),
        Ending::Open => format!("the line \"{closing}\" is missing at its end"),
    };
    notes.error(
        "dump-incomplete",
        format!(
            "The dump is not complete: {end}. Look at what {program} reported, then make it again: {}",
            dump_command(engine)
        ),
    );
}

fn dump_command(engine: DatabaseEngine) -> &'static str {
    match engine {
        DatabaseEngine::PostgreSql => POSTGRESQL_DUMP,
        DatabaseEngine::MySql => MYSQL_DUMP,
        DatabaseEngine::MariaDb => {
            "mariadb-dump --databases --add-drop-database lportal | gzip > database.gz"
        }
    }
}

fn note_databases(subject: &Subject<'_>, facts: &Facts, engine: DatabaseEngine, notes: &mut Notes) {
    if facts.databases.len() > 1 {
        notes.error(
            "several-databases",
            format!(
                "The dump holds several databases: {}. Dump only Liferay's: {}",
                list(&facts.databases, facts.databases.len() as u64),
                dump_command(engine)
            ),
        );
    }
    if engine == DatabaseEngine::PostgreSql {
        if facts.creates_database || facts.drops_database {
            let does = match (facts.drops_database, facts.creates_database) {
                (true, true) => "drops and creates",
                (true, false) => "drops",
                _ => "creates",
            };
            notes.warning(
                "drops-database",
                format!(
                    "The dump {does} its database, which a restore does itself. Leave out --clean and --create: \
                     {POSTGRESQL_DUMP}"
                ),
            );
        }
    } else if subject.is_whole() && !(facts.drops_database && facts.uses_database) {
        let lacks = match (facts.drops_database, facts.uses_database) {
            (false, false) => "neither drops nor names its database",
            (false, true) => "does not drop its database",
            _ => "does not name its database",
        };
        notes.warning(
            "no-drop-database",
            format!(
                "The dump {lacks}, so that a restore may leave old tables. Make it with: {}",
                dump_command(engine)
            ),
        );
    }
}

fn note_commands(facts: &Facts, engine: DatabaseEngine, notes: &mut Notes) {
    if facts.commands.count() > 0 {
        let commands = plural(facts.commands.count(), "a command", "commands");
        let client = match engine {
            DatabaseEngine::PostgreSql => "psql",
            DatabaseEngine::MySql => "mysql",
            DatabaseEngine::MariaDb => "mariadb",
        };
        notes.error(
            "client-command",
            format!(
                "The dump holds {commands} for {client} that no dump has, and that could run programs: {}. Make it again \
                 with: {}",
                noted(&facts.commands),
                dump_command(engine)
            ),
        );
    }
    match (facts.restricted, facts.cloud_role) {
        (false, false) => {}
        (true, false) => notes.info(
            "restricted-meta",
            "The dump has lines with \\restrict, which older versions of psql do not know. A restore here takes care \
             of them."
                .to_owned(),
        ),
        (restricted, true) => {
            let lines = if restricted { "lines with \\restrict and " } else { "" };
            notes.info(
                "restricted-meta",
                format!(
                    "The dump has {lines}the role cloudsqlsuperuser, which only Google's Cloud SQL has. A restore here \
                     takes care of that."
                ),
            );
        }
    }
}

fn note_names(facts: &Facts, engine: DatabaseEngine, notes: &mut Notes) {
    let wrong = facts.naming.wrong();
    let number = wrong.len() as u64;
    if number == 0 {
        return;
    }
    let first: Vec<_> = wrong.take(3).map(str::to_owned).collect();
    let wanted = match engine {
        DatabaseEngine::PostgreSql => "lower case (accountentry)",
        DatabaseEngine::MySql | DatabaseEngine::MariaDb => "Liferay's own case (AccountEntry)",
    };
    let example = facts
        .naming
        .renames(engine)
        .into_iter()
        .next()
        .unwrap_or_default();
    let all = if number == 1 { "" } else { ", and so for all" };
    notes.warning(
        "table-case",
        format!(
            "{} that Liferay will not find, because {engine} wants {wanted}: {}. Rename before dumping: \
             {example}{all}",
            count(number, "table has a name", "tables have names"),
            list(&first, number)
        ),
    );
}
