//! `check-config`: what takes effect.

use anyhow::Result;

use super::print;
use crate::{
    command_line::Common,
    configuration::{Configuration, Overrides, Purpose},
};

pub(super) fn run(common: &Common) -> Result<()> {
    let configuration = Configuration::load(&Overrides::from(common), Purpose::Serve)?;
    print(configuration.to_string().trim_end())
}
