//! `backup upload`: a backup made of a dump and a document library that are here.
//!
//! Everything that can be known is looked at before the first byte goes: that the archives are whole, and what a folder
//! holds. How the bytes get there, and how they go on after a cut, is the client's.

use std::{
    fs,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    sync::Arc,
};

use archive_inspection::{Inspection, Limits, Verdict};
use backup_api::{
    ApiError, Backup, BackupApi as _, BackupId, ByteStream, Capabilities, Capability, NO_BACKGROUND, Part,
    Severity, Upload, UploadAtService, UploadContent, UploadPart,
};
use futures_util::stream;
use serde_json::json;
use tokio::task::block_in_place;
use uuid::Uuid;

use super::{available, explain_concurrency, no_file_mode, operation};
use crate::{
    command_line::{ServiceArguments, UploadArguments},
    failure::Failure,
    pace,
    pack::{self, Survey},
    place::Place,
    printer::Printer,
    progress::{Counter, Progress},
    send_files,
    session::Session,
    words,
};

const CHUNK: usize = 1024 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A part of the upload, looked at and ready to go.
struct Ready {
    source: Source,
    bytes: u64,
}

enum Source {
    Folder(Survey),
    File { file: fs::File, is_compressed: bool },
}

pub(crate) async fn run(
    service: &ServiceArguments,
    arguments: &UploadArguments,
    printer: Printer,
) -> Result<(), Failure> {
    let session = Session::open(service, None, printer)?;
    let api = session.api();
    let is_older = api.about(&session.actor).await?.is_none();
    if is_older && !arguments.waiting.is_wanted() {
        return Err(Failure::Failed(format!("{NO_BACKGROUND} Leave --no-wait out.")));
    }
    let database = block_in_place(|| database(&arguments.database, printer))?;
    let library = block_in_place(|| library(&arguments.doclib, printer))?;
    let Capabilities { upload, files, .. } = api.capabilities(&session.actor).await?;
    available(upload)?;
    let library = match library {
        Ready {
            source: Source::Folder(survey),
            bytes,
        } => {
            if let Some(packed) = Packed::why(&survey, &files) {
                explain_packing(&survey, &packed, &session.place, printer);
                Library::Here(Ready {
                    source: Source::Folder(survey),
                    bytes,
                })
            } else {
                refuse_while_held(&session).await?;
                let most = pace::most(&arguments.concurrency, printer);
                Library::There(send_folder(&session, survey, most, printer).await?)
            }
        }
        packed => {
            explain_concurrency(&arguments.concurrency, printer);
            Library::Here(packed)
        }
    };

    let progress = Progress::start("Upload", Some(database.bytes + library.bytes()), printer);
    let counter = progress.counter();
    let parts = [
        (
            Part::Database,
            UploadContent::Stream(database.stream(counter.clone())),
        ),
        (Part::Volume, library.content(counter)),
    ]
    .map(|(part, content)| Ok(UploadPart { part, content }));
    let upload = Upload {
        announced_length: None,
        parts: Box::pin(stream::iter(parts)),
        note: None,
        idempotency_key: Some(Uuid::new_v4().to_string()),
    };
    if is_older {
        let id = api.upload_as_documented(&session.actor, upload).await;
        let id = id.map_err(reading_failed)?;
        progress.finish();
        tell_id(&session, id.as_ref(), printer)
    } else if arguments.waiting.is_wanted() {
        let backup = api.upload(&session.actor, upload).await.map_err(reading_failed)?;
        progress.finish();
        session.remember(&backup.backup_id);
        tell_findings(&backup, printer);
        printer.data(backup.backup_id.as_str(), &backup)
    } else {
        let operation = api
            .begin_upload(&session.actor, upload)
            .await
            .map_err(reading_failed)?;
        progress.finish();
        if let Some(id) = &operation.backup_id {
            session.remember(id);
        }
        operation::begun(&session, &operation, printer)
    }
}

/// What is known of a backup whose service does not describe itself.
fn tell_id(session: &Session, id: Option<&BackupId>, printer: Printer) -> Result<(), Failure> {
    if let Some(id) = id {
        session.remember(id);
        return printer.data(id.as_str(), &json!({ "backupId": id }));
    }
    printer.say(
        "The service has taken the backup, and does not say its id. `lcp backup list` or its Backups page shows it.",
    );
    printer.object(&json!({ "backupId": null }))
}

/// The document library: still here, or at the service already.
enum Library {
    Here(Ready),
    There(UploadAtService),
}

impl Library {
    /// Bytes that are still to be sent.
    fn bytes(&self) -> u64 {
        match self {
            Self::Here(ready) => ready.bytes,
            Self::There(_) => 0,
        }
    }

    fn content(self, counter: Counter) -> UploadContent {
        match self {
            Self::Here(ready) => UploadContent::Stream(ready.stream(counter)),
            Self::There(library) => UploadContent::AtService(library),
        }
    }
}

/// Why a folder is packed, where it is not sent file by file.
enum Packed {
    /// The service takes archives only.
    ByTheService,
    /// It holds names or links that only an archive can carry.
    ByTheFolder(String),
}

impl Packed {
    fn why(survey: &Survey, files: &Capability) -> Option<Self> {
        if files.available {
            survey.why_packed().map(Self::ByTheFolder)
        } else {
            Some(Self::ByTheService)
        }
    }
}

fn explain_packing(survey: &Survey, packed: &Packed, place: &Place, printer: Printer) {
    let packing = format!(
        "Packing {} ({}) into a volume.tgz on the way.",
        words::files(survey.files),
        words::size(survey.bytes)
    );
    printer.say(&match packed {
        Packed::ByTheService => format!("{} {packing}", no_file_mode(place)),
        Packed::ByTheFolder(reason) => format!("{reason}, which only an archive can carry. {packing}"),
    });
}

/// Before hours of bytes go. Whoever comes in between is met at the end.
async fn refuse_while_held(session: &Session) -> Result<(), Failure> {
    match session.api().current_operation(&session.actor).await? {
        Some(holder) => Err(ApiError::OperationInProgress(Box::new(holder)).into()),
        None => Ok(()),
    }
}

/// Brings a folder to the service file by file.
async fn send_folder(
    session: &Session,
    survey: Survey,
    most: usize,
    printer: Printer,
) -> Result<UploadAtService, Failure> {
    let label = format!("Looking into {}", words::files(survey.files));
    let progress = Progress::start(&label, Some(survey.bytes), printer);
    let counter = progress.counter();
    let digested = block_in_place(|| survey.digest(&counter))
        .map_err(|error| Failure::Failed(format!("Nothing was sent: {error}.")))?;
    progress.finish();
    let library = send_files::send(session, &Arc::new(digested), most, printer).await?;
    for finding in &library.findings {
        printer.say(&format!("{}: {}", finding.part, finding.message));
    }
    Ok(UploadAtService { id: library.id })
}

impl Ready {
    fn stream(self, counter: Counter) -> ByteStream {
        match self.source {
            Source::Folder(survey) => pack::stream(pack::Folder { survey, counter }),
            Source::File { file, is_compressed } => pack::stream(pack::Dump {
                file,
                size: self.bytes,
                is_compressed,
                counter,
            }),
        }
    }
}

/// What stopped on this machine is no fault of the service's.
fn reading_failed(error: ApiError) -> Failure {
    match error {
        ApiError::Internal(source) => {
            let mut text = source.to_string();
            let mut cause = source.source();
            while let Some(error) = cause {
                text = format!("{text}: {error}");
                cause = error.source();
            }
            Failure::Failed(format!("The upload stopped, and nothing of it was kept: {text}."))
        }
        other => other.into(),
    }
}

fn tell_findings(backup: &Backup, printer: Printer) {
    for finding in &backup.findings {
        printer.say(&format!("{}: {}", finding.part, finding.message));
    }
}

/// A dump: as `database.gz`, or plain, which is compressed on the way.
fn database(path: &Path, printer: Printer) -> Result<Ready, Failure> {
    let (mut file, size) = open(path)?;
    let is_compressed = begins_like_gzip(&mut file, path)?;
    if is_compressed {
        inspect(&mut file, size, Part::Database, path, printer)?;
    } else if size == 0 {
        return Err(Failure::Integrity(format!(
            "{} is empty. Make the dump again and look at its size.",
            path.display()
        )));
    } else {
        printer.say(&format!(
            "{} is not compressed yet; it is on its way.",
            path.display()
        ));
    }
    Ok(Ready {
        source: Source::File { file, is_compressed },
        bytes: size,
    })
}

/// A document library: its folder, or `volume.tgz`.
fn library(path: &Path, printer: Printer) -> Result<Ready, Failure> {
    if path.is_dir() {
        let survey = pack::survey(path)?;
        let bytes = survey.bytes;
        return Ok(Ready {
            source: Source::Folder(survey),
            bytes,
        });
    }
    let (mut file, size) = open(path)?;
    inspect(&mut file, size, Part::Volume, path, printer)?;
    Ok(Ready {
        source: Source::File {
            file,
            is_compressed: true,
        },
        bytes: size,
    })
}

fn open(path: &Path) -> Result<(fs::File, u64), Failure> {
    let failed = |error: &std::io::Error| Failure::file("read", path, error);
    let file = fs::File::open(path).map_err(|error| failed(&error))?;
    let metadata = file.metadata().map_err(|error| failed(&error))?;
    if metadata.is_file() {
        Ok((file, metadata.len()))
    } else {
        Err(Failure::Usage(format!("{} is not a file.", path.display())))
    }
}

fn begins_like_gzip(file: &mut fs::File, path: &Path) -> Result<bool, Failure> {
    let mut start = [0; 2];
    let is_gzip = match file.read_exact(&mut start) {
        Ok(()) => start == GZIP,
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => false,
        Err(error) => return Err(Failure::file("read", path, &error)),
    };
    rewind(file, path)?;
    Ok(is_gzip)
}

fn rewind(file: &mut fs::File, path: &Path) -> Result<(), Failure> {
    file.seek(SeekFrom::Start(0))
        .map(|_| ())
        .map_err(|error| Failure::file("read", path, &error))
}

/// Reads an archive to its end, as the service will: what it would refuse is refused before a byte is sent.
fn inspect(file: &mut fs::File, size: u64, part: Part, path: &Path, printer: Printer) -> Result<(), Failure> {
    let name = path.file_name().unwrap_or(path.as_os_str()).display();
    let progress = Progress::start(&format!("Looking into {name}"), Some(size), printer);
    let counter = progress.counter();
    let mut inspection = Inspection::new(part, Limits::default());
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = file
            .read(&mut buffer)
            .map_err(|error| Failure::file("read", path, &error))?;
        if read == 0 || inspection.feed(&buffer[..read]) == Verdict::Refused {
            break;
        }
        counter.add(read);
    }
    let report = inspection.finish();
    progress.finish();
    rewind(file, path)?;
    let mut errors = Vec::new();
    for finding in report.findings {
        match finding.severity {
            Severity::Error => errors.push(finding.message),
            Severity::Warning => printer.say(&format!("warning: {}", finding.message)),
            Severity::Info => printer.explain(&finding.message),
        }
    }
    if errors.is_empty() {
        return Ok(());
    }
    Err(Failure::Integrity(format!(
        "{} would be refused, so nothing was sent. {}",
        path.display(),
        errors.join(" ")
    )))
}
