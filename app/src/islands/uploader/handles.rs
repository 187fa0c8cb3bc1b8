//! Handles of files, where the browser has them: they outlive the page, so that whoever comes back is asked for
//! permission only, and not for the file.
//!
//! Everything here is a help that may be missing: browsers without handles, private windows and full disks end in the
//! ordinary file chooser.

use idb::{Database, DatabaseEvent, Factory, ObjectStoreParams, TransactionMode};
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    DragEvent, File, FileSystemFileHandle,
    js_sys::{Array, Function, Object, Promise, Reflect},
};

const DATABASE: &str = "backups-console";
const STORE: &str = "file-handles";
const VERSION: u32 = 1;

/// The handle of a file.
pub(super) type Handle = FileSystemFileHandle;

/// Calls a method that not every browser has.
fn call(object: &JsValue, method: &str, argument: &JsValue) -> Option<Promise> {
    let method = Reflect::get(object, &method.into()).ok()?;
    let method = method.dyn_into::<Function>().ok()?;
    method.call1(object, argument).ok()?.dyn_into().ok()
}

/// Whether the browser has a file chooser that gives handles.
pub(super) fn are_given() -> bool {
    Reflect::has(&window(), &"showOpenFilePicker".into()).unwrap_or(false)
}

/// Has the person choose a file; `None` where they did not.
pub(super) async fn choose() -> Option<Handle> {
    let chosen = call(&window(), "showOpenFilePicker", &Object::new())?
        .await
        .ok()?;
    Array::from(&chosen).get(0).dyn_into().ok()
}

/// The handle of a file that is dropped, if the browser gives one. To be called while the event is handled.
pub(super) fn dropped(event: &DragEvent) -> Option<Promise> {
    let item = event.data_transfer()?.items().get(0)?;
    call(&item, "getAsFileSystemHandle", &JsValue::UNDEFINED)
}

/// The file behind a handle; asks for permission where the browser wants that.
pub(super) async fn open(handle: &Handle) -> Option<File> {
    if let Some(asked) = call(handle, "requestPermission", &Object::new()) {
        let answer = asked.await.ok()?;
        (answer == "granted").then_some(())?;
    }
    handle.get_file().await.ok()?.dyn_into().ok()
}

/// Keeps the handle of the file that an upload takes its bytes from.
pub(super) async fn keep(upload: &str, handle: &Handle) {
    let kept = async {
        let database = database().await?;
        let transaction = database.transaction(&[STORE], TransactionMode::ReadWrite)?;
        let store = transaction.object_store(STORE)?;
        store.put(handle, Some(&upload.into()))?.await?;
        transaction.commit()?.await
    };
    // Without it the person chooses the file again.
    let _: Result<_, idb::Error> = kept.await;
}

/// The handle that was kept for an upload.
pub(super) async fn kept(upload: &str) -> Option<Handle> {
    let found = async {
        let database = database().await?;
        let transaction = database.transaction(&[STORE], TransactionMode::ReadOnly)?;
        let store = transaction.object_store(STORE)?;
        store.get(JsValue::from(upload))?.await
    };
    let found: Result<Option<JsValue>, idb::Error> = found.await;
    found.ok()??.dyn_into().ok()
}

/// Forgets the handle of an upload that is over.
pub(super) async fn forget(upload: &str) {
    let forgotten = async {
        let database = database().await?;
        let transaction = database.transaction(&[STORE], TransactionMode::ReadWrite)?;
        transaction
            .object_store(STORE)?
            .delete(JsValue::from(upload))?
            .await?;
        transaction.commit()?.await
    };
    // It is only room.
    let _: Result<_, idb::Error> = forgotten.await;
}

async fn database() -> Result<Database, idb::Error> {
    let mut request = Factory::new()?.open(DATABASE, Some(VERSION))?;
    request.on_upgrade_needed(|event| {
        if let Ok(database) = event.database() {
            // Opening the transaction says so where this fails.
            let _ = database.create_object_store(STORE, ObjectStoreParams::new());
        }
    });
    request.await
}
