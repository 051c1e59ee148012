//! A coordinator of its own process, as a team would have it, with its log.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Output;

use anyhow::{Context as _, Result};
use sweep_core::token::{Secret, id_of};

use crate::sandbox::{Sandbox, Watched, until};

/// A running `sweepctl serve`. Ended with its test, if not before.
pub(crate) struct Served<'a> {
    sandbox: &'a Sandbox,
    pub(crate) process: Watched,
    pub(crate) url: String,
    pub(crate) log: PathBuf,
}

impl<'a> Served<'a> {
    /// Starts it on a free port with these options, and waits until it answers.
    pub(crate) async fn start(sandbox: &'a Sandbox, options: &[&str]) -> Result<Self> {
        Self::start_at(sandbox, &free_address()?, None, options).await
    }

    /// The same on this address, for as long as it takes to get to the place of a fault.
    pub(crate) async fn start_at(
        sandbox: &'a Sandbox,
        address: &str,
        fault: Option<&str>,
        options: &[&str],
    ) -> Result<Self> {
        let log = sandbox.path("serve.log");
        // The usual port of the HTTP side is one, and tests are many.
        let http: &[&str] = if options.contains(&"--http") { &[] } else { &["--http", "none"] };
        let all = [&["-vvv", "serve", "--listen", address], http, options].concat();
        let process = match fault {
            Some(fault) => sandbox.spawn_until(fault, &all, &log),
            None => sandbox.spawn_logged(&all, &log),
        };
        let is_secure = options.contains(&"--tls-cert");
        let scheme = if is_secure { "https" } else { "http" };
        let served = Self { sandbox, process, url: format!("{scheme}://{address}"), log };
        // It listens before it is ready; what comes meanwhile waits.
        until("the coordinator serves", async || Ok(served.log()?.contains(": serving"))).await?;
        Ok(served)
    }

    pub(crate) fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(&self.log)?)
    }

    /// The file with the first administrator's token.
    pub(crate) fn bootstrap_token(&self) -> String {
        self.sandbox.data_dir().join("bootstrap-token").to_string_lossy().into_owned()
    }

    /// Runs a command of whoever holds the token in a file.
    pub(crate) fn run_as(&self, token_file: &str, arguments: &[&str]) -> Output {
        self.sandbox
            .run(&[arguments, &["--server", &self.url, "--token-file", token_file]].concat())
    }

    /// The same for one that has to succeed; its standard output.
    pub(crate) fn succeed_as(&self, token_file: &str, arguments: &[&str]) -> String {
        let output = self.run_as(token_file, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "sweepctl {arguments:?}: {}\n{stderr}", output.status);
        String::from_utf8(output.stdout).expect("standard output is UTF-8")
    }

    /// The same for one that has to be refused as a request; what it says.
    pub(crate) fn refused_as(&self, token_file: &str, arguments: &[&str]) -> String {
        let output = self.run_as(token_file, arguments);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}\n{stderr}");
        assert!(output.stdout.is_empty(), "{arguments:?} printed something");
        stderr
    }

    /// Makes a token; the file that has it.
    pub(crate) fn token(&self, name: &str, options: &[&str]) -> String {
        let file = self.sandbox.path(&format!("{name}.token")).to_string_lossy().into_owned();
        let create = [&["token", "create", name, "-o", &file], options].concat();
        assert_eq!(self.succeed_as(&self.bootstrap_token(), &create), "", "the token is printed");
        file
    }
}

/// The token of a file.
pub(crate) fn secret(file: &str) -> Result<Secret> {
    let token = Secret::new(std::fs::read_to_string(file)?.trim().to_owned());
    id_of(&token).with_context(|| format!("{file} holds no token"))?;
    Ok(token)
}

/// An address that nobody listens on: the system does not give it to another at once.
pub(crate) fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}
