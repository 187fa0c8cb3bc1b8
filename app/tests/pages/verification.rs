//! What pages say of backups that were read again, and how people ask for it.

use axum::http::StatusCode;
use backup_api::{BackupId, VerificationState};

use crate::support::{Answer, DAMAGE, Site, VERIFIED, form, newest};

const BACKUPS: &str = "/projects/a-read/backups";

fn id(minute: &str) -> BackupId {
    newest()
        .backup_id
        .to_string()
        .replace("202611232015", minute)
        .parse()
        .unwrap()
}

async fn page_of(site: &Site, cookie: &str, state: VerificationState) -> Answer {
    let (minute, _) = VERIFIED.into_iter().find(|(_, of)| *of == state).unwrap();
    let answer = site.page(&format!("{BACKUPS}/{}", id(minute)), cookie).await;
    assert_eq!(answer.status, StatusCode::OK);
    answer
}

/// As a page writes a text.
fn written(text: &str) -> String {
    text.replace('<', "&lt;").replace('>', "&gt;")
}

#[tokio::test]
async fn the_list_says_how_old_each_verification_is_and_which_failed() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let page = site.page(BACKUPS, &cookie).await.body;
    let rows: Vec<_> = page.split("class=\"backup-name\"").skip(1).collect();
    assert_eq!(rows.len(), 3);
    assert!(rows[0].contains(">Verified 3 days ago</span>"));
    assert!(
        rows[1].contains("class=\"row-remark is-bad\"") && rows[1].contains(">Verification failed</span>")
    );
    assert!(rows[2].contains(">Verifying …, 40 %</span>"));
    // The failure in words is for the page of the backup.
    assert!(!page.contains(&written(DAMAGE)));
    let never = site.page("/projects/a-prd/backups", &cookie).await.body;
    assert!(!never.contains("Verified") && !never.contains("Verifying"));
}

#[tokio::test]
async fn the_page_of_a_backup_says_when_by_whom_and_with_which_result() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let page = page_of(&site, &cookie, VerificationState::Succeeded).await.body;
    assert!(page.contains("<dt>Verified</dt>") && page.contains(" by anna@example.com</dd>"));
    assert!(page.contains("3 days ago") && !page.contains("role=\"alert\""));

    let page = page_of(&site, &cookie, VerificationState::Failed).await.body;
    let alert = page.split("role=\"alert\"").nth(1).expect("an alert");
    assert!(alert.contains("Verification failed: this backup is not what was stored"));
    assert!(alert.contains(&written(DAMAGE)), "{alert}");
    assert!(page.contains("class=\"is-bad\">Failed ") && page.contains("action=\"/api/verify-backup\""));

    let page = page_of(&site, &cookie, VerificationState::Running).await.body;
    assert!(page.contains("Verifying …, 40 %, begun by anna@example.com"));

    let never = site
        .page(
            &format!("/projects/a-prd/backups/{}", newest().backup_id),
            &cookie,
        )
        .await
        .body;
    assert!(never.contains("<dt>Verified</dt><dd>Never</dd>") && !never.contains("role=\"alert\""));
}

#[tokio::test]
async fn what_is_being_verified_is_not_begun_again_and_says_so() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let reason = "It is being verified. anna@example.com started that on ";
    let page = page_of(&site, &cookie, VerificationState::Running).await.body;
    assert!(page.contains(reason) && !page.contains("action=\"/api/verify-backup\""));
    let list = site.page(BACKUPS, &cookie).await.body;
    assert_eq!(list.matches("form=\"verify-backup\"").count(), 2);
    assert!(list.contains(reason));
}

#[tokio::test]
async fn a_menu_has_it_verified_and_leads_back_to_where_it_was_opened() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let address = "/projects/a-prd/backups?order=oldest";
    let page = site.page(address, &cookie).await.body;
    let form = form(&page, "verify-backup");
    assert!(form.contains("action=\"/api/verify-backup\"") && form.contains(&format!("value=\"{address}\"")));
    let id = newest().backup_id;
    assert!(page.contains(&format!("form=\"verify-backup\" name=\"backup\" value=\"{id}\"")));
    for (next, location) in [
        ("%2Fprojects%2Fa-prd%2Fbackups%3Forder%3Doldest", address),
        ("https%3A%2F%2Fexample.com", "/"),
    ] {
        let form = format!("environment=a-prd&backup={id}&next={next}");
        let answer = site.signed_form("/api/verify-backup", &cookie, &form).await;
        assert_eq!(
            (answer.status, answer.location.as_str()),
            (StatusCode::SEE_OTHER, location)
        );
    }
    let nonsense = site
        .signed_form("/api/verify-backup", &cookie, "environment=a-prd&backup=nonsense")
        .await;
    assert_eq!(
        nonsense.location,
        "/projects/a-prd/backups?problem=no%2Dsuch%2Dbackup"
    );
    let anonymous = site
        .signed_form(
            "/api/verify-backup",
            "",
            &format!("environment=a-prd&backup={id}"),
        )
        .await;
    assert_eq!(anonymous.status, StatusCode::SEE_OTHER);
    assert!(anonymous.location.starts_with("/login"), "{}", anonymous.location);
}
