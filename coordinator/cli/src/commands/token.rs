//! `sweepctl token`: who may come in, and what they may do.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;
use sweep_core::access::Role;
use sweep_core::clock::{Clock as _, SystemClock};
use sweep_core::token::{ApiToken, NewToken, Standing};
use sweep_core::units::WallTime;
use sweep_proto::v1::{CreateTokenRequest, RevokeTokenRequest};

use crate::args::{Format, file, user};
use crate::context::Context;
use crate::credentials;
use crate::failure::{ExitStatus, Failure};
use crate::session::{Need, Session};
use crate::view;

const EXAMPLES: &str = "Examples:
  sweepctl token create ci --role submitter --project vision --expires 90d -o ci.token
  sweepctl token list
  sweepctl token revoke ci";
const CREATE_EXAMPLES: &str = "Examples:
  sweepctl token create gpu-workers --role worker -o worker.token
  sweepctl token create ada --role submitter --project vision --expires 90d -o ada.token
  sweepctl token create dashboard --role viewer --json";
const LIST_EXAMPLES: &str = "Examples:
  sweepctl token list
  sweepctl token list --all --json";
const REVOKE_EXAMPLES: &str = "Examples:
  sweepctl token revoke ci
  sweepctl token revoke 3fa91c02";

/// Make, list and revoke the tokens that people, programs and workers sign in with.
///
/// A coordinator that was started with `--auth tokens` lets nobody in without. docs/operations.md tells
/// what each role may do.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Token {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a token and print it: nobody can tell it again
    #[command(after_help = CREATE_EXAMPLES)]
    Create(Create),
    /// List tokens: never their text
    #[command(after_help = LIST_EXAMPLES)]
    List(List),
    /// Revoke a token: from then on it is refused
    #[command(after_help = REVOKE_EXAMPLES)]
    Revoke(Revoke),
}

#[derive(Debug, Args)]
struct Create {
    /// What it is called: journals name whoever used it by this. Given once and never again
    #[arg(value_name = "NAME")]
    name: String,
    /// What it may do: viewer, submitter, admin or worker
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// The one project that it is bound to [default: all]
    #[arg(long, value_name = "NAME")]
    project: Option<String>,
    /// For how long it is accepted, such as `90d` [default: until it is revoked]
    #[arg(long, value_name = "TIME")]
    expires: Option<WallTime>,
    /// Write it to a new file that only you can read, rather than print it
    #[arg(short, long, value_name = "FILE", value_parser = file)]
    output: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct List {
    /// Also those that have expired or were revoked
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct Revoke {
    /// Name or id of the token
    #[arg(value_name = "TOKEN")]
    token: String,
    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(arguments: Token, context: &Context) -> Result<ExitStatus, Failure> {
    match arguments.action {
        Action::Create(arguments) => create(arguments, context).await,
        Action::List(arguments) => list(&arguments, context).await,
        Action::Revoke(arguments) => revoke(arguments, context).await,
    }
}

/// A new token for programs. The text is absent where a file has it.
#[derive(Serialize)]
struct Made<'a> {
    token: &'a ApiToken,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
}

async fn create(arguments: Create, context: &Context) -> Result<ExitStatus, Failure> {
    let Create { name, role, project, expires, output, format } = arguments;
    if let Some(path) = output.as_ref().filter(|path| path.exists()) {
        return Err(Failure::refused(format!("{} is there already", path.display()))
            .with_hint("a token is written to a new file"));
    }
    let request = CreateTokenRequest {
        name,
        role: role.to_string(),
        project,
        expires_in_ms: expires.map(WallTime::ms),
        actor: user(),
    };
    let mut session = Session::open(context, Need::Answers).await?;
    let made = session.create_token(request).await;
    session.close().await;
    let NewToken { token, secret } = made?;
    context.printer.note(&view::token::made(&token));
    if let Some(path) = &output {
        credentials::write(path, &secret)?;
        context.printer.note(&format!("written to {}", path.display()));
    }
    let secret = output.is_none().then(|| secret.expose());
    if format.json {
        context.printer.json(&Made { token: &token, secret })?;
    } else if let Some(secret) = secret {
        context.printer.data(&format!("{secret}\n"))?;
    }
    Ok(ExitStatus::Done)
}

async fn list(arguments: &List, context: &Context) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let tokens = session.tokens().await;
    session.close().await;
    let (mut tokens, now) = (tokens?, SystemClock.now());
    if !arguments.all {
        tokens.retain(|token| token.standing(now) == Standing::Valid);
    }
    context.printer.report(arguments.format, &tokens, |tokens| view::token::list(tokens, now))
}

async fn revoke(arguments: Revoke, context: &Context) -> Result<ExitStatus, Failure> {
    let request = RevokeTokenRequest { token: arguments.token, actor: user() };
    let mut session = Session::open(context, Need::Answers).await?;
    let revoked = session.revoke_token(request).await;
    session.close().await;
    context.printer.report(arguments.format, &revoked?, view::token::revoked)
}
