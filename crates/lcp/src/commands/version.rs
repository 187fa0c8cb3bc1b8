//! `version`: of the program, and of a service where one is named.

use serde_json::json;

use crate::{command_line::ServiceArguments, failure::Failure, printer::Printer, session::Session};

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) async fn run(arguments: &ServiceArguments, printer: Printer) -> Result<(), Failure> {
    if arguments.project.is_none() && arguments.url.is_none() {
        return printer.data(&format!("lcp {VERSION}"), &json!({ "lcp": VERSION }));
    }
    let session = Session::open(arguments, None, printer)?;
    let service = session
        .api()
        .about(&session.actor)
        .await?
        .and_then(|about| about.version);
    let text = match &service {
        Some(version) => format!(
            "lcp {VERSION}\nbackup service {version} at {}",
            session.place.address
        ),
        None => format!(
            "lcp {VERSION}\nbackup service at {}, which does not say its version",
            session.place.address
        ),
    };
    printer.data(&text, &json!({ "lcp": VERSION, "service": service }))
}
