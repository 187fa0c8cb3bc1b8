//! `cargo xtask test`: everything that must hold, the cheapest first, the first failure ends it.
//!
//! Packages that are built for the server and those built for the browser are never named in one command: their features
//! exclude each other. All commands for the server name the same packages and features, so that its dependencies are
//! compiled once, for lints without code and for tests and the server with it. Lints for the browser use the profile and
//! the target folder of the site's build, and share its macros.

use std::{env, path::Path};

use anyhow::{Result, ensure};

use super::{BUILD_SITE, SITE};
use crate::{
    invocation::Invocation,
    setup::{self, python_packages},
    steps::Steps,
    toolchain::BROWSER_TARGET,
};

const SERVER: &str = "target/debug/backups-console";
const BROWSER_TESTS: &str = "end2end/run.mjs";
/// Everything that runs on this machine. Only here the server has points at which tests let it die.
const HOST: [&str; 6] = [
    "--locked",
    "--workspace",
    "--exclude",
    "frontend",
    "--features",
    "app/ssr,server/failpoints",
];
/// Everything that runs in a browser, where cargo-leptos builds it.
const BROWSER: [&str; 13] = [
    "--locked",
    "--package",
    "app",
    "--package",
    "frontend",
    "--features",
    "app/hydrate",
    "--target",
    BROWSER_TARGET,
    "--target-dir",
    "target/front",
    "--profile",
    "wasm-release",
];
/// The tests that say most about the way between console and service, in about a minute.
const ABOUT_THE_HOP: [&str; 5] = [
    "bad-days",
    "first-visit",
    "live",
    "live-connections",
    "upload-form",
];
const NO_WARNINGS: [&str; 3] = ["--", "--deny", "warnings"];

pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::start();
    // The last step's file, looked for first: nobody wants to learn of it after ten minutes.
    ensure!(
        Path::new(BROWSER_TESTS).is_file(),
        "{BROWSER_TESTS} is missing, which runs the browser tests"
    );
    let tools = steps.perform("set-up", setup::for_tests)?;
    let (cargo, clippy) = (|| tools.toolchain.cargo(), || tools.toolchain.clippy());

    steps.run(
        "format",
        &Invocation::new("cargo").arguments(["fmt", "--all", "--check"]),
    )?;
    let lint = clippy().arguments(HOST).arguments(["--all-targets"]);
    steps.run("lint, server", &lint.arguments(NO_WARNINGS))?;
    steps.run(
        "lint, browser",
        &clippy().arguments(BROWSER).arguments(NO_WARNINGS),
    )?;
    // It is built and installed by itself, without the features that the rest turns on in what both depend on.
    let alone = cargo().arguments(["check", "--locked", "--package", "lcp"]);
    steps.run("command line alone", &alone)?;
    let compile = cargo().arguments(["build"]).arguments(HOST);
    steps.run(
        "compile tests and server",
        &compile.arguments(["--bins", "--tests"]),
    )?;
    steps.run("tests", &cargo().arguments(["test"]).arguments(HOST))?;
    // Only the browser's half: the server stands since the tests were compiled.
    let build = cargo().arguments(BUILD_SITE).arguments(["--frontend-only"]);
    steps.run("site", &build)?;
    steps.run("browser tests", &browser_tests(&tools.browser)?)?;
    let separate = separate(browser_tests(&tools.browser)?).arguments(ABOUT_THE_HOP);
    steps.run("browser tests, service apart", &separate)?;
    steps.finish();
    Ok(())
}

/// All browser tests once more, with the services in a process of their own.
pub(crate) fn run_separate() -> Result<()> {
    let mut steps = Steps::start();
    let tools = steps.perform("set-up", setup::for_tests)?;
    let cargo = || tools.toolchain.cargo();
    let compile = cargo()
        .arguments(["build"])
        .arguments(HOST)
        .arguments(["--bins", "--examples"]);
    steps.run("server", &compile)?;
    let build = cargo().arguments(BUILD_SITE).arguments(["--frontend-only"]);
    steps.run("site", &build)?;
    let tests = separate(browser_tests(&tools.browser)?);
    steps.run("browser tests, service apart", &tests)?;
    steps.finish();
    Ok(())
}

/// With the services in a process of their own.
fn separate(tests: Invocation) -> Invocation {
    tests.variable("BACKUPS_CONSOLE_SERVICE", "separate")
}

fn browser_tests(browser: &Path) -> Result<Invocation> {
    let project = env::current_dir()?;
    let absolute = |path: &str| project.join(path).display().to_string();
    Ok(Invocation::new("node")
        .arguments([BROWSER_TESTS])
        .variable("BACKUPS_CONSOLE_BINARY", absolute(SERVER))
        .variable("BACKUPS_CONSOLE_SITE", absolute(SITE))
        .variable("CHROMIUM", browser.display().to_string())
        .variable("PYTHONPATH", absolute(python_packages::FOLDER)))
}
