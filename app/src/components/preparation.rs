//! "How to prepare these files".

use leptos::prelude::*;

use crate::{
    commands,
    components::Command,
    icons::{CHEVRON_RIGHT, Icon},
};

/// The commands that make the two archives, and the rule on the names of tables. `upload_command` does the form's work
/// from a terminal.
#[component]
pub(crate) fn Preparation(upload_command: String) -> AnyView {
    view! {
        <details class="preparation">
            <summary>
                <Icon drawing=CHEVRON_RIGHT class="fold-icon" />
                "How to prepare these files"
            </summary>
            <div class="preparation-body">
                <h3>"Database from PostgreSQL"</h3>
                <p>
                    "Table names must be in lower case, such as " <code>"accountentry"</code>
                    ". The dump must not drop or create the database."
                </p>
                <Command command=commands::DUMP_POSTGRESQL what="PostgreSQL command" />
                <h3>"Database from MySQL or MariaDB"</h3>
                <p>
                    "Table names must be in Pascal case, such as " <code>"AccountEntry"</code>
                    ". Put one database into the dump, with both options as they stand here."
                </p>
                <Command command=commands::DUMP_MYSQL what="MySQL command" />
                <h3>"Document library"</h3>
                <p>"Give the files to the user that restores them; otherwise restoring takes longer."</p>
                <Command command=commands::OWN_DOCUMENT_LIBRARY what="ownership command" />
                <p>"Then pack the folder, so that " <code>"document_library"</code> " stands at the top of the archive."</p>
                <Command command=commands::PACK_DOCUMENT_LIBRARY what="packing command" />
                <h3>"Upload from a terminal instead"</h3>
                <p>"For large files and machines without a browser. It asks for your password."</p>
                <Command command=upload_command what="upload command" />
            </div>
        </details>
    }
    .into_any()
}
