//! The paths of the backup service's API, in one place for server and clients.

/// `GET`: the newest backups first.
pub const LIST: &str = "/backup/list";
/// `GET`: a page of backups and of what should have become one, filtered and ordered.
pub const HISTORY: &str = "/backup/history";
/// `POST`: takes in a pair of archives, as multipart or, as JSON, by the ids of two finished resumable uploads.
pub const UPLOAD: &str = "/backup/upload";
/// The resumable uploads, tus 1.0: `POST` here, `HEAD`, `PATCH` and `DELETE` below, and `GET` for what is known of one.
pub const UPLOADS: &str = "/backup/uploads";
/// `GET`, `HEAD`, `POST`: the bytes of one archive.
pub const DOWNLOAD: &str = "/backup/download/{part}/{id}";
/// `POST`: asks which contents of files are missing.
pub const MISSING_CONTENTS: &str = "/backup/files/missing";
/// `POST`: contents of files, several in one body.
pub const CONTENTS: &str = "/backup/files/contents";
/// `PUT`: the content of one file.
pub const CONTENT: &str = "/backup/files/contents/{sha256}";
/// `POST`: a document library, as a list of its entries.
pub const LIBRARIES: &str = "/backup/files/libraries";
/// `GET`: how far a document library is.
pub const LIBRARY: &str = "/backup/files/libraries/{id}";
/// `GET`: the entries of a backup's document library.
pub const FILES: &str = "/backup/files/{id}";
/// `GET`: what is in one file of a backup's document library.
pub const FILE: &str = "/backup/files/{id}/contents/{sha256}";
/// `POST`: makes a backup.
pub const CREATE: &str = "/backup/create";
/// `POST`: restores a backup into the environment of this host.
pub const RESTORE: &str = "/backup/restore";
/// `GET`, `PATCH` (note and pin), `DELETE`: one backup.
pub const BACKUP: &str = "/backup/{id}";
/// `GET`: statements that mend the names of tables in the database of a backup, as a file.
pub const RENAMES: &str = "/backup/{id}/renames.sql";
/// The same of a database that is no backup yet.
pub const UPLOAD_RENAMES: &str = "/backup/uploads/{id}/renames.sql";
/// `POST`: reads both archives of a backup again where they lie, and compares them with what was stored.
pub const VERIFY: &str = "/backup/{id}/verify";
/// `GET`: the newest operations first.
pub const OPERATIONS: &str = "/backup/operations";
/// `GET`: one operation.
pub const OPERATION: &str = "/backup/operations/{id}";
/// `GET`: what an operation did, line by line.
pub const OPERATION_LOG: &str = "/backup/operations/{id}/log";
/// `POST`: asks a running operation to end.
pub const OPERATION_CANCEL: &str = "/backup/operations/{id}/cancel";
/// `POST`: takes the lock away from an operation.
pub const OPERATION_BREAK: &str = "/backup/operations/{id}/break";
/// `GET`: what happens, as Server-Sent Events.
pub const EVENTS: &str = "/backup/events";
/// `GET`: this API as OpenAPI 3.1, to anybody.
pub const OPENAPI: &str = "/backup/openapi.json";
/// The prefix under which a console serves the API of its environments on its own host name.
pub const SERVICES: &str = "/services";

/// The header that carries a user token besides `Authorization`.
pub const TOKEN_HEADER: &str = "dxpcloud-authorization";

/// The header by which a console says for whom it asks, percent-encoded. It is recorded and gives nobody a right; only
/// whoever has a master token is believed.
pub const ON_BEHALF_OF: &str = "backups-on-behalf-of";
