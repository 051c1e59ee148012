//! Who comes in: a token becomes an `Actor`, whose rights every service asks for.
//!
//! `enter` is the one way in, whatever the door speaks. `guard::Guard` stands before the gRPC
//! services, with `methods` as the table of what each of their methods needs; the HTTP side asks at every
//! `Route`.

mod bootstrap;
mod guard;
mod limits;
mod methods;
mod tls;
mod tokens;

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use sweep_core::access::{Action, Actor, Denied};
use sweep_core::token::{ApiToken, Secret, Standing, id_of};
use sweep_proto::RunKey;

use crate::Error;
use crate::context::Context;

pub(crate) use bootstrap::bootstrap;
pub use limits::Limits;
pub(crate) use tls::HANDSHAKE_TIMEOUT;
pub use tls::TlsFiles;

pub(crate) use guard::{Guard, actor};
pub(crate) use limits::Limiter;
pub(crate) use tokens::{create, revoke};

/// Whether people and workers have to sign in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// Nobody has to: for one machine, on an address that others do not reach.
    #[default]
    None,
    /// Everybody shows a token.
    Tokens,
}

impl std::str::FromStr for Auth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::None),
            "tokens" => Ok(Self::Tokens),
            _ => Err("expected `none` or `tokens`".to_owned()),
        }
    }
}

/// Refuses to listen where strangers could come in.
pub(crate) fn must_be_safe(auth: Auth, address: SocketAddr) -> Result<(), Error> {
    let is_safe = auth == Auth::Tokens || address.ip().is_loopback();
    if is_safe { Ok(()) } else { Err(Error::OpenDoor { address }) }
}

/// Who comes with this `authorization` header.
///
/// # Errors
/// [`Error::NotSignedIn`] where a token is wanted and this is none that is accepted.
pub(crate) async fn admit(context: &Context, authorization: Option<&str>) -> Result<Actor, Error> {
    if context.auth == Auth::None {
        return Ok(Actor::anybody());
    }
    let refuse = |why: &str| Error::NotSignedIn { why: why.to_owned() };
    let header = authorization.ok_or_else(|| refuse("this coordinator wants a token"))?;
    let token = bearer(header).ok_or_else(|| refuse("what was sent is not a token"))?;
    let id = id_of(&token).ok_or_else(|| refuse("what was sent is not a token"))?;
    // Compared are hashes: how long that takes tells nothing of the text.
    let known = context.store.token(id).await?.filter(|(_, hash)| *hash == tokens::hash(&token));
    let Some((known, _)) = known else {
        tracing::warn!(token = %id, "a token that is not known was refused");
        return Err(refuse("the token is not known here"));
    };
    must_stand(&known, context)?;
    Ok(known.actor())
}

/// Lets in whoever comes with this header and may do what is asked for; counts the call.
///
/// # Errors
/// As [`admit`], [`Denied`], and [`Error::TooMany`].
pub(crate) async fn enter(
    context: &Context,
    authorization: Option<&str>,
    needs: Action,
) -> Result<Actor, Error> {
    let actor = admit(context, authorization).await?;
    actor.must(needs)?;
    context.limiter.count(&actor, context.now())?;
    Ok(actor)
}

/// Passes whoever was let in for as long as their token is accepted: what they follow ends with it.
///
/// # Errors
/// [`Error::NotSignedIn`].
pub(crate) async fn must_still_be_in(context: &Context, actor: &Actor) -> Result<(), Error> {
    let Some(id) = actor.token else { return Ok(()) };
    match context.store.token(id).await? {
        Some((known, _)) => must_stand(&known, context),
        None => Err(Error::NotSignedIn { why: "the token is not known here".to_owned() }),
    }
}

fn must_stand(token: &ApiToken, context: &Context) -> Result<(), Error> {
    let name = &token.name;
    let why = match token.standing(context.now()) {
        Standing::Valid => return Ok(()),
        Standing::Expired(at) => format!("the token `{name}` expired on {at}"),
        Standing::Revoked(at) => format!("the token `{name}` was revoked on {at}"),
    };
    Err(Error::NotSignedIn { why })
}

/// The token of a header of the scheme `Bearer` (RFC 6750, section 2.1), whose name has no case.
fn bearer(header: &str) -> Option<Secret> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Secret::new(token.trim().to_owned()))
}

/// Passes a worker that reports of an attempt which was leased with its own token.
///
/// # Errors
/// [`Denied::NotItsLease`].
pub(crate) async fn must_hold(
    context: &Context,
    actor: &Actor,
    RunKey { run, epoch }: RunKey,
) -> Result<(), Error> {
    let Some(token) = actor.token else { return Ok(()) };
    match context.store.token_of(run, epoch).await? {
        Some(holder) if holder != Some(token) => {
            Err(Denied::NotItsLease { name: actor.name.clone(), epoch }.into())
        }
        // Of an attempt that never was, whoever looks for it says so.
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
