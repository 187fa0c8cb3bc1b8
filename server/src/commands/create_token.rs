//! `create-token`: lets a program act for a person.

use anyhow::Result;
use secrecy::ExposeSecret;

use super::{console_to_administrate, print, tell};
use crate::command_line::Person;

pub(super) async fn run(person: &Person) -> Result<()> {
    let console = console_to_administrate(&person.common).await?;
    let token = console.create_token(&person.email).await?;
    tell(format_args!(
        "A token for {}. It is shown this once; send it as `dxpcloud-authorization: Bearer <token>`.",
        person.email
    ));
    print(token.expose_secret())
}
