//! Making tokens and taking them back.

use sha2::{Digest as _, Sha256};
use sweep_core::access::Actor;
use sweep_core::token::{ApiToken, NewToken, SECRET_BYTES, Secret, TokenId, TokenOrder, compose};
use sweep_store::TokenHash;

use crate::Error;
use crate::context::Context;

/// What is stored of a token. Its text is random and long: there is nothing to guess, and so nothing
/// that a slow hash would protect.
pub(super) fn hash(token: &Secret) -> TokenHash {
    Sha256::digest(token.expose()).into()
}

/// A new id and text.
pub(super) fn random() -> Result<(TokenId, Secret), Error> {
    let (mut id, mut secret) = ([0; 4], [0; SECRET_BYTES]);
    let filled = getrandom::fill(&mut id).and_then(|()| getrandom::fill(&mut secret));
    filled.map_err(|source| Error::NoRandomness { source: source.into() })?;
    let id = TokenId(u32::from_be_bytes(id));
    Ok((id, compose(id, &secret)))
}

/// Makes a token.
pub(crate) async fn create(
    context: &Context,
    actor: &Actor,
    order: TokenOrder,
    claimed: String,
) -> Result<NewToken, Error> {
    if let Some(mistake) = order.mistake() {
        return Err(Error::BadToken { mistake });
    }
    let (id, secret) = random()?;
    let now = context.now();
    let lives_ms = order.expires_in.map(|time| i64::try_from(time.ms()).unwrap_or(i64::MAX));
    let token = ApiToken {
        id,
        name: order.name,
        role: order.role,
        project: order.project,
        created_by: actor.called(claimed),
        created_at: now,
        expires_at: lives_ms.map(|ms| now.plus_ms(ms)),
        revoked: None,
    };
    context.store.create_token(&token, &hash(&secret)).await?;
    tracing::info!(token = %id, name = token.name, by = token.created_by, "a token was made");
    Ok(NewToken { token, secret })
}

/// Takes a token back.
pub(crate) async fn revoke(
    context: &Context,
    actor: &Actor,
    token: &str,
    claimed: String,
) -> Result<ApiToken, Error> {
    let revoked = context.store.revoke_token(token, &actor.called(claimed), context.now()).await?;
    tracing::info!(token = %revoked.id, name = revoked.name, "a token was revoked");
    Ok(revoked)
}
