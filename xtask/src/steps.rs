//! Steps of a longer task: each is named before it runs, the first that fails ends the task with the command that
//! repeats it, and a table at the end says how long each took.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow};

use crate::invocation::Invocation;

/// What was done so far.
#[derive(Debug)]
pub(crate) struct Steps {
    started: Instant,
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    took: Duration,
    failed: bool,
}

impl Steps {
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            done: Vec::new(),
        }
    }

    /// Runs a command as a step.
    pub(crate) fn run(&mut self, name: &str, invocation: &Invocation) -> Result<()> {
        self.perform(name, || {
            println!("    {invocation}");
            invocation
                .run()
                .map_err(|error| anyhow!("{error:#}. This repeats it:\n\n    {invocation}"))
        })
    }

    /// Runs anything else as a step.
    pub(crate) fn perform<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n==> {name}");
        let started = Instant::now();
        let outcome = work();
        self.done.push(Step {
            name: name.to_owned(),
            took: started.elapsed(),
            failed: outcome.is_err(),
        });
        outcome.map_err(|error| {
            println!("\n{}", table(&self.done, self.started.elapsed()));
            anyhow!("the step \"{name}\" failed: {error:#}")
        })
    }

    /// Prints the table, the total last.
    pub(crate) fn finish(self) {
        println!("\n{}", table(&self.done, self.started.elapsed()));
    }
}

fn table(steps: &[Step], total: Duration) -> String {
    let name_width = steps
        .iter()
        .map(|step| step.name.chars().count())
        .max()
        .unwrap_or(0)
        .max("total".len());
    let mut lines = String::new();
    for step in steps {
        let note = if step.failed { "  failed" } else { "" };
        let _ = writeln!(lines, "{:<name_width$}  {:>9}{note}", step.name, shown(step.took));
    }
    let _ = write!(lines, "{:<name_width$}  {:>9}", "total", shown(total));
    lines
}

/// `4.2 s` below a minute, `1 min 05 s` from there.
fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().mul_add(10.0, 0.5).floor() / 10.0;
    if seconds < 60.0 {
        format!("{seconds:.1} s")
    } else {
        let whole = (duration.as_millis() + 500) / 1000;
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_step_says_how_to_repeat_it() {
        let mut steps = Steps::start();
        let invocation = Invocation::new("sh")
            .arguments(["-c", "exit 7"])
            .variable("LEVEL", "9");
        let error = steps
            .run("the seventh", &invocation)
            .expect_err("fails")
            .to_string();
        assert!(error.contains("\"the seventh\""), "{error}");
        assert!(error.ends_with("    LEVEL=9 sh -c 'exit 7'"), "{error}");
        assert!(steps.done[0].failed);
    }

    #[test]
    fn what_a_step_finds_is_handed_on() {
        let mut steps = Steps::start();
        assert_eq!(steps.perform("look", || Ok(5)).expect("succeeds"), 5);
        steps.run("true", &Invocation::new("true")).expect("succeeds");
        assert_eq!(steps.done.iter().filter(|step| step.failed).count(), 0);
        assert_eq!(steps.done.len(), 2);
    }

    #[test]
    fn durations_stand_below_each_other() {
        let step = |name: &str, milliseconds, failed| Step {
            name: name.to_owned(),
            took: Duration::from_millis(milliseconds),
            failed,
        };
        let steps = [
            step("format", 1_249, false),
            step("lint, server", 65_400, false),
            step("tests", 59_990, true),
        ];
        assert_eq!(
            table(&steps, Duration::from_millis(126_700)),
            "\
format            1.2 s
lint, server  1 min 05 s
tests         1 min 00 s  failed
total         2 min 07 s"
        );
        assert_eq!(table(&[], Duration::from_secs(0)), "total      0.0 s");
    }
}
