//! `check-config`: what takes effect.

use anyhow::Result;

use super::print;
use crate::{
    command_line::CheckConfig,
    configuration::{Configuration, Overrides, Purpose},
};

pub(super) fn run(check: &CheckConfig) -> Result<()> {
    let purpose = if check.service {
        Purpose::ServeServices
    } else {
        Purpose::Serve
    };
    let configuration = Configuration::load(&Overrides::from(&check.common), purpose)?;
    print(configuration.to_string().trim_end())
}
