//! Small members, appended to a pack by one task for each environment.
//!
//! Whatever came while the disk was busy is written, synced and recorded together, so that ten thousand small files cost
//! a few syncs. Nobody is answered before the rows of their members are committed. After a failure the pack is left as it
//! is recorded, and the next members go to a new one: a sync that failed is never repeated.

use std::{collections::HashSet, fs::File, io, sync::Arc};

use archive_store::failpoints;
use backup_api::library::ContentHash;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::{
    MemberError,
    blocking::blocking,
    home::{Home, Sink},
    records::{PackRecord, Place},
};

/// A pack that has so many bytes gets no more.
pub(crate) const FULL_PACK: u64 = 64 * 1024 * 1024;
/// Orders that wait, and the most that are carried out together; each holds memory that was reserved for it.
const QUEUED: usize = 1024;

/// A member that is to be kept.
#[derive(Debug)]
pub(crate) struct NewMember {
    pub(crate) content: ContentHash,
    /// Bytes of the content.
    pub(crate) size: u64,
    pub(crate) bytes: Vec<u8>,
}

/// Members that come together, and who waits for them.
#[derive(Debug)]
struct Order {
    members: Vec<NewMember>,
    done: oneshot::Sender<Result<(), MemberError>>,
}

/// The way to the task; it ends when nobody has one any more.
#[derive(Debug, Clone)]
pub(crate) struct Appender {
    orders: mpsc::Sender<Order>,
}

impl Appender {
    /// Must be called within a runtime.
    pub(crate) fn start(home: Arc<Home>) -> Self {
        let (orders, queue) = mpsc::channel(QUEUED);
        tokio::spawn(work(home, queue));
        Self { orders }
    }

    /// Keeps members; when this comes back they are durable.
    pub(crate) async fn append(&self, members: Vec<NewMember>) -> Result<(), MemberError> {
        let gone = || MemberError::Stopping;
        let (done, answer) = oneshot::channel();
        let order = Order { members, done };
        self.orders.send(order).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

async fn work(home: Arc<Home>, mut queue: mpsc::Receiver<Order>) {
    let mut pack = Begun::Unknown;
    let mut orders = Vec::new();
    while queue.recv_many(&mut orders, QUEUED).await > 0 {
        let (members, waiting): (Vec<_>, Vec<_>) = orders
            .drain(..)
            .map(|Order { members, done }| (members, done))
            .unzip();
        let result = append(&home, &mut pack, members.into_iter().flatten().collect()).await;
        for done in waiting {
            // Whoever hung up has the content kept all the same.
            let _ = done.send(match &result {
                Ok(()) => Ok(()),
                Err(error) => Err(error.again()),
            });
        }
    }
}

/// The pack that is appended to.
enum Begun {
    /// Nothing was appended since the start.
    Unknown,
    /// There is none: the last one is full, or failed.
    None,
    Pack(Arc<File>, PackRecord),
}

async fn append(home: &Arc<Home>, begun: &mut Begun, members: Vec<NewMember>) -> Result<(), MemberError> {
    let members = without_repetition(home, members).await?;
    if members.is_empty() {
        return Ok(());
    }
    let bytes = members.iter().map(|member| member.bytes.len() as u64).sum();
    home.ensure_room(bytes)?;
    let members = Arc::new(members);
    loop {
        let (file, pack) = match std::mem::replace(begun, Begun::None) {
            Begun::Unknown => match home.records.pack_with_room(&home.environment, FULL_PACK).await? {
                Some(pack) => (Some(open(home, pack).await?), pack),
                None => (None, new_pack(home, bytes).await?),
            },
            Begun::Pack(file, pack) if pack.length < FULL_PACK => (Some(file), pack),
            Begun::Pack(..) | Begun::None => (None, new_pack(home, bytes).await?),
        };
        let is_new = file.is_none();
        let file = write(home, file, pack, members.clone()).await?;
        failpoints::reached("member-bytes-synced");
        let grown = PackRecord {
            id: pack.id,
            length: pack.length + bytes,
        };
        let mut transaction = home.records.begin().await?;
        let placed = places(pack, &members);
        let added = home
            .records
            .add_members(&mut transaction, &home.environment, grown, is_new, &placed)
            .await?;
        if !added {
            // Nobody had used the pack for long, and it went just now. There is another one to be had.
            continue;
        }
        failpoints::reached("member-rows-before-commit");
        transaction
            .commit()
            .await
            .map_err(database::DatabaseError::from)?;
        failpoints::reached("member-rows-committed");
        *begun = Begun::Pack(file, grown);
        return Ok(());
    }
}

/// Those that are not there yet, each once.
async fn without_repetition(home: &Home, members: Vec<NewMember>) -> Result<Vec<NewMember>, MemberError> {
    let contents: Vec<_> = members.iter().map(|member| member.content).collect();
    let known = home.records.places(&home.environment, &contents).await?;
    let mut seen: HashSet<_> = known.into_keys().collect();
    let is_new = |member: &NewMember| seen.insert(member.content);
    Ok(members.into_iter().filter(is_new).collect())
}

async fn new_pack(home: &Home, bytes: u64) -> Result<PackRecord, MemberError> {
    home.ensure_quota(bytes).await?;
    Ok(PackRecord {
        id: Uuid::now_v7(),
        length: 0,
    })
}

async fn open(home: &Arc<Home>, pack: PackRecord) -> Result<Arc<File>, MemberError> {
    let home = home.clone();
    blocking(move || {
        let path = home.pack(pack.id);
        let file = home
            .files
            .open_to_append(&path)
            .map_err(MemberError::io("open a pack"))?;
        Ok(Arc::new(file))
    })
    .await
}

/// Writes members at the end of a pack and makes them durable.
async fn write(
    home: &Arc<Home>,
    file: Option<Arc<File>>,
    pack: PackRecord,
    members: Arc<Vec<NewMember>>,
) -> Result<Arc<File>, MemberError> {
    let home = home.clone();
    blocking(move || {
        let files = &home.files;
        let write = || -> io::Result<Arc<File>> {
            let is_new = file.is_none();
            let file = match file {
                Some(file) => file,
                None => Arc::new(files.create_new(&home.pack(pack.id))?),
            };
            let found = files.length(&file)?;
            if found != pack.length {
                return Err(io::Error::other(format!(
                    "pack {} has {found} bytes instead of {}",
                    pack.id, pack.length
                )));
            }
            let mut sink = Sink::new(files.clone(), file.try_clone()?);
            for member in members.iter() {
                io::Write::write_all(&mut sink, &member.bytes)?;
            }
            failpoints::reached("member-bytes-written");
            files.sync_all(&file)?;
            if is_new {
                files.sync_folder(&home.packs())?;
            }
            Ok(file)
        };
        write().map_err(MemberError::io("write a pack"))
    })
    .await
}

fn places(pack: PackRecord, members: &[NewMember]) -> Vec<(ContentHash, Place)> {
    let mut position = pack.length;
    let mut place = |member: &NewMember| {
        let place = Place {
            size: member.size,
            pack: pack.id,
            position,
            length: member.bytes.len() as u64,
        };
        position += place.length;
        (member.content, place)
    };
    members.iter().map(&mut place).collect()
}
