//! What a wrong configuration says, and where.

use crate::support::Place;

#[test]
fn mistakes_end_every_command_before_anything_is_touched() {
    let place = Place::new();
    place.write(
        "console.toml",
        "listen = \"3000\"\nupload = 5\n[[projects]]\nname = \"joe\"\nenvironments = [\"prd\"]\n",
    );
    let expected = "\
error: console.toml: listen must be an IP address and a port, not \"3000\". Write for example: listen = \"127.0.0.1:3000\"
console.toml: upload is not a key; the nearest one is uploads. Write for example: [uploads]
";
    for command in [
        &["check-config"][..],
        &["serve"],
        &["create-token", "--email", "joe@example.com"],
    ] {
        let mut arguments = command.to_vec();
        arguments.extend(["--config", "console.toml", "--data", "data"]);
        let output = place.run(&arguments, "");
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected, "{command:?}");
        assert!(output.stdout.is_empty(), "{command:?}");
    }
    assert!(!place.path("data").exists());
}

#[test]
fn without_a_file_it_says_how_to_write_one() {
    for command in ["serve", "check-config"] {
        let output = Place::new().run(&[command], "");
        assert_eq!(output.status.code(), Some(2));
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(
            errors.contains("name a configuration file with --config"),
            "{errors}"
        );
        assert!(errors.contains("backups-console serve --demo"), "{errors}");
        assert!(
            errors.contains("[[projects]]\n    name = \"lfrjoebloggs\"\n"),
            "{errors}"
        );
    }
}

#[test]
fn wrong_arguments_are_usage_errors() {
    for arguments in [
        &["serve", "--prot", "80"][..],
        &["create-admin"],
        &["create-admin", "--password", "x"],
        &[],
    ] {
        assert_eq!(
            Place::new().run(arguments, "").status.code(),
            Some(2),
            "{arguments:?}"
        );
    }
    let help = Place::new().run(&["--help"], "");
    assert_eq!(help.status.code(), Some(0));
    assert!(String::from_utf8(help.stdout).unwrap().contains("create-token"));
}

#[test]
fn check_config_shows_what_takes_effect() {
    let place = Place::new();
    let text = "[uploads]\nlargest_archive = \"100GB\"\n[[projects]]\nname = \"joe\"\nenvironments = [\"dev\", \"prd\"]\nproduction = [\"prd\"]\n";
    place.write("console.toml", text);
    let output = place.run(
        &["check-config", "--config", "console.toml", "--data", "elsewhere"],
        "",
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "\
listen = \"127.0.0.1:3000\"
data = \"elsewhere\"
# public_url is not set: people reach the console as http://localhost
hosts = []
service_domain = \"localhost\"
trusted_proxies = []
client_address_header = \"X-Forwarded-For\"
# metrics_token_file is not set: nobody is told metrics

[uploads]
largest_archive = \"100GB\"
smallest_free_space = \"1GB\"
idle_timeout = \"1m\"
keep_unfinished = \"168h\"
largest_unfinished = \"4TB\"
largest_expanded = \"16TB\"
largest_ratio = 250
ratio_counts_from = \"1GiB\"
largest_entry = \"4TB\"
most_entries = 100000000

[downloads]
idle_timeout = \"10m\"

[sessions]
idle = \"12h\"

[log]
format = \"text\"
filter = \"info\"

[[projects]]
name = \"joe\"
sso = false
environments = [\"dev\", \"prd\"]
production = [\"prd\"]
"
    );
}
