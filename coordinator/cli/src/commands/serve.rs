//! `sweepctl serve`: a coordinator for workers and clients elsewhere.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use coordinator::doors::{Auth, Limits, TlsFiles};
use coordinator::rest;
use coordinator::server::{Bound, Options};
use serde::{Deserialize, Serialize};
use sweep_runtime::config;
use sweep_runtime::shutdown::Signal;

use crate::context::Context;
use crate::failure::{ExitStatus, Failure};

const EXAMPLES: &str = "Examples:
  sweepctl serve
  sweepctl serve --listen 0.0.0.0:7700 --auth tokens --database postgres://sweep@db/sweep
  sweepctl serve --listen 0.0.0.0:7700 --auth tokens --tls-cert cert.pem --tls-key key.pem
  sweepctl serve --http none
  sweepctl serve --dump-config > sweep.toml";

/// Serve a coordinator for workers and clients elsewhere.
///
/// Settings come from `sweep.toml`, are overridden by `SWEEP_*` variables, and those by options.
/// SIGTERM ends it when calls in progress have ended, a second one at once. docs/operations.md tells how to
/// run it for a team.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Serve {
    /// Address to listen on [default: 127.0.0.1:7700]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Address of the HTTP API, `none` for no such [default: 127.0.0.1:7780]
    #[arg(long, value_name = "ADDRESS")]
    http: Option<HttpAddress>,
    /// Database, `sqlite:///PATH` or `postgres://...` [default: sweep.db in the data directory]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Who may come in: `none` asks nobody, `tokens` everybody [default: none]
    #[arg(long, value_name = "HOW")]
    auth: Option<Auth>,
    /// Certificate for TLS, as PEM, with those of the authorities in between
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// Private key of the certificate, as PEM
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Configuration file [default: sweep.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the settings in force as a configuration file, and end
    #[arg(long)]
    dump_config: bool,
}

/// What an operator sets.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Config {
    /// Address of the gRPC server. Without authentication only loopback is served.
    listen: SocketAddr,
    /// Address of the HTTP API, or `none`. Loopback by default, as the gRPC server.
    http: HttpAddress,
    /// Origins whose pages may ask the HTTP API, e.g. `https://sweeps.example`. None by default.
    http_origins: Vec<String>,
    /// None: a SQLite file in the data directory.
    database: Option<String>,
    /// Folder for corpora, checkpoints and figures; workers of this machine share it.
    data_dir: Option<PathBuf>,
    /// Whether people and workers sign in.
    auth: Auth,
    /// Holds the token of the first administrator. None: one is made, in the data directory.
    bootstrap_token_file: Option<PathBuf>,
    /// Certificate and private key for TLS, in PEM. None: the server speaks in clear.
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    /// Calls a second of one token, on average; workers that share a token share them.
    calls_per_second: u32,
    /// Calls of one token at once, after a pause.
    calls_burst: u32,
    /// Calls in progress on one connection.
    in_flight_max: u32,
    /// Bytes of a budget.yaml.
    submit_bytes_max: u32,
    /// Seconds that calls in progress may take to end after SIGTERM; most take milliseconds.
    grace_seconds: u32,
}

impl Default for Config {
    fn default() -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 7700));
        let http = HttpAddress(Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 7780))));
        let limits = Limits::default();
        Self {
            listen,
            http,
            http_origins: Vec::new(),
            database: None,
            data_dir: None,
            auth: Auth::None,
            bootstrap_token_file: None,
            tls_cert: None,
            tls_key: None,
            calls_per_second: limits.calls_per_second,
            calls_burst: limits.calls_burst,
            in_flight_max: limits.in_flight_max,
            submit_bytes_max: limits.submit_bytes_max,
            grace_seconds: 10,
        }
    }
}

/// An address, or the word `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct HttpAddress(Option<SocketAddr>);

impl FromStr for HttpAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "none" {
            return Ok(Self(None));
        }
        let address = text.parse().map(|address| Self(Some(address)));
        address.map_err(|_| {
            format!("`{text}` is neither an address such as 127.0.0.1:7780 nor `none`")
        })
    }
}

impl TryFrom<String> for HttpAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<HttpAddress> for String {
    fn from(HttpAddress(address): HttpAddress) -> Self {
        address.map_or_else(|| "none".to_owned(), |address| address.to_string())
    }
}

pub(crate) async fn run(arguments: Serve, context: &Context) -> Result<ExitStatus, Failure> {
    let loaded: Config = config::load(arguments.config.as_deref())?;
    let in_force = Config {
        listen: arguments.listen.unwrap_or(loaded.listen),
        http: arguments.http.unwrap_or(loaded.http),
        http_origins: loaded.http_origins,
        database: arguments.database.or(loaded.database),
        data_dir: context.global.data_dir.clone().or(loaded.data_dir),
        auth: arguments.auth.unwrap_or(loaded.auth),
        tls_cert: arguments.tls_cert.or(loaded.tls_cert),
        tls_key: arguments.tls_key.or(loaded.tls_key),
        ..loaded
    };
    if arguments.dump_config {
        context.printer.data(&config::dump(&in_force)?)?;
        return Ok(ExitStatus::Done);
    }
    let data_dir = in_force.data_dir.unwrap_or_else(|| context.data_dir().to_owned());
    let HttpAddress(http) = in_force.http;
    let origins = in_force.http_origins;
    let options = Options {
        listen: in_force.listen,
        http: http.map(|listen| rest::Options { listen, origins }),
        otlp: context.global.otlp.clone(),
        database_url: in_force.database.unwrap_or_else(|| coordinator::database_url(&data_dir)),
        data_dir,
        auth: in_force.auth,
        bootstrap_token_file: in_force.bootstrap_token_file,
        tls: tls(in_force.tls_cert, in_force.tls_key)?,
        limits: Limits {
            calls_per_second: in_force.calls_per_second,
            calls_burst: in_force.calls_burst,
            in_flight_max: in_force.in_flight_max,
            submit_bytes_max: in_force.submit_bytes_max,
        },
        grace: Duration::from_secs(in_force.grace_seconds.into()),
    };
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let (_trigger, signal) = Signal::listen()?;
    let bound = Bound::new(options).await?;
    context.printer.note(&format!("serving on {scheme}://{}", bound.address()));
    if let Some(address) = bound.http_address() {
        context.printer.note(&format!("HTTP API on {scheme}://{address}/api/v1/openapi.json"));
    }
    let (asked, again) = (signal.clone(), signal.clone());
    let stop = async move {
        asked.raised().await;
    };
    bound.serve(stop, async move { again.raised_again().await }).await?;
    Ok(match signal.now() {
        Some(kind) if signal.is_urgent() => ExitStatus::Stopped(kind),
        // Asked to stop and stopped: that is what a supervisor wants to hear.
        _ => ExitStatus::Done,
    })
}

/// Both files or none.
fn tls(certificate: Option<PathBuf>, key: Option<PathBuf>) -> Result<Option<TlsFiles>, Failure> {
    match (certificate, key) {
        (Some(certificate), Some(key)) => Ok(Some(TlsFiles { certificate, key })),
        (None, None) => Ok(None),
        _ => {
            Err(Failure::refused("TLS takes a certificate and its key, and one of them is missing")
                .with_hint(
                    "`--tls-cert FILE --tls-key FILE`, or `tls-cert` and `tls-key` in sweep.toml",
                ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_configuration_listens_on_loopback() {
        insta::assert_snapshot!(config::dump(&Config::default()).unwrap());
    }

    #[test]
    fn an_http_address_is_one_or_none() {
        for text in ["127.0.0.1:7780", "[::1]:0", "none"] {
            let address: HttpAddress = text.parse().unwrap();
            assert_eq!(String::from(address), text);
        }
        assert!("None".parse::<HttpAddress>().is_err() && "7780".parse::<HttpAddress>().is_err());
    }
}
