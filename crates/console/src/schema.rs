//! The tables. Times are microseconds since 1970-01-01 00:00 UTC; hashes of tokens and session ids are SHA-256 in
//! lower-case hexadecimal.

use database::SchemaStep;

pub(crate) const COMPONENT: &str = "console";

pub(crate) const STEPS: &[SchemaStep] = &[PEOPLE, DRAFTS, ROLES, ACTIVITIES];

const PEOPLE: SchemaStep = SchemaStep {
    version: 1,
    description: "people, tokens, sessions",
    sql: "
        -- email is trimmed and lower-cased; password_hash is a PHC string.
        CREATE TABLE people (
            id TEXT PRIMARY KEY NOT NULL,
            email TEXT NOT NULL UNIQUE,
            password_hash TEXT NOT NULL,
            created_at BIGINT NOT NULL
        );
        CREATE TABLE setup_tokens (
            hash TEXT PRIMARY KEY NOT NULL,
            expires_at BIGINT NOT NULL
        );
        CREATE TABLE access_tokens (
            hash TEXT PRIMARY KEY NOT NULL,
            person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
            created_at BIGINT NOT NULL,
            expires_at BIGINT NOT NULL,
            last_used_at BIGINT
        );
        CREATE INDEX access_tokens_of_a_person ON access_tokens (person_id);
        -- data is the session's record as JSON, without its id; person_id is NULL while nobody is signed in.
        CREATE TABLE sessions (
            id_hash TEXT PRIMARY KEY NOT NULL,
            person_id TEXT REFERENCES people (id) ON DELETE CASCADE,
            data TEXT NOT NULL,
            expires_at BIGINT NOT NULL
        );
        CREATE INDEX sessions_of_a_person ON sessions (person_id);
        CREATE INDEX sessions_by_expiry ON sessions (expires_at);
    ",
};

const DRAFTS: SchemaStep = SchemaStep {
    version: 2,
    description: "drafts",
    sql: "
        -- One file on its way in for each part; its bytes are the resumable upload. modified is in milliseconds, as
        -- browsers tell it.
        CREATE TABLE draft_files (
            actor_id TEXT NOT NULL,
            environment TEXT NOT NULL,
            part TEXT NOT NULL,
            upload_id TEXT NOT NULL UNIQUE,
            name TEXT NOT NULL,
            size BIGINT NOT NULL,
            modified BIGINT NOT NULL,
            sample TEXT NOT NULL,
            PRIMARY KEY (actor_id, environment, part)
        );
    ",
};

const ROLES: SchemaStep = SchemaStep {
    version: 3,
    description: "roles, invitations, names and scopes of tokens",
    sql: "
        -- NULL while the person may sign in.
        ALTER TABLE people ADD COLUMN disabled_at BIGINT;
        -- An empty project means everything, an empty environment all of the project.
        CREATE TABLE roles (
            person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
            project TEXT NOT NULL,
            environment TEXT NOT NULL,
            role TEXT NOT NULL,
            PRIMARY KEY (person_id, project, environment)
        );
        INSERT INTO roles (person_id, project, environment, role) SELECT id, '', '', 'owner' FROM people;
        CREATE TABLE invitations (
            hash TEXT PRIMARY KEY NOT NULL,
            id TEXT NOT NULL UNIQUE,
            email TEXT NOT NULL,
            project TEXT NOT NULL,
            environment TEXT NOT NULL,
            role TEXT NOT NULL,
            invited_by TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
            created_at BIGINT NOT NULL,
            expires_at BIGINT NOT NULL
        );
        CREATE INDEX invitations_of_a_person ON invitations (invited_by);
        -- id is no secret. scope is JSON and says what the token may at most. A token with a session goes with it.
        ALTER TABLE access_tokens RENAME TO access_tokens_before;
        CREATE TABLE access_tokens (
            hash TEXT PRIMARY KEY NOT NULL,
            id TEXT NOT NULL UNIQUE,
            person_id TEXT NOT NULL REFERENCES people (id) ON DELETE CASCADE,
            session_id_hash TEXT REFERENCES sessions (id_hash) ON DELETE CASCADE,
            name TEXT NOT NULL,
            scope TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            expires_at BIGINT NOT NULL,
            last_used_at BIGINT
        );
        INSERT INTO access_tokens (hash, id, person_id, name, scope, created_at, expires_at, last_used_at)
            SELECT hash, substr(hash, 1, 32), person_id, 'made on the machine', '{}', created_at, expires_at,
                last_used_at
            FROM access_tokens_before;
        DROP TABLE access_tokens_before;
        CREATE INDEX access_tokens_of_a_person ON access_tokens (person_id);
        CREATE INDEX access_tokens_of_a_session ON access_tokens (session_id_hash);
    ",
};

const ACTIVITIES: SchemaStep = SchemaStep {
    version: 4,
    description: "activities",
    sql: "
        -- Who did what. actor_id and actor_name are NULL where nobody was known, project and environment where it happened
        -- in the console itself; reason is the code of a problem; repeated says how many times it happened like this.
        CREATE TABLE activities (
            id TEXT PRIMARY KEY NOT NULL,
            at BIGINT NOT NULL,
            actor_id TEXT,
            actor_name TEXT,
            kind TEXT NOT NULL,
            project TEXT,
            environment TEXT,
            subject TEXT,
            outcome TEXT NOT NULL,
            reason TEXT,
            bytes BIGINT,
            via TEXT NOT NULL,
            address TEXT,
            request_id TEXT,
            repeated BIGINT NOT NULL
        );
        CREATE INDEX activities_of_a_place ON activities (project, environment, at, id);
        CREATE TRIGGER activities_are_not_changed BEFORE UPDATE ON activities
        BEGIN
            SELECT RAISE(ABORT, 'activities are never changed');
        END;
        CREATE TRIGGER activities_are_not_removed BEFORE DELETE ON activities
        BEGIN
            SELECT RAISE(ABORT, 'activities are never removed');
        END;
        -- An INSERT OR REPLACE would remove a row without asking the trigger above.
        CREATE TRIGGER activities_are_not_replaced BEFORE INSERT ON activities
        WHEN EXISTS (SELECT 1 FROM activities WHERE id = NEW.id)
        BEGIN
            SELECT RAISE(ABORT, 'activities are never replaced');
        END;
    ",
};
