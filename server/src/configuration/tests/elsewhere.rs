//! Services that are elsewhere, and services that stand alone.

use super::*;

const PROJECT: &str = "[[projects]]\nname = \"lfrjoebloggs\"\nenvironments = [\"dev\", \"prd\"]\n";
const SERVICE: &str = "[[projects.services]]\nenvironment = \"prd\"\nurl = \"https://backups.example.com/services/lfrjoebloggs-prd\"\n";

fn with_secrets(text: &str) -> Folder {
    let folder = Folder::new(text);
    for (name, secret) in [
        ("joe.token", "0123456789abcdef\n"),
        ("joe.password", "two words \n"),
        ("two.password", "one\ntwo\n"),
    ] {
        let file = folder.0.path().join(name);
        fs::write(&file, secret).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    folder
}

#[track_caller]
fn assert_only_problem(service: &str, expected: &str) {
    let folder = with_secrets(&format!("{PROJECT}{service}"));
    assert_eq!(folder.problems(), [format!("backups-console.toml: {expected}")]);
}

#[test]
fn a_service_needs_an_environment_and_an_address() {
    assert_only_problem(
        "[[projects.services]]\nurl = \"https://a.example\"\nuser_token_file = \"joe.token\"\n",
        "projects[0].services[0].environment is missing. Write for example: environment = \"prd\"",
    );
    assert_only_problem(
        "[[projects.services]]\nenvironment = \"uat\"\nurl = \"https://a.example\"\nuser_token_file = \"joe.token\"\n",
        "projects[0].services[0].environment is \"uat\", which is not among the environments of the project. \
         Write for example: environment = \"prd\"",
    );
    assert_only_problem(
        "[[projects.services]]\nenvironment = \"prd\"\nuser_token_file = \"joe.token\"\n",
        "projects[0].services[0].url is missing. Write for example: url = \"https://backup-lfrjoebloggs-prd.lfr.cloud\"",
    );
    assert_only_problem(
        "[[projects.services]]\nenvironment = \"prd\"\nurl = \"backups.example.com\"\nuser_token_file = \"joe.token\"\n",
        "projects[0].services[0].url is \"backups.example.com\", and that cannot be: it is no address; write \
         https://host. Write for example: url = \"https://backup-lfrjoebloggs-prd.lfr.cloud\"",
    );
    let service = format!("{SERVICE}user_token_file = \"joe.token\"\n");
    assert_only_problem(
        &format!("{service}{service}"),
        "projects[0].services[1].environment is \"prd\", for which another section names a service already. \
         Write for example: environment = \"prd\"",
    );
    assert_only_problem(
        &format!("{service}plain = true\n"),
        "projects[0].services[0].plain is not a key; the nearest one is projects[0].services[0].url. \
         Write for example: url = \"https://backup-lfrjoebloggs-prd.lfr.cloud\"",
    );
}

#[test]
fn exactly_one_way_says_who_asks() {
    assert_only_problem(
        SERVICE,
        "projects[0].services[0].master_token_file is missing: the service wants to know who asks; name one of \
         master_token_file, user_token_file, or user with password_file. \
         Write for example: master_token_file = \"lfrjoebloggs.token\"",
    );
    assert_only_problem(
        &format!("{SERVICE}master_token_file = \"joe.token\"\nuser_token_file = \"joe.token\"\n"),
        "projects[0].services[0].user_token_file stands beside master_token_file; keep one of master_token_file, \
         user_token_file, or user with password_file. Write for example: user_token_file = \"joe.token\"",
    );
    assert_only_problem(
        &format!("{SERVICE}user = \"joe@example.com\"\n"),
        "projects[0].services[0].password_file is missing beside user. \
         Write for example: password_file = \"joe.password\"",
    );
    assert_only_problem(
        &format!("{SERVICE}password_file = \"joe.password\"\n"),
        "projects[0].services[0].user is missing beside password_file. Write for example: user = \"joe@example.com\"",
    );
    assert_only_problem(
        &format!("{SERVICE}user = \"joe@example.com\"\npassword_file = \"two.password\"\n"),
        "projects[0].services[0].password_file names two.password, which must hold one password on one line and \
         nothing else. Write for example: password_file = \"joe.password\"",
    );
    assert_only_problem(
        &format!("{SERVICE}user_token_file = \"nothing.token\"\n"),
        "projects[0].services[0].user_token_file names nothing.token, which cannot be read: No such file or directory \
         (os error 2). Write for example: user_token_file = \"joe.token\"",
    );
}

#[test]
fn credentials_go_in_clear_to_this_machine_only() {
    let service = |url: &str, more: &str| {
        format!(
            "[[projects.services]]\nenvironment = \"prd\"\nurl = \"{url}\"\nmaster_token_file = \"joe.token\"\n{more}"
        )
    };
    assert_only_problem(
        &service("http://10.0.0.7:3001", ""),
        "projects[0].services[0].url is http://10.0.0.7:3001, where credentials and backups would go in clear for \
         everybody on the way; use https, or say plain_http = true where nobody else is on that network. \
         Write for example: url = \"https://backup-lfrjoebloggs-prd.lfr.cloud\"",
    );
    for (url, more) in [
        ("http://10.0.0.7:3001", "plain_http = true\n"),
        ("http://127.0.0.1:3001", ""),
        ("http://backup-lfrjoebloggs-prd.localhost:3001", ""),
    ] {
        with_secrets(&format!("{PROJECT}{}", service(url, more)))
            .load()
            .unwrap();
    }
}

#[test]
fn what_takes_effect_names_services_and_no_secret() {
    let folder = with_secrets(&format!(
        "{PROJECT}{SERVICE}user = \"joe@example.com\"\npassword_file = \"joe.password\"\n"
    ));
    let configuration = folder.load().unwrap();
    let elsewhere: Vec<_> = configuration
        .environments()
        .map(|environment| environment.elsewhere.is_some())
        .collect();
    assert_eq!(elsewhere, [false, true]);
    let shown = configuration.to_string();
    assert!(
        shown.ends_with(&format!(
            "\n[[projects.services]]\nenvironment = \"prd\"\n\
             url = \"https://backups.example.com/services/lfrjoebloggs-prd\"\nplain_http = false\n\
             user = \"joe@example.com\"\npassword_file = \"{}\"\n",
            folder.0.path().join("joe.password").display()
        )),
        "{shown}"
    );
    assert!(!format!("{configuration:?} {shown}").contains("two words"));
    fs::write(folder.file(), &shown).unwrap();
    assert_eq!(folder.load().unwrap().to_string(), shown);
}

fn alone(folder: &Folder) -> Result<Configuration, InvalidConfiguration> {
    Configuration::load(&folder.overrides(), Purpose::ServeServices)
}

#[test]
fn services_alone_need_a_master_token_and_nothing_elsewhere() {
    let refused = |text: &str| {
        let problems = alone(&with_secrets(text))
            .expect_err("it was accepted")
            .to_string();
        problems
            .lines()
            .map(|line| line.split_once(": ").unwrap().1.to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        refused(PROJECT),
        [
            "projects[0].master_token_file is missing: a service alone knows no people, so nobody could ever get into \
             lfrjoebloggs. Write for example: master_token_file = \"lfrjoebloggs.token\""
        ]
    );
    let token = "master_token_file = \"joe.token\"\n";
    assert_eq!(
        refused(&format!("{PROJECT}{token}{SERVICE}{token}")),
        [
            "projects[0].services says that the service of lfrjoebloggs-prd is at \
             https://backups.example.com/services/lfrjoebloggs-prd, and this command serves the environments of the \
             file itself. Write for example: that section in the file of the console only, and here the environments \
             whose service this is"
        ]
    );
    // One mistake is told once.
    let unreadable = refused(&format!("{PROJECT}master_token_file = \"nothing.token\"\n"));
    assert!(
        unreadable.len() == 1 && unreadable[0].contains("cannot be read"),
        "{unreadable:?}"
    );

    // There are no sessions, which would need https under other names.
    alone(&with_secrets(&format!(
        "hosts = [\"backups.internal\"]\n{PROJECT}{token}"
    )))
    .unwrap();
}
