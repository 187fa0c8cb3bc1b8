//! The parts pages are made of. All of them run on the server only; what needs the browser is an island.

mod activity_filter;
mod activity_table;
mod back_link;
mod backup_history;
mod backup_info;
mod banner;
mod bare_page;
mod command;
mod console_page;
mod copy;
mod data;
mod download_popover;
mod environment_switcher;
mod fields;
mod moment;
mod notice;
mod pagination;
mod preparation;
mod rail;
mod row_actions;
mod selection;
mod settings_page;
mod size_trend;
mod top_bar;
mod unavailable;
mod upload_section;
mod verification;

pub(crate) use activity_filter::{ActivityFilterForm, ActivityLinks};
pub(crate) use activity_table::ActivityTable;
pub(crate) use back_link::BackLink;
pub(crate) use backup_history::{BackupHistory, Listing};
pub(crate) use backup_info::BackupInfo;
pub(crate) use banner::{OperationBanner, SuccessBanner, operation_facts};
pub(crate) use bare_page::BarePage;
pub(crate) use command::Command;
pub(crate) use console_page::{ConsolePage, Place};
pub(crate) use copy::Copy;
pub(crate) use data::{Pinned, Size, TypeLabel};
pub(crate) use environment_switcher::Production;
pub(crate) use fields::{FieldError, NewPassword, PasswordAgain};
pub(crate) use moment::{Moment, Until};
pub(crate) use notice::{GoneNotice, Notice, NoticeKind, RefusalNotice, RequestIdLine};
pub(crate) use pagination::Pages;
pub(crate) use preparation::Preparation;
pub(crate) use row_actions::RowActions;
pub(crate) use selection::Selection;
pub(crate) use settings_page::{Done, NewSecret, Settings, SettingsPage};
pub(crate) use size_trend::SizeTrend;
pub(crate) use unavailable::ActionButton;
pub(crate) use upload_section::UploadSection;
pub(crate) use verification::{
    VerificationCard, VerificationFact, VerificationForm, VerificationNotice, VerificationRemark,
};
