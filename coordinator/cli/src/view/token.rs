//! Tokens, never their text.

use sweep_core::clock::Timestamp;
use sweep_core::token::{ApiToken, Standing};

use super::table::{Column, draw};

/// A line about a token that was just made.
pub(crate) fn made(token: &ApiToken) -> String {
    let ApiToken { id, name, role, .. } = token;
    let of = token
        .project
        .as_ref()
        .map_or_else(|| "all projects".to_owned(), |project| format!("the project {project}"));
    let until = token
        .expires_at
        .map_or_else(|| "until it is revoked".to_owned(), |at| format!("until {at}"));
    format!("token {name} ({id}): {role} of {of}, {until}; nobody can tell its text again")
}

/// A line per token.
pub(crate) fn list(tokens: &[ApiToken], now: Timestamp) -> String {
    if tokens.is_empty() {
        return "no token is accepted here\n".to_owned();
    }
    let columns = [
        Column::Text("id"),
        Column::Text("name"),
        Column::Text("role"),
        Column::Text("project"),
        Column::Text("made"),
        Column::Text("by"),
        Column::Text("is accepted"),
    ];
    let row = |token: &ApiToken| {
        let standing = match (token.standing(now), token.expires_at) {
            (Standing::Valid, None) => "until it is revoked".to_owned(),
            (Standing::Valid, Some(at)) => format!("until {at}"),
            (Standing::Expired(at), _) => format!("no: expired {at}"),
            (Standing::Revoked(at), _) => {
                let by = token.revoked.as_ref().map_or("", |revoked| &revoked.by);
                format!("no: revoked {at} by {by}")
            }
        };
        vec![
            token.id.to_string(),
            token.name.clone(),
            token.role.to_string(),
            token.project.clone().unwrap_or_else(|| "all".to_owned()),
            token.created_at.to_string(),
            token.created_by.clone(),
            standing,
        ]
    };
    draw(&columns, tokens.iter().map(row).collect())
}

/// A line about a token that was taken back.
pub(crate) fn revoked(token: &ApiToken) -> String {
    format!("token {} ({}) is refused from now on\n", token.name, token.id)
}

#[cfg(test)]
mod tests {
    use sweep_core::access::Role;
    use sweep_core::token::{Revocation, TokenId};

    use super::*;

    #[test]
    fn tokens_are_listed_with_what_they_may_do_and_until_when() {
        let at = |minutes: i64| Timestamp(1_764_000_000_000 + minutes * 60_000);
        let worker = ApiToken {
            id: TokenId(0x3fa9_1c02),
            name: "gpu-workers".to_owned(),
            role: Role::Worker,
            project: None,
            created_by: "bootstrap".to_owned(),
            created_at: at(0),
            expires_at: None,
            revoked: None,
        };
        let ada = ApiToken {
            id: TokenId(7),
            name: "ada".to_owned(),
            role: Role::Submitter,
            project: Some("vision".to_owned()),
            expires_at: Some(at(90)),
            ..worker.clone()
        };
        let by = "grace".to_owned();
        let revoked = Some(Revocation { by, at: at(5) });
        let gone = ApiToken { id: TokenId(8), name: "ci".to_owned(), revoked, ..ada.clone() };
        let late = ApiToken { id: TokenId(9), expires_at: Some(at(1)), ..ada.clone() };
        let told = [made(&worker), made(&ada)].join("\n");
        let listed = list(&[worker, ada, gone.clone(), late], at(10));
        insta::assert_snapshot!(format!("{told}\n\n{listed}\n{}", super::revoked(&gone)));
        assert_eq!(list(&[], at(0)), "no token is accepted here\n");
    }
}
