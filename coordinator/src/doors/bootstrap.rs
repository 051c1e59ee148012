//! The token of the first administrator: without it nobody could make another.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sweep_core::access::Role;
use sweep_core::token::{ApiToken, Secret, TokenId, id_of};

use super::{Auth, tokens};
use crate::Error;
use crate::context::Context;

/// Below the data directory.
const FILE: &str = "bootstrap-token";

/// Sees to it that somebody can administer the coordinator. Where nobody can, the text of a new token
/// is in a file that only its owner reads; `given` names a file that has the text already.
///
/// Whoever was locked out, because the last such token has expired or was revoked, starts the
/// coordinator again.
pub(crate) async fn bootstrap(
    context: &Context,
    data_dir: &Path,
    given: Option<&Path>,
) -> Result<(), Error> {
    if context.auth == Auth::None {
        return Ok(());
    }
    let now = context.now();
    if context.store.tokens().await?.iter().any(|token| token.administers(now)) {
        return Ok(());
    }
    let own = data_dir.join(FILE);
    let path = given.unwrap_or(&own);
    let found = match given {
        Some(path) => Some(read(path)?),
        // One that was written, but not stored before the process ended, is as good as new.
        None => read(&own).ok(),
    };
    let unused = match found {
        Some((id, secret)) if context.store.token(id).await?.is_none() => Some((id, secret)),
        _ => None,
    };
    let (id, secret) = match (unused, given) {
        (Some(unused), _) => unused,
        (None, None) => write(&own)?,
        (None, Some(path)) => {
            let mistake = "its token was revoked or has expired".to_owned();
            return Err(Error::BadBootstrap { path: path.to_owned(), mistake });
        }
    };
    let token = ApiToken {
        id,
        name: String::new(),
        role: Role::Admin,
        project: None,
        created_by: "sweepctl serve".to_owned(),
        created_at: now,
        expires_at: None,
        revoked: None,
    };
    match context.store.bootstrap_token(&token, &tokens::hash(&secret)).await? {
        Some(token) => {
            let (path, name) = (path.display(), token.name);
            tracing::warn!(%path, name, "the token of an administrator is in this file");
        }
        // Another coordinator was faster, and its file is the one that counts.
        None if given.is_none() => {
            std::fs::remove_file(&own).map_err(|source| Error::Directory { path: own, source })?;
        }
        None => {}
    }
    Ok(())
}

/// The token of a file.
fn read(path: &Path) -> Result<(TokenId, Secret), Error> {
    let io = |source| Error::Directory { path: path.to_owned(), source };
    let secret = Secret::new(std::fs::read_to_string(path).map_err(io)?.trim().to_owned());
    let bad = || Error::BadBootstrap {
        path: path.to_owned(),
        mistake: "it does not hold a token: `swp_`, eight digits 0 to f, `_` and 43 letters"
            .to_owned(),
    };
    id_of(&secret).map(|id| (id, secret)).ok_or_else(bad)
}

/// Writes a new token where only the owner of this process reads it.
fn write(path: &Path) -> Result<(TokenId, Secret), Error> {
    let io = |source| Error::Directory { path: PathBuf::from(path), source };
    let (id, secret) = tokens::random()?;
    // The mode is that of a file which is made, not of one that is there.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    writeln!(file, "{}", secret.expose()).and_then(|()| file.sync_all()).map_err(io)?;
    Ok((id, secret))
}
