//! The tables.

use database::SchemaStep;

pub(crate) const COMPONENT: &str = "backup_service";

pub(crate) const STEPS: &[SchemaStep] = &[
    SchemaStep {
    version: 1,
    description: "catalogue, ids",
    sql: "
        CREATE TABLE environment_uids (
            project TEXT NOT NULL,
            environment TEXT NOT NULL,
            uid TEXT NOT NULL UNIQUE,
            PRIMARY KEY (project, environment)
        );
        -- One backup a minute: the key refuses a second one. A row goes when its operation fails and stays when its
        -- backup is deleted, so that no id ever means two backups.
        CREATE TABLE backup_minutes (
            project TEXT NOT NULL,
            environment TEXT NOT NULL,
            minute BIGINT NOT NULL,
            operation_id TEXT,
            PRIMARY KEY (project, environment, minute)
        );
        CREATE TABLE backups (
            id TEXT PRIMARY KEY,
            project TEXT NOT NULL,
            environment TEXT NOT NULL,
            minute BIGINT NOT NULL,
            database_archive TEXT NOT NULL UNIQUE,
            volume_archive TEXT NOT NULL UNIQUE,
            backup TEXT NOT NULL
        );
        CREATE UNIQUE INDEX backups_newest_first ON backups (project, environment, minute DESC);
    ",
    },
    SchemaStep {
        version: 2,
        description: "idempotency keys",
        sql: "
        CREATE TABLE idempotency_keys (
            project TEXT NOT NULL,
            environment TEXT NOT NULL,
            actor_id TEXT NOT NULL,
            key TEXT NOT NULL,
            operation_id TEXT NOT NULL,
            PRIMARY KEY (project, environment, actor_id, key)
        );
    ",
    },
    SchemaStep {
        version: 3,
        description: "deletions, changed manifests",
        sql: "
        -- Backups that the catalogue has forgotten and whose files may still be there. A row goes with the last file.
        CREATE TABLE deletions (
            backup_id TEXT PRIMARY KEY,
            project TEXT NOT NULL,
            environment TEXT NOT NULL,
            actor_name TEXT NOT NULL,
            deleted_at BIGINT NOT NULL
        );
        -- Backups whose backup.json may say less than the catalogue.
        CREATE TABLE stale_manifests (
            backup_id TEXT PRIMARY KEY REFERENCES backups (id) ON DELETE CASCADE
        );
    ",
    },
    SchemaStep {
        version: 4,
        description: "what the history is filtered, ordered and summed up by",
        sql: "
        -- NULL only in rows from before this step, until the next start reads them from the JSON.
        ALTER TABLE backups ADD COLUMN created_at BIGINT;
        ALTER TABLE backups ADD COLUMN size BIGINT;
        ALTER TABLE backups ADD COLUMN creation_type TEXT;
        ALTER TABLE backups ADD COLUMN status TEXT;
        -- Each holds all that a page is chosen by, so that skipped rows are never read themselves.
        CREATE INDEX backups_by_time ON backups
            (project, environment, created_at, id, status, creation_type, size);
        CREATE INDEX backups_by_size ON backups
            (project, environment, size, created_at, id, status, creation_type);
        -- Changed with each backup that comes or goes, so that nobody has to count thousands.
        CREATE TABLE backup_totals (
            project TEXT NOT NULL,
            environment TEXT NOT NULL,
            status TEXT NOT NULL,
            creation_type TEXT NOT NULL,
            backups BIGINT NOT NULL,
            size BIGINT NOT NULL,
            PRIMARY KEY (project, environment, status, creation_type)
        );
    ",
    },
    SchemaStep {
        version: 5,
        description: "what verifications came to",
        sql: "
        -- When the last one ended and with which result; NULL where there was none.
        ALTER TABLE backups ADD COLUMN verified_at BIGINT;
        ALTER TABLE backups ADD COLUMN verification TEXT;
        CREATE INDEX backups_by_verification ON backups (project, environment, verification, verified_at)
            WHERE verified_at IS NOT NULL;
    ",
    },
];
