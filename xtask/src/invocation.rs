//! A command of another program, that can be run *and* shown: what is printed is what ran, ready to be pasted into a
//! shell in the project's folder.

use std::{
    env, fmt,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::environment;

/// One command: program, arguments, and what its environment has beyond ours.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    program: String,
    arguments: Vec<String>,
    variables: Vec<(&'static str, String)>,
    path_first: Vec<PathBuf>,
}

impl Invocation {
    pub(crate) fn new(program: &str) -> Self {
        Self {
            program: program.to_owned(),
            arguments: Vec::new(),
            variables: Vec::new(),
            path_first: Vec::new(),
        }
    }

    pub(crate) fn arguments<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.arguments.extend(arguments.into_iter().map(str::to_owned));
        self
    }

    pub(crate) fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.variables.push((name, value.into()));
        self
    }

    /// Folders that are searched for programs before those of `PATH`; relative ones are meant from the project.
    pub(crate) fn path_first(mut self, folders: &[PathBuf]) -> Self {
        self.path_first.extend_from_slice(folders);
        self
    }

    /// Runs it on our terminal and waits.
    pub(crate) fn run(&self) -> Result<()> {
        let status = self
            .command()?
            .status()
            .with_context(|| format!("cannot start `{}`", self.program))?;
        if !status.success() {
            bail!("`{}` ended with {status}", self.program);
        }
        Ok(())
    }

    /// Runs it unseen and gives what it printed, or nothing when it cannot be started or fails.
    pub(crate) fn answer(&self) -> Option<String> {
        let output = self.command().ok()?.stdin(Stdio::null()).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    pub(crate) fn command(&self) -> Result<Command> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        environment::of_the_user(&mut command);
        if !self.path_first.is_empty() {
            let project = env::current_dir()?;
            let inherited = env::var_os("PATH").unwrap_or_default();
            let folders = self.path_first.iter().map(|folder| project.join(folder));
            command.env(
                "PATH",
                env::join_paths(folders.chain(env::split_paths(&inherited)))?,
            );
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        Ok(command)
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path_first.is_empty() {
            formatter.write_str("PATH=\"")?;
            for folder in &self.path_first {
                let from_project = if folder.is_relative() { "$PWD/" } else { "" };
                write!(formatter, "{from_project}{}:", folder.display())?;
            }
            formatter.write_str("$PATH\" ")?;
        }
        for (name, value) in &self.variables {
            write!(formatter, "{name}={} ", quoted(value))?;
        }
        formatter.write_str(&quoted(&self.program))?;
        self.arguments
            .iter()
            .try_for_each(|argument| write!(formatter, " {}", quoted(argument)))
    }
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=,+@%".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_program_is_named_with_its_exit_code() {
        let error = Invocation::new("sh")
            .arguments(["-c", "exit 3"])
            .run()
            .expect_err("fails")
            .to_string();
        assert!(error.contains("`sh`") && error.contains('3'), "{error}");
        assert_eq!(
            Invocation::new("sh")
                .arguments(["-c", "echo no; exit 3"])
                .answer(),
            None
        );
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Invocation::new("no-such-program")
            .run()
            .expect_err("fails")
            .to_string();
        assert!(error.contains("`no-such-program`"), "{error}");
        assert_eq!(Invocation::new("no-such-program").answer(), None);
    }

    #[test]
    fn it_is_shown_as_a_shell_reads_it() {
        let invocation = Invocation::new("/usr/bin/cargo")
            .arguments(["test", "it's here", ""])
            .variable("RUSTC", "/usr/bin/rustc")
            .variable("FLAGS", "-C a")
            .path_first(&[
                PathBuf::from("end2end/node_modules/.bin"),
                PathBuf::from("/usr/bin"),
            ]);
        assert_eq!(
            invocation.to_string(),
            r#"PATH="$PWD/end2end/node_modules/.bin:/usr/bin:$PATH" RUSTC=/usr/bin/rustc FLAGS='-C a' "#
                .to_owned()
                + r"/usr/bin/cargo test 'it'\''s here' ''"
        );
    }

    #[test]
    fn what_is_shown_is_what_runs() {
        let script = r#"printf '%s|%s|%s' "$GREETING" "${PATH%%:*}" "$1""#;
        let invocation = Invocation::new("sh")
            .arguments(["-c", script, "sh", "it's $HOME"])
            .variable("GREETING", "good day")
            .path_first(&[PathBuf::from("/usr/bin")]);
        let through_a_shell = Invocation::new("sh")
            .arguments(["-c", &invocation.to_string()])
            .answer();
        assert_eq!(
            invocation.answer(),
            Some("good day|/usr/bin|it's $HOME".to_owned())
        );
        assert_eq!(through_a_shell, invocation.answer());
    }
}
