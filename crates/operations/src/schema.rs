//! The tables.

use database::SchemaStep;

pub(crate) const COMPONENT: &str = "operations";

pub(crate) const STEPS: &[SchemaStep] = &[OPERATIONS, LOG, FAILED, TOTALS];

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

/// The columns `within_…` are [`crate::DURATION_CLASSES`]; the database counts, whoever ends an operation.
const TOTALS: SchemaStep = SchemaStep {
    version: 4,
    description: "what was done, in numbers",
    sql: "
        CREATE TABLE operation_totals (
            project TEXT NOT NULL,
            environment TEXT NOT NULL,
            kind TEXT NOT NULL,
            state TEXT NOT NULL,
            operations BIGINT NOT NULL,
            bytes BIGINT NOT NULL,
            microseconds BIGINT NOT NULL,
            last_finished_at BIGINT NOT NULL,
            within_1 BIGINT NOT NULL,
            within_10 BIGINT NOT NULL,
            within_60 BIGINT NOT NULL,
            within_300 BIGINT NOT NULL,
            within_900 BIGINT NOT NULL,
            within_3600 BIGINT NOT NULL,
            within_14400 BIGINT NOT NULL,
            within_43200 BIGINT NOT NULL,
            PRIMARY KEY (project, environment, kind, state)
        );
        -- One operation as it is counted.
        CREATE VIEW ended_operations AS
            SELECT id, project, environment, kind, state, bytes_done AS bytes, finished_at,
                finished_at - started_at AS microseconds,
                (finished_at - started_at) / 1000000.0 AS seconds
            FROM operations WHERE finished_at IS NOT NULL;
        INSERT INTO operation_totals
            SELECT project, environment, kind, state, count(*), sum(bytes), sum(microseconds), max(finished_at),
                sum(seconds <= 1), sum(seconds <= 10), sum(seconds <= 60), sum(seconds <= 300), sum(seconds <= 900),
                sum(seconds <= 3600), sum(seconds <= 14400), sum(seconds <= 43200)
            FROM ended_operations GROUP BY project, environment, kind, state;
        CREATE TRIGGER operations_are_counted AFTER UPDATE OF finished_at ON operations
            WHEN OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL
        BEGIN
            INSERT INTO operation_totals
                SELECT project, environment, kind, state, 1, bytes, microseconds, finished_at,
                    seconds <= 1, seconds <= 10, seconds <= 60, seconds <= 300, seconds <= 900,
                    seconds <= 3600, seconds <= 14400, seconds <= 43200
                FROM ended_operations WHERE id = NEW.id
                ON CONFLICT (project, environment, kind, state) DO UPDATE SET
                    operations = operation_totals.operations + 1,
                    bytes = operation_totals.bytes + excluded.bytes,
                    microseconds = operation_totals.microseconds + excluded.microseconds,
                    last_finished_at = max(operation_totals.last_finished_at, excluded.last_finished_at),
                    within_1 = operation_totals.within_1 + excluded.within_1,
                    within_10 = operation_totals.within_10 + excluded.within_10,
                    within_60 = operation_totals.within_60 + excluded.within_60,
                    within_300 = operation_totals.within_300 + excluded.within_300,
                    within_900 = operation_totals.within_900 + excluded.within_900,
                    within_3600 = operation_totals.within_3600 + excluded.within_3600,
                    within_14400 = operation_totals.within_14400 + excluded.within_14400,
                    within_43200 = operation_totals.within_43200 + excluded.within_43200;
        END;
    ",
};
