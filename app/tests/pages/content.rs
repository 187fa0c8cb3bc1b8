//! What pages say to somebody who is signed in.

use axum::http::StatusCode;

use crate::support::{HOSTILE, IN_USE, MANY, NO_ENGINE, REQUEST_ID, Site, form, minute_of, newest};

const WARNING: &str = "Warning: a backup creation is underway. All backup features will be available again when the creation is complete.";
const SUCCESS: &str = "Success: backup creation succeeded. All backup features are available again.";

#[tokio::test]
async fn what_does_not_exist_is_404() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    for path in [
        "/projects/b-prd/backups",
        "/projects/a-prd-/backups",
        "/projects/b-prd/backups/upload",
        "/projects/a-prd/backups/nonsense",
        "/projects/a-prd/backups/dxpcloud-abc-202611232015",
        "/projects/a-dev/backups/dxpcloud-lqgqnewltbexuewymq-202611232015",
    ] {
        let answer = site.page(path, &cookie).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.body.contains("Page not found"), "{path}");
    }
}

#[tokio::test]
async fn a_service_that_fails_is_told_with_the_request_id() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let answer = site.page("/projects/a-old/backups", &cookie).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.body.contains("The backup service does not answer.") && answer.body.contains(REQUEST_ID));

    for path in ["/", "/projects/a-prd/backups/upload"] {
        let answer = site.page(path, &cookie).await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "{path} is held up by another environment"
        );
        assert!(
            answer.body.contains("The backup service does not answer."),
            "{path}"
        );
    }
}

#[tokio::test]
async fn what_people_wrote_stays_text() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let answer = site
        .page(
            &format!("/projects/a-prd/backups/{}", newest().backup_id),
            &cookie,
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!answer.body.contains(HOSTILE) && answer.body.contains("&lt;script&gt;alert(1)"));
}

#[tokio::test]
async fn pages_need_no_exception_in_their_policy() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let backup = format!("/projects/a-prd/backups/{}", newest().backup_id);
    for path in [
        "/",
        "/nothing",
        "/projects/a-prd/backups",
        "/projects/a-uat/backups",
        "/projects/a-dev/backups",
        "/projects/a-old/backups",
        "/projects/a-prd/backups/upload?problem=not-gzip&part=volume",
        &backup,
    ] {
        let body = site.page(path, &cookie).await.body;
        assert!(
            !body.contains(" style=") && !body.contains("<style"),
            "{path} has inline styles"
        );
        assert!(
            !body.contains(" onclick=") && !body.contains("javascript:"),
            "{path} has inline handlers"
        );
        for script in body.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(
                tag.contains(" nonce=\""),
                "{path} has a script without nonce: {tag}"
            );
        }
        assert_eq!(body.matches("<h1").count(), 1, "{path}");
        assert!(body.contains("<title>"), "{path}");
    }
}

#[tokio::test]
async fn a_busy_environment_says_so_in_the_exact_words_and_takes_no_form() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let page = site.page("/projects/a-uat/backups", &cookie).await.body;
    assert!(page.contains(WARNING) && page.contains("Backup creation in progress..."));
    assert!(page.contains("anna@example.com") && page.contains("Receiving the files, 1 kB of 4 kB"));
    assert!(!page.contains(SUCCESS));

    let upload = site.page("/projects/a-uat/backups/upload", &cookie).await.body;
    let form = |environment: &str| {
        let action = format!("action=\"/projects/{environment}/backups/upload\"");
        let form = upload
            .split(&action)
            .nth(1)
            .expect("a form")
            .split("</form>")
            .next()
            .unwrap();
        assert!(form.contains("Initiate Upload"));
        form.to_owned()
    };
    assert!(form("a-prd").contains("type=\"submit\""));
    for closed in ["a-uat", "a-old"] {
        let form = form(closed);
        assert!(
            !form.contains("type=\"submit\"") && form.contains("aria-disabled=\"true\""),
            "{form}"
        );
    }
    assert!(
        form("a-uat")
            .contains("Available again when the backup creation that anna@example.com started on 2026-11-23 at 20:00 UTC is complete.")
    );
}

#[tokio::test]
async fn success_is_only_told_of_a_backup_that_stands() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    for id in ["", "nonsense", "dxpcloud-abc-202611232015"] {
        let page = site
            .page(&format!("/projects/a-prd/backups?uploaded={id}"), &cookie)
            .await
            .body;
        assert!(!page.contains(SUCCESS), "{id}");
    }
    let page = site
        .page(
            &format!("/projects/a-prd/backups?uploaded={}", newest().backup_id),
            &cookie,
        )
        .await
        .body;
    assert!(page.contains(SUCCESS) && page.contains("Backup creation succeeded"));
}

#[tokio::test]
async fn the_backups_page_lists_newest_first_and_explains_what_cannot_be_done() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let page = site.page("/projects/a-prd/backups", &cookie).await.body;
    assert!(page.contains("<title>Backups · a-prd · Backups Console</title>"));
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text} is missing"));
    assert!(place("-202611232015") < place("-202611222015"));
    assert!(page.contains("title=\"244,913 bytes\"") && page.contains("244.9 kB"));
    assert!(page.contains("datetime=\"2026-11-23T20:15:00Z\"") && page.contains("2026-11-23 20:15 UTC"));
    for part in ["database", "volume"] {
        place(&format!(
            "/projects/a-prd/backups/{}/download/{part}\"",
            newest().backup_id
        ));
    }
    for reason in [NO_ENGINE, "No target is configured.", "Nothing can be deleted."] {
        place(reason);
    }
    let empty = site.page("/projects/a-dev/backups", &cookie).await.body;
    assert!(empty.contains("No backups yet.") && empty.contains("Upload Backup..."));
}

/// The times in the ids of the rows, in their order.
fn rows(page: &str) -> Vec<String> {
    let names = page.split("class=\"backup-name\"").skip(1);
    names
        .map(|name| {
            let id = name.split_once('>').unwrap().1.split_once('<').unwrap().0;
            id.rsplit('-').next().unwrap().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn of_ten_thousand_backups_a_page_is_asked_for_and_a_page_is_shown() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    site.handed_over();
    let last = MANY / 50;
    for (query, first, words, asked) in [
        ("", 0, "1 to 50 of 10,000", 50),
        ("?page=2", 50, "51 to 100 of 10,000", 50),
        (
            &format!("?page={last}"),
            MANY - 50,
            "9,951 to 10,000 of 10,000",
            50,
        ),
        // There is none, so the last one is asked for.
        ("?page=201", MANY - 50, "9,951 to 10,000 of 10,000", 50),
        (
            "?page=18446744073709551615",
            MANY - 50,
            "9,951 to 10,000 of 10,000",
            50,
        ),
        ("?page=0", 0, "1 to 50 of 10,000", 50),
        ("?page=x", 0, "1 to 50 of 10,000", 50),
    ] {
        let page = site
            .page(&format!("/projects/a-big/backups{query}"), &cookie)
            .await
            .body;
        let expected: Vec<_> = (first..first + 50).map(minute_of).collect();
        assert_eq!(rows(&page), expected, "{query}");
        assert!(page.contains(words), "{query}: {words}");
        assert_eq!(site.handed_over(), asked, "{query}");
    }

    let page = site
        .page("/projects/a-big/backups?order=oldest&page=2", &cookie)
        .await
        .body;
    let expected: Vec<_> = (0..50).map(|index| minute_of(MANY - 51 - index)).collect();
    assert_eq!(rows(&page), expected);
    assert!(page.contains("/projects/a-big/backups?order=oldest&amp;page=3"));
    let page = site
        .page("/projects/a-big/backups?status=failed", &cookie)
        .await
        .body;
    assert!(page.contains("No backup is like that.") && page.contains("Clear filters"));
    site.handed_over();

    for path in [
        format!(
            "/projects/a-big/backups/dxpcloud-lqgqnewltbexuewymq-{}",
            minute_of(0)
        ),
        format!(
            "/projects/a-big/backups/dxpcloud-lqgqnewltbexuewymq-{}/delete",
            minute_of(0)
        ),
        "/projects/a-big/backups/upload".to_owned(),
    ] {
        assert_eq!(site.page(&path, &cookie).await.status, StatusCode::OK, "{path}");
        assert_eq!(site.handed_over(), 0, "{path}");
    }
}

#[tokio::test]
async fn an_uploaded_backup_is_a_success_on_whatever_page_it_is() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let id = format!("dxpcloud-lqgqnewltbexuewymq-{}", minute_of(7_000));
    let page = site
        .page(&format!("/projects/a-big/backups?uploaded={id}"), &cookie)
        .await
        .body;
    assert!(page.contains(SUCCESS));
    let shown = rows(&page);
    assert!(!shown.contains(&minute_of(7_000)), "it is far down the list");
}

#[tokio::test]
async fn the_first_page_tells_the_sizes_of_the_latest_backups_and_their_number() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    site.handed_over();
    let page = site.page("/", &cookie).await.body;
    assert!(page.contains("Sizes of the last 2 backups, oldest first: 244.9 kB, 244.9 kB"));
    assert!(page.contains(">10,000<") && page.contains(">2.45 GB<"));
    assert_eq!(site.handed_over(), 2 + 8 + 3, "of prd, of big and of read");
}

#[tokio::test]
async fn a_refused_form_is_explained_with_names_to_whoever_sent_it_and_nobody_else() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let id = newest().backup_id;
    let path = format!("/projects/a-prd/backups/{id}/delete");
    let form = format!("environment=a-prd&backup={id}&confirmation={id}");
    let answer = site.signed_form("/api/delete-backup", &cookie, &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(answer.location, format!("{path}?problem=in%2Duse"));

    let page = site.page(&answer.location, &cookie).await.body;
    assert!(
        page.contains(&format!("{IN_USE} Delete the backup when that has ended.")),
        "{page}"
    );
    // The words are those of this page and this refusal.
    for other in [
        format!("/projects/a-prd/backups/{id}?problem=in-use"),
        format!("{path}?problem=pinned"),
        path.clone(),
    ] {
        let page = site.page(&other, &cookie).await.body;
        assert!(!page.contains(IN_USE), "{other}");
    }
    let somebody_else = site.sign_in().await;
    let page = site.page(&answer.location, &somebody_else).await.body;
    assert!(page.contains("Somebody is downloading this backup.") && !page.contains(IN_USE));

    let form = format!("environment=a-prd&backup={id}&confirmation=nonsense");
    let answer = site.signed_form("/api/delete-backup", &cookie, &form).await;
    let page = site.page(&answer.location, &cookie).await.body;
    assert!(page.contains("That is not its name."));
}

#[tokio::test]
async fn a_menu_pins_and_leads_back_to_where_it_was_opened() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let address = "/projects/a-prd/backups?order=oldest";
    let page = site.page(address, &cookie).await.body;
    for (id, pinned) in [("pin-backup", true), ("unpin-backup", false)] {
        let form = form(&page, id);
        for part in [
            "action=\"/api/pin-backup\"".to_owned(),
            format!("name=\"pinned\" value=\"{pinned}\""),
            format!("value=\"{address}\""),
        ] {
            assert!(form.contains(&part), "{form}");
        }
    }
    let id = newest().backup_id;
    assert!(page.contains(&format!("form=\"pin-backup\" name=\"backup\" value=\"{id}\"")));
    for (next, location) in [
        ("%2Fprojects%2Fa-prd%2Fbackups%3Forder%3Doldest", address),
        ("https%3A%2F%2Fexample.com", "/"),
    ] {
        let form = format!("environment=a-prd&backup={id}&pinned=true&next={next}");
        let answer = site.signed_form("/api/pin-backup", &cookie, &form).await;
        assert_eq!(
            (answer.status, answer.location.as_str()),
            (StatusCode::SEE_OTHER, location)
        );
    }
}

#[tokio::test]
async fn the_pages_of_a_backup_have_the_words_for_its_end() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let id = newest().backup_id;
    for path in [
        format!("/projects/a-prd/backups/{id}"),
        format!("/projects/a-prd/backups/{id}/delete"),
    ] {
        let page = site.page(&path, &cookie).await.body;
        let hidden = format!("<div data-gone=\"{id}\" hidden");
        assert!(
            page.contains(&hidden) && page.contains("This backup was deleted."),
            "{path}"
        );
        assert!(page.contains(&format!("data-until-gone=\"{id}\"")), "{path}");
    }
}

#[tokio::test]
async fn one_backup_comes_with_the_commands_that_prove_it() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let page = site
        .page(
            &format!("/projects/a-prd/backups/{}", newest().backup_id),
            &cookie,
        )
        .await
        .body;
    let check = format!(
        "{}  backup-db-a-prd-202611232015.gz\n{}  backup-lfr",
        "a".repeat(64),
        "b".repeat(64)
    );
    assert!(page.contains(&check), "the lines that sha256sum reads");
    assert!(page.contains("http://backup-a-prd.localhost/backup/download/volume/"));
    assert!(page.contains(&format!("lcp backup download --backupId {}", newest().backup_id)));
}

#[tokio::test]
async fn a_form_that_failed_is_explained_from_its_code_alone() {
    let site = Site::new().await;
    let cookie = site.sign_in().await;
    let path = "/projects/a-prd/backups/upload";
    let page = site
        .page(
            &format!("{path}?problem=not-gzip&part=volume&request=abc-123"),
            &cookie,
        )
        .await
        .body;
    assert!(page.contains("The file for Document Library is not a gzip file.") && page.contains("abc-123"));
    let page = site
        .page(
            &format!("{path}?problem=hacked&part=hacked&request=call+555"),
            &cookie,
        )
        .await
        .body;
    assert!(
        page.contains("Something went wrong on our side")
            && !page.contains("hacked")
            && !page.contains("555")
    );
}

#[tokio::test]
async fn the_theme_comes_from_the_cookie_and_nothing_else_does() {
    let site = Site::new().await;
    for (cookies, theme) in [
        ("theme=dark", "dark"),
        ("a=b; theme=light", "light"),
        ("theme=\"x", "system"),
    ] {
        let page = site.page("/login", cookies).await.body;
        assert!(
            page.contains(&format!("<html lang=\"en\" data-theme=\"{theme}\"")),
            "{cookies}"
        );
    }
}
