//! What is measured, one module each. Another row is another module and another line here.

mod download;
mod first_load;
pub(super) mod inspection;
mod large;
mod lcp;
mod pages;
mod proxied;
mod slow_downloads;
mod upload;

use anyhow::{Result, bail};

use super::{Options, report::Report};

/// Something that is measured.
#[derive(Debug)]
pub(super) struct Row {
    /// As it is typed.
    pub(super) name: &'static str,
    /// The heading in the document.
    pub(super) title: &'static str,
    pub(super) measure: fn(&Options) -> Result<Report>,
}

const ROWS: &[Row] = &[
    Row {
        name: "download",
        title: "Download of an archive, local store",
        measure: download::measure,
    },
    Row {
        name: "proxied-download",
        title: "Download through the console from another service",
        measure: proxied::measure,
    },
    Row {
        name: "slow-downloads",
        title: "200 slow downloads at once",
        measure: slow_downloads::measure,
    },
    Row {
        name: "upload",
        title: "Upload of an archive",
        measure: upload::measure,
    },
    Row {
        name: "inspection",
        title: "Inspection of an archive",
        measure: inspection::measure,
    },
    Row {
        name: "large",
        title: "Memory while much goes up and down, and Initiate Upload",
        measure: large::measure,
    },
    Row {
        name: "lcp",
        title: "`lcp` with 10,000 small files",
        measure: lcp::measure,
    },
    Row {
        name: "pages",
        title: "The Backups page with 10,000 backups",
        measure: pages::measure,
    },
    Row {
        name: "first-load",
        title: "First load of a page",
        measure: first_load::measure,
    },
];

/// Those of these names, in the order of the table; all where none is named.
pub(super) fn chosen(names: &[String]) -> Result<Vec<&'static Row>> {
    if let Some(unknown) = names
        .iter()
        .find(|name| ROWS.iter().all(|row| row.name != **name))
    {
        let known: Vec<&str> = ROWS.iter().map(|row| row.name).collect();
        bail!("there is no row `{unknown}`; there are {}", known.join(", "));
    }
    let is_chosen = |row: &&Row| names.is_empty() || names.iter().any(|name| name == row.name);
    Ok(ROWS.iter().filter(is_chosen).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(chosen: &[&str]) -> Result<Vec<&'static str>> {
        let chosen: Vec<String> = chosen.iter().map(|name| (*name).to_owned()).collect();
        Ok(super::chosen(&chosen)?.iter().map(|row| row.name).collect())
    }

    #[test]
    fn rows_are_chosen_by_name() {
        assert_eq!(names(&[]).expect("all").len(), ROWS.len());
        assert_eq!(
            names(&["upload", "download"]).expect("both"),
            ["download", "upload"]
        );
        let error = names(&["download", "restore"]).expect_err("unknown").to_string();
        assert!(
            error.contains("`restore`") && error.contains("slow-downloads"),
            "{error}"
        );
    }
}
