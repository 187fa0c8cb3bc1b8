//! The paths of the backup service's API, in one place for server and clients.

/// `GET`: the newest backups first.
pub const LIST: &str = "/backup/list";
/// `POST`: takes in a pair of archives, as multipart or, as JSON, by the ids of two finished resumable uploads.
pub const UPLOAD: &str = "/backup/upload";
/// The resumable uploads, tus 1.0: `POST` here, `HEAD`, `PATCH` and `DELETE` below.
pub const UPLOADS: &str = "/backup/uploads";
/// `GET`, `HEAD`, `POST`: the bytes of one archive.
pub const DOWNLOAD: &str = "/backup/download/{part}/{id}";
/// `POST`: makes a backup.
pub const CREATE: &str = "/backup/create";
/// `POST`: restores a backup into the environment of this host.
pub const RESTORE: &str = "/backup/restore";
/// `GET`, `DELETE`: one backup.
pub const BACKUP: &str = "/backup/{id}";
/// The prefix under which a console serves the API of its environments on its own host name.
pub const SERVICES: &str = "/services";

/// The header that carries a user token besides `Authorization`.
pub const TOKEN_HEADER: &str = "dxpcloud-authorization";
