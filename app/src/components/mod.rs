//! The parts pages are made of. All of them run on the server only; what needs the browser is an island.

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
mod moment;
mod notice;
mod pagination;
mod preparation;
mod rail;
mod row_actions;
mod top_bar;
mod unavailable;
mod upload_section;

pub(crate) use backup_history::{BackupHistory, Listing};
pub(crate) use backup_info::BackupInfo;
pub(crate) use banner::{OperationBanner, SuccessBanner};
pub(crate) use bare_page::BarePage;
pub(crate) use command::Command;
pub(crate) use console_page::{ConsolePage, Place};
pub(crate) use copy::Copy;
pub(crate) use data::{FindingList, Size, TypeLabel};
pub(crate) use environment_switcher::Production;
pub(crate) use moment::Moment;
pub(crate) use notice::{Notice, NoticeKind, RequestIdLine};
pub(crate) use preparation::Preparation;
pub(crate) use row_actions::RowActions;
pub(crate) use unavailable::ActionButton;
pub(crate) use upload_section::UploadSection;
