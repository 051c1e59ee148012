//! API tokens: made once, taken back once, never changed. Their text is not here, only its hash.

use std::collections::HashMap;

use sea_orm::sea_query::ExprTrait as _;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter,
};
use sweep_core::clock::Timestamp;
use sweep_core::token::{ApiToken, Revocation, TokenId};

use crate::Store;
use crate::column::{from_at, from_name, to_at};
use crate::entity::{api_token, api_token_revocation};
use crate::error::{Error, duplicate_is_lost_race, not_found};
use crate::tx::writing;

/// SHA-256 of the text of a token.
pub type TokenHash = [u8; 32];

/// What the tokens are called that the coordinator makes by itself.
const BOOTSTRAP: &str = "bootstrap";

impl Store {
    /// Keeps a token.
    ///
    /// # Errors
    /// [`Error::NameTaken`] when a token was ever called so.
    pub async fn create_token(&self, token: &ApiToken, hash: &TokenHash) -> Result<(), Error> {
        writing!(self, |tx| {
            let named = api_token::Entity::find().filter(api_token::Column::Name.eq(&token.name));
            if named.one(tx).await?.is_some() {
                return Err(Error::NameTaken { name: token.name.clone() });
            }
            insert(tx, token, hash).await
        })
    }

    /// Keeps a token under the next name for such, unless somebody can administer the coordinator
    /// already. None where that is so.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn bootstrap_token(
        &self,
        token: &ApiToken,
        hash: &TokenHash,
    ) -> Result<Option<ApiToken>, Error> {
        writing!(self, |tx| {
            let known = all(tx).await?;
            if known.iter().any(|known| known.administers(token.created_at)) {
                return Ok(None);
            }
            let is_free = |name: &String| known.iter().all(|known| known.name != *name);
            let numbered = (2..).map(|number: u64| format!("{BOOTSTRAP}-{number}"));
            let mut names = std::iter::once(BOOTSTRAP.to_owned()).chain(numbered);
            let name = names.find(is_free).expect("of names without end one is free");
            // Of two coordinators that start together one finds the name taken, and looks again.
            let token = ApiToken { name, ..token.clone() };
            insert(tx, &token, hash).await?;
            Ok(Some(token))
        })
    }

    /// A token with the hash of its text.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn token(&self, id: TokenId) -> Result<Option<(ApiToken, TokenHash)>, Error> {
        let Some(row) = api_token::Entity::find_by_id(id.to_string()).one(&self.db).await? else {
            return Ok(None);
        };
        let revoked = api_token_revocation::Entity::find_by_id(&row.id).one(&self.db).await?;
        let hash = TokenHash::try_from(&*row.hash)
            .map_err(|source| Error::Corrupt { what: "hash of a token", source: source.into() })?;
        Ok(Some((noun(row, revoked)?, hash)))
    }

    /// Every token that was ever made, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn tokens(&self) -> Result<Vec<ApiToken>, Error> {
        all(&self.db).await
    }

    /// Takes a token back, by its name or id. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such token.
    pub async fn revoke_token(
        &self,
        token: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<ApiToken, Error> {
        writing!(self, |tx| {
            let is_meant = api_token::Column::Id.eq(token).or(api_token::Column::Name.eq(token));
            let found = api_token::Entity::find().filter(is_meant).one(tx).await?;
            let row = found.ok_or_else(|| not_found(format_args!("token `{token}`")))?;
            let known = api_token_revocation::Entity::find_by_id(&row.id).one(tx).await?;
            let revoked = match known {
                Some(known) => known,
                None => {
                    let revoked = api_token_revocation::ActiveModel {
                        token_id: Set(row.id.clone()),
                        revoked_by: Set(by.to_owned()),
                        revoked_at: Set(to_at(now)?),
                    };
                    revoked.insert(tx).await.map_err(duplicate_is_lost_race)?
                }
            };
            noun(row, Some(revoked))
        })
    }
}

async fn insert(
    tx: &impl ConnectionTrait,
    token: &ApiToken,
    hash: &TokenHash,
) -> Result<(), Error> {
    let row = api_token::ActiveModel {
        id: Set(token.id.to_string()),
        name: Set(token.name.clone()),
        role: Set(token.role.as_str().to_owned()),
        project: Set(token.project.clone()),
        hash: Set(hash.to_vec()),
        created_by: Set(token.created_by.clone()),
        created_at: Set(to_at(token.created_at)?),
        expires_at: Set(token.expires_at.map(to_at).transpose()?),
    };
    row.insert(tx).await.map(drop).map_err(duplicate_is_lost_race)
}

async fn all(db: &impl ConnectionTrait) -> Result<Vec<ApiToken>, Error> {
    let revoked = api_token_revocation::Entity::find().all(db).await?;
    let mut revoked: HashMap<String, api_token_revocation::Model> =
        revoked.into_iter().map(|row| (row.token_id.clone(), row)).collect();
    let rows = api_token::Entity::find().all(db).await?;
    let nouns = rows.into_iter().map(|row| {
        let revoked = revoked.remove(&row.id);
        noun(row, revoked)
    });
    let mut tokens = nouns.collect::<Result<Vec<_>, Error>>()?;
    // SQLite keeps times as text, which does not sort by time.
    tokens.sort_by(|a, b| (a.created_at, &a.name).cmp(&(b.created_at, &b.name)));
    Ok(tokens)
}

fn noun(
    row: api_token::Model,
    revoked: Option<api_token_revocation::Model>,
) -> Result<ApiToken, Error> {
    let revocation = |row: api_token_revocation::Model| Revocation {
        by: row.revoked_by,
        at: from_at(row.revoked_at),
    };
    Ok(ApiToken {
        id: id(&row.id)?,
        name: row.name,
        role: from_name("role", row.role)?,
        project: row.project,
        created_by: row.created_by,
        created_at: from_at(row.created_at),
        expires_at: row.expires_at.map(from_at),
        revoked: revoked.map(revocation),
    })
}

/// Reads a stored id.
pub(crate) fn id(text: &str) -> Result<TokenId, Error> {
    text.parse()
        .map_err(|error: String| Error::Corrupt { what: "id of a token", source: error.into() })
}
