//! Commands that people copy into a terminal. Whatever is put into one is quoted for a POSIX shell, so that a strange
//! name is an argument and never a command.

use backup_api::{Backup, Part, routes};

/// Dumps a PostgreSQL database as the service wants it.
pub(crate) const DUMP_POSTGRESQL: &str = "pg_dump --format=plain --no-owner --no-acl \\\n  \
    --host \"$HOST\" --username \"$USER\" --dbname lportal | gzip > database.gz";

/// The same for MySQL and MariaDB.
pub(crate) const DUMP_MYSQL: &str = "mysqldump --user root --password \\\n  \
    --databases --add-drop-database lportal | gzip > database.gz";

/// Gives the files to the user that restores them.
pub(crate) const OWN_DOCUMENT_LIBRARY: &str = "chown -R 1000:1000 \"$LIFERAY_HOME\"/data/document_library/";

/// Packs the document library.
pub(crate) const PACK_DOCUMENT_LIBRARY: &str =
    "cd \"$LIFERAY_HOME\"/data && tar -czvf volume.tgz document_library";

/// Downloads one archive. The password is asked for, so it stands neither here nor in the shell's history.
pub(crate) fn download(service_url: &str, backup: &Backup, part: Part, email: &str) -> String {
    let path = routes::DOWNLOAD
        .replace("{part}", part.as_str())
        .replace("{id}", backup.backup_id.as_str());
    format!(
        "curl --fail --user {} \\\n  --output {} \\\n  {}",
        quoted(email),
        quoted(backup.part_file_name(part)),
        quoted(&format!("{}{path}", service_url.trim_end_matches('/')))
    )
}

/// Downloads both archives.
pub(crate) fn download_both(service_url: &str, backup: &Backup, email: &str) -> String {
    Part::ALL
        .map(|part| download(service_url, backup, part, email))
        .join("\n")
}

/// Downloads both archives with the command-line client. The id alone is enough: it names its environment too.
pub(crate) fn download_with_lcp(backup: &Backup) -> String {
    format!(
        "lcp backup download --backupId {}",
        quoted(backup.backup_id.as_str())
    )
}

/// Uploads a pair from a terminal.
pub(crate) fn upload(service_url: &str, email: &str) -> String {
    format!(
        "curl --fail --user {} \\\n  --form database=@database.gz --form volume=@volume.tgz \\\n  {}",
        quoted(email),
        quoted(&format!(
            "{}{}",
            service_url.trim_end_matches('/'),
            routes::UPLOAD
        ))
    )
}

/// Compares the downloaded files with the checksums.
pub(crate) fn verify(backup: &Backup) -> String {
    let lines =
        Part::ALL.map(|part| format!("{}  {}", backup.part_sha256(part), backup.part_file_name(part)));
    format!("sha256sum -c <<'EOF'\n{}\nEOF", lines.join("\n"))
}

/// One argument for a POSIX shell; plain words stay as they are.
fn quoted(argument: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@+".contains(&byte);
    if !argument.is_empty() && argument.bytes().all(plain) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_stay_arguments() {
        assert_eq!(quoted("joe@example.com"), "joe@example.com");
        assert_eq!(quoted("o'neill@example.com"), r"'o'\''neill@example.com'");
        assert_eq!(quoted("$(rm)@example.com"), "'$(rm)@example.com'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn commands_on_two_lines_are_one_command() {
        assert_eq!(
            DUMP_MYSQL,
            "mysqldump --user root --password \\\n  --databases --add-drop-database lportal | gzip > database.gz"
        );
        assert!(DUMP_POSTGRESQL.contains(" --no-acl \\\n  --host "));
    }

    #[test]
    fn uploads_name_the_documented_fields() {
        assert_eq!(
            upload("http://backup-a-b.localhost:3000/", "joe@example.com"),
            "curl --fail --user joe@example.com \\\n  --form database=@database.gz --form volume=@volume.tgz \\\n  \
             http://backup-a-b.localhost:3000/backup/upload"
        );
    }
}
