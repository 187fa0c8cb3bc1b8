//! Whether a backup was read again where it lies, in words, and the way to ask for it.

use backup_api::{BackupId, EnvironmentId, Verification, VerificationState};
use jiff::Timestamp;
use leptos::{prelude::*, server_fn::ServerFn};

use super::{ActionButton, Moment, Notice, NoticeKind};
use crate::{
    format,
    markup::{Markup, html},
    paths,
    server_functions::VerifyBackup,
};

fn underway(verification: &Verification) -> String {
    format!("Verifying …, {} %", verification.percent())
}

/// When one ended; while it runs, when it began.
fn last_moment(verification: &Verification) -> Timestamp {
    verification.finished_at.unwrap_or(verification.started_at)
}

/// The line in a list. `data-underway` marks what open pages must not show for longer than it lasts.
pub(crate) fn verification_remark(verification: &Verification) -> Markup {
    let time = last_moment(verification);
    let (class, text) = match verification.state {
        VerificationState::Running => ("row-remark quiet", underway(verification)),
        VerificationState::Succeeded => {
            let age = format::age(Timestamp::now().as_second() - time.as_second());
            ("row-remark quiet", format!("Verified {age}"))
        }
        VerificationState::Failed => ("row-remark is-bad", "Verification failed".to_owned()),
    };
    let underway = verification.is_running().then(|| html!(" data-underway"));
    html!(
        r#"<span class="{class}" title="{time}"{underway}>{text}</span>"#,
        class = class,
        time = format::utc(time),
        underway = underway,
        text = text,
    )
}

/// The fact among others about a backup.
#[component]
pub(crate) fn VerificationFact(verification: Option<Verification>) -> AnyView {
    let words = match verification {
        None => "Never".into_any(),
        Some(running) if running.is_running() => {
            let text = format!("{}, begun by {}", underway(&running), running.started_by);
            view! { <span data-underway="">{text}</span> }.into_any()
        }
        Some(ended) => {
            let failed = (ended.state == VerificationState::Failed)
                .then(|| view! { <span class="is-bad">"Failed "</span> });
            let by = format!(" by {}", ended.started_by);
            view! { {failed} <Moment time=last_moment(&ended) /> {by} }.into_any()
        }
    };
    view! {
        <div>
            <dt>"Verified"</dt>
            <dd>{words}</dd>
        </div>
    }
    .into_any()
}

/// What a verification found wrong; nothing where it found nothing, or has not ended.
#[component]
pub(crate) fn VerificationNotice(verification: Verification) -> impl IntoView {
    verification.failure.map(|failure| {
        view! {
            <Notice kind=NoticeKind::Error>
                <p class="notice-title">"Verification failed: this backup is not what was stored, or cannot be read."</p>
                <p>{failure}</p>
            </Notice>
        }
    })
}

/// What a verification does, and the button for it or why there is none now.
#[component]
pub(crate) fn VerificationCard(
    environment: EnvironmentId,
    backup: BackupId,
    reason: Option<String>,
) -> AnyView {
    let way = match reason {
        Some(reason) => view! { <ActionButton id="why-no-verification" label="Verify" reason /> }.into_any(),
        None => view! {
            <form method="post" action=VerifyBackup::url()>
                <input type="hidden" name="environment" value=environment.to_string() />
                <input type="hidden" name="backup" value=backup.to_string() />
                <input type="hidden" name="next" value=paths::backup(&environment, &backup) />
                <button type="submit" class="button">
                    "Verify"
                </button>
            </form>
        }
        .into_any(),
    };
    view! {
        <section class="card card-padded" aria-labelledby="verification-title" data-live="verification">
            <h2 id="verification-title">"Verification"</h2>
            <div class="form">
                <p class="quiet">
                    "Both files are read again from the disk of the backup service and compared with the checksums from when they were stored. Everything else goes on meanwhile."
                </p>
                <div class="form-end">{way}</div>
            </div>
        </section>
    }
    .into_any()
}
