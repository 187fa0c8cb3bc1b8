//! `completions` and `man`: what an installation puts in place.

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;

use crate::{command_line::CommandLine, failure::Failure, printer::Printer};

pub(crate) fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut CommandLine::command(), "lcp", &mut script);
    print(&script)
}

/// One page for the program and all its commands: nobody looks for a page of `lcp-backup-list`.
pub(crate) fn manual() -> Result<(), Failure> {
    let mut command = CommandLine::command();
    command.build();
    let mut page = Vec::new();
    let mut render = |command: &Command, is_whole: bool| {
        let name = command.get_bin_name().unwrap_or("lcp").to_owned();
        let man = clap_mangen::Man::new(command.clone());
        if is_whole {
            return man.render(&mut page);
        }
        // Within the page each command is a section of its own.
        page.extend(format!(".SH \"{}\"\n", name.to_uppercase()).bytes());
        if let Some(about) = command.get_about() {
            page.extend(format!("{about}\n.PP\n").bytes());
        }
        man.render_synopsis_section(&mut page)?;
        man.render_options_section(&mut page)
    };
    let mut outcome = render(&command, true);
    for next in commands_of(&command) {
        outcome = outcome.and_then(|()| render(next, false));
    }
    outcome.map_err(|error| Failure::Failed(format!("The manual page cannot be made: {error}.")))?;
    print(&page)
}

/// The commands that do something, in the order of the help.
fn commands_of(command: &Command) -> Vec<&Command> {
    command
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
        .flat_map(|command| {
            if command.has_subcommands() {
                commands_of(command)
            } else {
                vec![command]
            }
        })
        .collect()
}

fn print(bytes: &[u8]) -> Result<(), Failure> {
    Printer::write(&String::from_utf8_lossy(bytes))
}
