//! On what something was measured.

use std::{fs, thread};

use crate::invocation::Invocation;

/// The sentence that stands below each table.
pub(super) fn description() -> String {
    let processor = fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| processor(&text))
        .unwrap_or_else(|| "processor".to_owned());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let kernel = said("uname", &["-sr"]);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    format!(
        "Measured {} on {cores} cores of an {processor} under {kernel}, at commit {}. Load of the machine before: {load}.",
        said("date", &["-u", "+%F"]),
        said("git", &["describe", "--always", "--dirty", "--abbrev=10"]),
    )
}

fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find_map(|line| line.strip_prefix("model name"))?;
    let name = line.split_once(':')?.1.trim();
    Some(name.split(" @ ").next().unwrap_or(name).to_owned())
}

fn said(program: &str, arguments: &[&str]) -> String {
    Invocation::new(program)
        .arguments(arguments.iter().copied())
        .answer()
        .unwrap_or_else(|| "unknown".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_without_its_speed() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Processor @ 2.60GHz\nstepping\t: 8\n";
        assert_eq!(processor(cpuinfo).as_deref(), Some("Intel(R) Xeon(R) Processor"));
        assert_eq!(processor("processor\t: 0\n"), None);
    }

    #[test]
    fn everything_is_said() {
        let text = description();
        for word in ["Measured 2", "cores of", "under Linux", "commit ", "before: "] {
            assert!(text.contains(word), "{text}");
        }
    }
}
