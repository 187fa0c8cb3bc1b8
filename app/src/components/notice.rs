//! Sentences that must be noticed.

use backup_api::BackupId;
use leptos::prelude::*;

use crate::{
    components::Copy,
    context::RequestId,
    icons::{self, Icon},
};

/// How grave a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoticeKind {
    Information,
    Success,
    Warning,
    Error,
}

impl NoticeKind {
    const fn class(self) -> &'static str {
        match self {
            Self::Information => "notice notice-information",
            Self::Success => "notice notice-success",
            Self::Warning => "notice notice-warning",
            Self::Error => "notice notice-error",
        }
    }

    const fn drawing(self) -> icons::Drawing {
        match self {
            Self::Information => icons::INFORMATION,
            Self::Success => icons::SUCCESS,
            Self::Warning => icons::WARNING,
            Self::Error => icons::FAILURE,
        }
    }

    /// Errors interrupt a screen reader. The others are read in their place: some hold the age of a moment, which
    /// would be read out again with every minute.
    const fn role(self) -> Option<&'static str> {
        match self {
            Self::Error => Some("alert"),
            Self::Information | Self::Success | Self::Warning => None,
        }
    }
}

/// A coloured panel with an icon; the words alone say everything.
#[component]
pub(crate) fn Notice(kind: NoticeKind, children: Children) -> impl IntoView {
    view! {
        <div class=kind.class() role=kind.role()>
            <Icon drawing=kind.drawing() />
            <div class="notice-text">{children()}</div>
        </div>
    }
}

/// Why a form was refused; nothing where none was.
#[component]
pub(crate) fn RefusalNotice(sentence: Option<String>) -> impl IntoView {
    sentence.map(|sentence| {
        view! {
            <Notice kind=NoticeKind::Error>
                <p>{sentence}</p>
            </Notice>
        }
    })
}

/// On the page of a backup: what it says when somebody deletes the backup. `back` leads to the others.
#[component]
pub(crate) fn GoneNotice(backup: BackupId, back: String) -> impl IntoView {
    view! {
        <div data-gone=backup.to_string() hidden>
            <Notice kind=NoticeKind::Warning>
                <p class="notice-title">"This backup was deleted."</p>
                <p>
                    <a href=back>"See the backups there are."</a>
                </p>
            </Notice>
        </div>
    }
}

/// The id that leads to the log: `id` where another request failed, else the one of this page.
#[component]
pub(crate) fn RequestIdLine(#[prop(optional_no_strip)] id: Option<String>) -> impl IntoView {
    id.or_else(|| use_context::<RequestId>().map(|RequestId(id)| id))
        .map(|id| {
            view! {
                <p class="request-id">
                    "Request id: " <code>{id.clone()}</code> <Copy text=id what="request id" />
                </p>
            }
        })
}
