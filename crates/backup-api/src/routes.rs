//! The paths of the backup service's API, in one place for server and clients.

/// `GET`: the newest backups first.
pub const LIST: &str = "/backup/list";
/// `POST`, multipart: takes in a pair of archives.
pub const UPLOAD: &str = "/backup/upload";
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
