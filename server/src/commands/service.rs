//! `service`: the backup services alone, for a console on another machine and for programs.

use std::sync::Arc;

use anyhow::Result;
use backup_api::routes;

use super::{print, process::Prepared};
use crate::{
    activity_lines::ActivityLines,
    command_line::Service,
    configuration::{Configuration, Overrides, Purpose},
    router,
    services::Services,
};

pub(super) async fn run(service: &Service) -> Result<u8> {
    let configuration = Configuration::load(&Overrides::from(service), Purpose::ServeServices)?;
    let Prepared {
        configuration,
        folder,
        database,
        addresses,
        doors,
    } = Prepared::from(configuration).await?;
    let services = Services::open(configuration, folder, database, Arc::new(ActivityLines)).await?;
    let router = router::services_alone(&services)?;

    let doors = doors.open(&services)?;
    doors.announce("the backup services are ready", &services)?;
    print(format_args!(
        "The backup services are at {}{}/",
        addresses.console(),
        routes::SERVICES
    ))?;
    Ok(doors.serve(&services, router, std::future::ready(())).await)
}
