//! Secrets are neither printed nor stored.

use std::{fs::File, io::Read as _, sync::Arc};

use console::{ConsoleSettings, Origin, SqliteSessionStore, session};
use secrecy::ExposeSecret;
use tower_sessions::Session;

use crate::support::{
    EMAIL, MASTER_TOKEN, PASSWORD, Service, Setting, id, secret, settings, with_master_token,
};

#[tokio::test]
async fn no_secret_is_printed_or_stored() {
    let environment = || with_master_token(settings("lfrjoebloggs", "prd", Service::empty()), MASTER_TOKEN);
    let setting = Setting::with(vec![environment()]).await;
    let console = &setting.console;

    let setup = console.issue_setup_token().await.unwrap();
    let mut printed = Vec::new();
    // While the setup is open, so that its token is stored in whatever form it is.
    let mut stored = everything_stored(&setting);
    printed.push(format!(
        "{:?}",
        console.set_up(&setup, EMAIL, &secret("short")).await
    ));
    let owner = console.set_up(&setup, EMAIL, &secret(PASSWORD)).await.unwrap();
    let token = console.create_token(EMAIL).await.unwrap();
    console.authenticate_token(&token).await.unwrap();
    let actor = console
        .authenticate_master_token(&id("lfrjoebloggs", "prd"), &secret(MASTER_TOKEN))
        .unwrap();
    let store = SqliteSessionStore::new(setting.database.clone());
    let session = Session::new(None, Arc::new(store.clone()), None);
    session::sign_in(&session, &owner, &Origin::default())
        .await
        .unwrap();
    session.save().await.unwrap();
    stored.extend(everything_stored(&setting));

    printed.push(format!(
        "{console:?} {setup:?} {token:?} {store:?} {owner:?} {actor:?}"
    ));
    printed.push(format!(
        "{:?} {:?}",
        environment(),
        ConsoleSettings {
            environments: vec![environment()]
        }
    ));
    let wrong_password = secret("another wrong password");
    printed.push(format!(
        "{:?}",
        console.authenticate_password(EMAIL, &wrong_password, None).await
    ));
    printed.push(format!(
        "{:?}",
        console.create_administrator(EMAIL, &secret(PASSWORD)).await
    ));
    printed.push(format!(
        "{:?}",
        console.authenticate_token(&secret("bct_a wrong token")).await
    ));
    let printed = printed.join("\n");
    let hash = setting.text("SELECT password_hash FROM people").await.unwrap();

    let session_id = session.id().unwrap();
    for secret in [
        setup.expose_secret(),
        &setup.expose_secret()[4..],
        token.expose_secret(),
        &token.expose_secret()[4..],
        PASSWORD,
        MASTER_TOKEN,
        "another wrong password",
        "a wrong token",
        &session_id.to_string(),
        &session_id.0.to_string(),
        EMAIL,
        &hash,
    ] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
        if secret != EMAIL && secret != hash {
            assert!(!contains(&stored, secret.as_bytes()), "{secret} is stored");
        }
    }
    // What is looked for would be found.
    assert!(contains(&stored, EMAIL.as_bytes()) && contains(&stored, hash.as_bytes()));
    assert!(printed.contains("lfrjoebloggs") && printed.contains(&owner.id));
}

fn everything_stored(setting: &Setting) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in setting.folder.path().read_dir().unwrap() {
        File::open(entry.unwrap().path())
            .unwrap()
            .read_to_end(&mut bytes)
            .unwrap();
    }
    bytes
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

#[tokio::test]
async fn a_new_secret_is_shown_once_and_to_whoever_made_it() {
    let (setting, owner) = Setting::with_owner().await;
    let other = setting.person("other@example.com").await;
    let console = &setting.console;
    let handle = console.show_once(&owner, secret("bct_a new token")).unwrap();
    assert!(console.shown_once(&other, &handle).is_none());
    assert!(console.shown_once(&owner, "another handle").is_none());
    assert!(!contains(&everything_stored(&setting), b"bct_a new token"));
    let shown = console.shown_once(&owner, &handle).unwrap();
    assert_eq!(shown.expose_secret(), "bct_a new token");
    assert!(console.shown_once(&owner, &handle).is_none());
}
