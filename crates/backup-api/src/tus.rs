//! The words of the resumable uploads' protocol, tus 1.0, in one place for server and clients.

/// The version that is spoken.
pub const VERSION: &str = "1.0.0";
/// The kind of body that carries bytes of an upload.
pub const CONTENT_TYPE: &str = "application/offset+octet-stream";

/// The version of a request, and of every answer.
pub const TUS_RESUMABLE: &str = "tus-resumable";
/// The versions a server speaks.
pub const TUS_VERSION: &str = "tus-version";
/// The extensions it offers.
pub const TUS_EXTENSION: &str = "tus-extension";
/// The most bytes one upload may have.
pub const TUS_MAX_SIZE: &str = "tus-max-size";
/// The checksums it knows.
pub const TUS_CHECKSUM_ALGORITHM: &str = "tus-checksum-algorithm";
/// The byte a body starts at, and the one an upload goes on at.
pub const UPLOAD_OFFSET: &str = "upload-offset";
/// All bytes of an upload.
pub const UPLOAD_LENGTH: &str = "upload-length";
/// `1` where the length is told later.
pub const UPLOAD_DEFER_LENGTH: &str = "upload-defer-length";
/// What the client wrote about its upload.
pub const UPLOAD_METADATA: &str = "upload-metadata";
/// Ours, in the metadata: which half of a backup it is to be, `database` or `volume`.
pub const PART: &str = "part";
/// When an upload goes, if nobody goes on with it.
pub const UPLOAD_EXPIRES: &str = "upload-expires";
/// What the bytes of a body hash to.
pub const UPLOAD_CHECKSUM: &str = "upload-checksum";
/// Ours: how a client names itself, so that it is told when it gave way to nobody but itself.
pub const UPLOAD_SENDER: &str = "upload-sender";
/// The SHA-256 of the whole archive (RFC 9530), once all of it is there.
pub const REPR_DIGEST: &str = "repr-digest";
