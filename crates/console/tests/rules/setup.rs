use console::{Console, ConsoleError, ConsoleSettings};

use crate::support::{EMAIL, PASSWORD, Setting, database_in, secret};

#[tokio::test]
async fn a_wrong_token_sets_nothing_up() {
    let setting = Setting::new().await;
    setting.console.issue_setup_token().await.unwrap();
    let other = "bcs_0000000000000000000000000000000000000000000000000000000000000000";
    for token in ["", "bcs_", other] {
        assert!(
            !setting
                .console
                .setup_token_is_valid(&secret(token))
                .await
                .unwrap()
        );
        let outcome = setting
            .console
            .set_up(&secret(token), EMAIL, &secret(PASSWORD))
            .await;
        assert!(matches!(outcome, Err(ConsoleError::SetupClosed)), "{outcome:?}");
    }
    assert!(setting.console.needs_setup().await.unwrap());
}

#[tokio::test]
async fn an_expired_token_sets_nothing_up() {
    let setting = Setting::new().await;
    let token = setting.console.issue_setup_token().await.unwrap();
    assert!(setting.console.setup_token_is_valid(&token).await.unwrap());
    let day = 24 * 3_600 * 1_000_000_i64;
    assert_eq!(
        setting
            .execute(&format!(
                "UPDATE setup_tokens SET expires_at = expires_at - {day}"
            ))
            .await,
        1
    );

    assert!(!setting.console.setup_token_is_valid(&token).await.unwrap());
    let outcome = setting.console.set_up(&token, EMAIL, &secret(PASSWORD)).await;
    assert!(matches!(outcome, Err(ConsoleError::SetupClosed)), "{outcome:?}");
    assert!(setting.console.needs_setup().await.unwrap());
}

#[tokio::test]
async fn a_new_token_ends_the_one_before() {
    let setting = Setting::new().await;
    let first = setting.console.issue_setup_token().await.unwrap();
    let second = setting.console.issue_setup_token().await.unwrap();
    assert!(!setting.console.setup_token_is_valid(&first).await.unwrap());
    assert!(setting.console.setup_token_is_valid(&second).await.unwrap());
}

#[tokio::test]
async fn a_token_survives_a_refused_password_and_is_used_up_by_success() {
    let setting = Setting::new().await;
    let token = setting.console.issue_setup_token().await.unwrap();

    let outcome = setting.console.set_up(&token, EMAIL, &secret("short")).await;
    assert!(
        matches!(outcome, Err(ConsoleError::WeakPassword { .. })),
        "{outcome:?}"
    );
    let outcome = setting.console.set_up(&token, "nobody", &secret(PASSWORD)).await;
    assert!(matches!(outcome, Err(ConsoleError::InvalidEmail)), "{outcome:?}");

    let person = setting
        .console
        .set_up(&token, " Owner@Example.com ", &secret(PASSWORD))
        .await
        .unwrap();
    assert_eq!(person.email, EMAIL);
    assert!(!setting.console.needs_setup().await.unwrap());
    assert!(!setting.console.setup_token_is_valid(&token).await.unwrap());
    let outcome = setting
        .console
        .set_up(&token, "second@example.com", &secret(PASSWORD))
        .await;
    assert!(matches!(outcome, Err(ConsoleError::SetupClosed)), "{outcome:?}");
    let outcome = setting.console.issue_setup_token().await;
    assert!(matches!(outcome, Err(ConsoleError::SetupClosed)), "{outcome:?}");
    assert_eq!(
        setting
            .console
            .authenticate_password(EMAIL, &secret(PASSWORD), None)
            .await
            .unwrap(),
        person
    );
}

#[tokio::test]
async fn an_administrator_made_on_the_machine_closes_the_link() {
    let setting = Setting::new().await;
    let token = setting.console.issue_setup_token().await.unwrap();
    setting
        .console
        .create_administrator(EMAIL, &secret(PASSWORD))
        .await
        .unwrap();
    assert!(!setting.console.setup_token_is_valid(&token).await.unwrap());
    let outcome = setting
        .console
        .set_up(&token, "second@example.com", &secret(PASSWORD))
        .await;
    assert!(matches!(outcome, Err(ConsoleError::SetupClosed)), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_at_the_same_instant_one_wins() {
    let setting = Setting::new().await;
    // A second connection to the same file, as a second process would have.
    let second = Console::open(
        ConsoleSettings {
            environments: Vec::new(),
        },
        database_in(setting.folder.path()).await,
    )
    .await
    .unwrap();
    let token = setting.console.issue_setup_token().await.unwrap();

    let password = secret(PASSWORD);
    let (one, other) = tokio::join!(
        setting.console.set_up(&token, "one@example.com", &password),
        second.set_up(&token, "other@example.com", &password),
    );
    let (winner, loser) = if one.is_ok() { (one, other) } else { (other, one) };
    assert!(matches!(loser, Err(ConsoleError::SetupClosed)), "{loser:?}");
    assert_eq!(setting.number("SELECT count(*) FROM people").await, Some(1));
    assert!(
        setting
            .console
            .authenticate_password(&winner.unwrap().email, &password, None)
            .await
            .is_ok()
    );
}
