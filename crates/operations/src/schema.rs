//! The tables.

use database::SchemaStep;

pub(crate) const COMPONENT: &str = "operations";

pub(crate) const STEPS: &[SchemaStep] = &[OPERATIONS, LOG, FAILED];

const OPERATIONS: SchemaStep = SchemaStep {
    version: 1,
    description: "operations and the lock of an environment",
    sql: "
        CREATE TABLE operations (
            id TEXT PRIMARY KEY,
            project TEXT NOT NULL,
            environment TEXT NOT NULL,
            kind TEXT NOT NULL,
            state TEXT NOT NULL,
            phase TEXT NOT NULL,
            bytes_done BIGINT NOT NULL,
            bytes_total BIGINT,
            actor_id TEXT NOT NULL,
            actor_name TEXT NOT NULL,
            started_at BIGINT NOT NULL,
            finished_at BIGINT,
            backup_id TEXT,
            failure TEXT
        );
        CREATE INDEX operations_by_environment ON operations (project, environment, started_at);
        CREATE TABLE environment_locks (
            project TEXT NOT NULL,
            environment TEXT NOT NULL,
            operation_id TEXT NOT NULL UNIQUE REFERENCES operations (id),
            PRIMARY KEY (project, environment)
        );
    ",
};

const LOG: SchemaStep = SchemaStep {
    version: 2,
    description: "what operations did, line by line",
    sql: "
        CREATE TABLE operation_log (
            operation_id TEXT NOT NULL REFERENCES operations (id),
            number BIGINT NOT NULL,
            at BIGINT NOT NULL,
            text TEXT NOT NULL,
            PRIMARY KEY (operation_id, number)
        );
    ",
};

const FAILED: SchemaStep = SchemaStep {
    version: 3,
    description: "operations that made no backup",
    sql: "
        CREATE INDEX operations_that_failed ON operations (project, environment, started_at, id, kind)
            WHERE kind <> 'restore' AND state IN ('failed', 'interrupted', 'cancelled');
        -- What other components may read in SQL: a history has these between rows of its own.
        CREATE VIEW failed_operations AS
            SELECT id, project, environment, kind, started_at FROM operations
            WHERE kind <> 'restore' AND state IN ('failed', 'interrupted', 'cancelled');
    ",
};
