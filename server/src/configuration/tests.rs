//! Wrong files first: what people read when they made a mistake, word for word.

mod elsewhere;

use std::{os::unix::fs::PermissionsExt, path::PathBuf, time::Duration};

use secrecy::ExposeSecret;
use tempfile::TempDir;

use super::*;

const MINIMAL: &str =
    "[[projects]]\nname = \"lfrjoebloggs\"\nenvironments = [\"dev\", \"prd\"]\nproduction = [\"prd\"]\n";

struct Folder(TempDir);

impl Folder {
    fn new(text: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::write(folder.file(), text).unwrap();
        folder
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("backups-console.toml")
    }

    fn overrides(&self) -> Overrides {
        Overrides {
            file: Some(self.file()),
            ..Overrides::default()
        }
    }

    fn load(&self) -> Result<Configuration, InvalidConfiguration> {
        Configuration::load(&self.overrides(), Purpose::Serve)
    }

    /// The problems, with the name of the folder taken out.
    fn problems(&self) -> Vec<String> {
        let folder = format!("{}/", self.0.path().display());
        let problems = self.load().expect_err("the configuration was accepted");
        problems
            .to_string()
            .lines()
            .map(|line| line.replace(&folder, ""))
            .collect()
    }
}

#[test]
fn every_mistake_is_told_at_once_with_file_key_and_a_good_value() {
    let folder = Folder::new(
        r#"
        listen = "3000"
        data = 5
        public_url = "http://backups.example.com/console"
        lsten = "127.0.0.1:3000"

        [uploads]
        largest_archive = "2 apples"
        smallest_free_space = 1000
        largest_arcive = "1TB"
        idle_timeout = "60"

        [sessions]
        idle = "10s"

        [log]
        format = "xml"
        filter = "info,=,"

        [[projects]]
        name = "Joe Bloggs"
        environments = ["dev", "PRD"]
        production = ["live"]
        "#,
    );
    let name_rule =
        "1 to 40 lower-case letters, digits and single hyphens, starting and ending with a letter or digit";
    assert_eq!(
        folder.problems(),
        [
            "backups-console.toml: listen must be an IP address and a port, not \"3000\". \
             Write for example: listen = \"127.0.0.1:3000\"",
            "backups-console.toml: public_url must be an https address without a path, \
             not \"http://backups.example.com/console\". \
             Write for example: public_url = \"https://backups.example.com\"",
            "backups-console.toml: data must be a text in quotes, not a bare number. \
             Write for example: data = \"./data\"",
            "backups-console.toml: uploads.largest_archive must be a whole number above zero with a unit \
             (kB, MB, GB, TB, KiB, MiB, GiB, TiB), not \"2 apples\". Write for example: largest_archive = \"2TB\"",
            "backups-console.toml: uploads.smallest_free_space must be a text in quotes, not a bare number. \
             Write for example: smallest_free_space = \"1GB\"",
            "backups-console.toml: uploads.idle_timeout must be a duration of at least a second with a unit \
             (s, m, h), not \"60\". Write for example: idle_timeout = \"60s\"",
            "backups-console.toml: uploads.largest_arcive is not a key; the nearest one is uploads.largest_archive. \
             Write for example: largest_archive = \"2TB\"",
            "backups-console.toml: sessions.idle must be five minutes or more, not \"10s\". \
             Write for example: idle = \"12h\"",
            "backups-console.toml: log.format must be \"text\" or \"json\", not \"xml\". \
             Write for example: format = \"text\"",
            "backups-console.toml: log.filter must be a level or a list such as \"info,sqlx=debug\", \
             not \"info,=,\". Write for example: filter = \"info\"",
            &format!(
                "backups-console.toml: projects[0].name is not usable: `Joe Bloggs` is not a valid name: {name_rule}. \
                 Write for example: name = \"lfrjoebloggs\""
            ),
            &format!(
                "backups-console.toml: projects[0].environments is not usable: `PRD` is not a valid name: {name_rule}. \
                 Write for example: environments = [\"dev\", \"uat\", \"prd\"]"
            ),
            "backups-console.toml: projects[0].production names \"live\", which is not among the environments. \
             Write for example: production = [\"prd\"]",
            "backups-console.toml: lsten is not a key; the nearest one is listen. \
             Write for example: listen = \"127.0.0.1:3000\"",
        ]
    );
}

#[test]
fn a_file_that_is_no_toml_is_told_with_its_line() {
    let folder = Folder::new("listen = \"127.0.0.1:3000\"\ndata = \n");
    let problems = folder.problems();
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].starts_with("backups-console.toml: line 2 is not TOML: "),
        "{problems:?}"
    );
}

#[test]
fn a_missing_file_is_told() {
    let overrides = Overrides {
        file: Some("nowhere/console.toml".into()),
        ..Overrides::default()
    };
    let problem = Configuration::load(&overrides, Purpose::Serve)
        .unwrap_err()
        .to_string();
    assert!(
        problem.starts_with("nowhere/console.toml: the file cannot be read: No such file"),
        "{problem}"
    );
}

#[test]
fn without_projects_there_is_nothing_to_serve() {
    let problem = Configuration::load(&Overrides::default(), Purpose::Serve)
        .unwrap_err()
        .to_string();
    assert_eq!(
        problem,
        "command line: --config is missing, so there is nothing to serve; name a configuration file with --config, \
         or try the console with sample data: backups-console serve --demo. \
         The file says which projects and environments there are. Write for example: \n\n    \
         [[projects]]\n    name = \"lfrjoebloggs\"\n    environments = [\"dev\", \"uat\", \"prd\"]\n    \
         production = [\"prd\"]\n"
    );
    assert!(Folder::new("").problems()[0].contains("projects is missing, so there is nothing to serve"));
    // People can be administrated all the same.
    assert!(Configuration::load(&Overrides::default(), Purpose::Administrate).is_ok());
}

#[test]
fn names_that_clash_when_put_together_are_refused() {
    let folder = Folder::new(
        "[[projects]]\nname = \"a-b\"\nenvironments = [\"c\"]\n[[projects]]\nname = \"a\"\nenvironments = [\"b-c\"]\n",
    );
    assert_eq!(
        folder.problems(),
        [
            "backups-console.toml: projects has two environments that are both shown as a-b-c. \
          Write for example: environments whose names, put together, differ"
        ]
    );
    let twice = Folder::new("[[projects]]\nname = \"a\"\nenvironments = [\"b\", \"b\"]\n");
    assert!(twice.problems()[0].contains("names the environment a-b twice"));
    let long = "a".repeat(40);
    let long = Folder::new(&format!(
        "[[projects]]\nname = \"{long}\"\nenvironments = [\"{long}\"]\n"
    ));
    assert!(long.problems()[0].contains("whose first label is longer than 63"));
    let console = format!(
        "public_url = \"https://backup-lfrjoebloggs-prd.example.com\"\nservice_domain = \"example.com\"\n{MINIMAL}"
    );
    assert!(Folder::new(&console).problems()[0].contains("is that of the service of lfrjoebloggs-prd"));
}

#[test]
fn further_hosts_need_https() {
    let folder = Folder::new(&format!("hosts = [\"backups.example.com\"]\n{MINIMAL}"));
    assert_eq!(
        folder.problems(),
        [
            "backups-console.toml: hosts needs public_url: signing in works over https only, except on localhost. \
          Write for example: public_url = \"https://backups.example.com\""
        ]
    );
}

#[test]
fn other_machines_need_https() {
    let folder = Folder::new(&format!("listen = \"192.0.2.7:3000\"\n{MINIMAL}"));
    assert_eq!(
        folder.problems(),
        [
            "backups-console.toml: public_url is needed to listen on 192.0.2.7: other machines get in over https only. \
          Write for example: public_url = \"https://backups.example.com\""
        ]
    );
    // In a container every address is listened on, and people still say localhost.
    Folder::new(&format!("listen = \"0.0.0.0:3000\"\n{MINIMAL}"))
        .load()
        .unwrap();
}

#[test]
fn a_master_token_must_be_private_and_long() {
    let folder = Folder::new(&format!("{MINIMAL}master_token_file = \"joe.token\"\n"));
    assert!(
        folder.problems()[0].contains("projects[0].master_token_file names joe.token, which cannot be read")
    );

    let token = folder.0.path().join("joe.token");
    fs::write(&token, "0123456789abcdef\n").unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(
        folder.problems(),
        [
            "backups-console.toml: projects[0].master_token_file names joe.token, which everybody on this machine may \
          read; run: chmod 600 joe.token. Write for example: master_token_file = \"lfrjoebloggs.token\""
        ]
    );

    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let configuration = folder.load().unwrap();
    assert_eq!(
        configuration.projects[0]
            .master_token
            .as_ref()
            .unwrap()
            .expose_secret(),
        "0123456789abcdef"
    );
    assert!(!format!("{configuration:?} {configuration}").contains("0123456789abcdef"));

    fs::write(&token, "short").unwrap();
    assert!(folder.problems()[0].contains("must hold one token of 16 or more characters"));
}

#[test]
fn the_command_line_wins_over_the_file() {
    let folder = Folder::new(&format!(
        "listen = \"127.0.0.1:3000\"\ndata = \"here\"\n{MINIMAL}"
    ));
    assert_eq!(folder.load().unwrap().data, folder.0.path().join("here"));
    let overrides = Overrides {
        data: Some("there".into()),
        listen: Some("127.0.0.1:4000".to_owned()),
        ..folder.overrides()
    };
    let configuration = Configuration::load(&overrides, Purpose::Serve).unwrap();
    assert_eq!(configuration.data, PathBuf::from("there"));
    assert_eq!(configuration.network.listen.port(), 4000);

    let wrong = Overrides {
        listen: Some("4000".to_owned()),
        ..folder.overrides()
    };
    assert_eq!(
        Configuration::load(&wrong, Purpose::Serve)
            .unwrap_err()
            .to_string(),
        "command line: --listen must be an IP address and a port, not \"4000\". \
         Write for example: --listen 127.0.0.1:3000"
    );
}

#[test]
fn the_sample_project_does_not_mix_with_real_ones() {
    let folder = Folder::new(MINIMAL);
    let problem = Configuration::load(
        &Overrides {
            demo: true,
            ..folder.overrides()
        },
        Purpose::Serve,
    );
    assert!(
        problem
            .unwrap_err()
            .to_string()
            .starts_with("command line: --demo brings a project of its own")
    );

    let demo = Configuration::load(
        &Overrides {
            demo: true,
            ..Overrides::default()
        },
        Purpose::Serve,
    )
    .unwrap();
    let environments = &demo.projects[0].environments;
    let shown: Vec<_> = environments
        .iter()
        .map(|one| (one.id.to_string(), one.production))
        .collect();
    let expected = [
        ("lfrjoebloggs-dev", false),
        ("lfrjoebloggs-uat", false),
        ("lfrjoebloggs-prd", true),
    ];
    assert_eq!(
        shown,
        expected.map(|(name, production)| (name.to_owned(), production))
    );
    assert_eq!(demo.data, PathBuf::from("./data"));
}

const EXAMPLE: &str = include_str!("../../backups-console.example.toml");

/// The example with everything that is shown as a comment switched on.
fn example_with_all_keys() -> String {
    let uncomment = |line: &str| match line.strip_prefix("# ").and_then(|rest| rest.split_once(" = ")) {
        Some((key, _)) if !key.contains(' ') => line["# ".len()..].to_owned(),
        _ if line.starts_with("# [[") => line["# ".len()..].to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.lines().map(|line| uncomment(line) + "\n").collect()
}

#[test]
fn the_example_means_the_defaults() {
    let defaults = Folder::new(MINIMAL).load().unwrap();
    let example = Folder::new(EXAMPLE).load().unwrap();
    assert_eq!(example.network, defaults.network);
    assert_eq!(example.uploads, defaults.uploads);
    assert_eq!(example.downloads, defaults.downloads);
    assert_eq!(example.sessions, defaults.sessions);
    assert_eq!(example.log, defaults.log);
    assert_eq!(defaults.uploads.idle_timeout, Duration::from_mins(1));
    assert_eq!(defaults.downloads.idle_timeout, Duration::from_mins(10));
}

#[test]
fn the_example_shows_every_key_with_its_default() {
    let folder = Folder::new(&example_with_all_keys());
    for name in ["lfrjoebloggs.token", "joe.token", "joe.password", "metrics.token"] {
        let secret = folder.0.path().join(name);
        fs::write(&secret, "0123456789abcdef").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let example = folder.load().unwrap();
    let defaults = Folder::new(MINIMAL).load().unwrap();
    assert_eq!(example.network.listen, defaults.network.listen);
    assert_eq!(example.network.service_domain, defaults.network.service_domain);
    assert_eq!(example.data, folder.0.path().join("./data"));
    assert_eq!(
        (example.uploads, example.downloads, example.sessions, example.log),
        (
            defaults.uploads,
            defaults.downloads,
            defaults.sessions,
            defaults.log
        )
    );

    // What takes effect names every key that can be set; the example must have them all.
    let described = folder.load().unwrap().to_string().parse::<Table>().unwrap();
    let shown = example_with_all_keys().parse::<Table>().unwrap();
    assert_eq!(all_keys(&described), all_keys(&shown));
}

fn all_keys(table: &Table) -> Vec<String> {
    let mut keys = Vec::new();
    for (key, value) in table {
        match value {
            toml::Value::Table(section) => {
                keys.extend(all_keys(section).iter().map(|below| format!("{key}.{below}")));
            }
            toml::Value::Array(values) if values.iter().any(toml::Value::is_table) => {
                let sections = values.iter().filter_map(toml::Value::as_table);
                keys.extend(sections.flat_map(all_keys).map(|below| format!("{key}.{below}")));
            }
            _ => keys.push(key.clone()),
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

#[test]
fn what_takes_effect_is_a_file_again() {
    let folder = Folder::new(&format!(
        "public_url = \"https://Backups.example.com:8443/\"\nhosts = [\"b.example.com\"]\n{MINIMAL}"
    ));
    let first = folder.load().unwrap();
    assert_eq!(
        first.network.public_url.as_ref().unwrap().to_string(),
        "https://backups.example.com:8443"
    );
    fs::write(folder.file(), first.to_string()).unwrap();
    assert_eq!(folder.load().unwrap().to_string(), first.to_string());
}
