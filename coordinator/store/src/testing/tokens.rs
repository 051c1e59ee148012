use sweep_core::access::Role;
use sweep_core::token::{ApiToken, Revocation, TokenId};

use super::Fixture;
use super::sample::{NOW, claim, queued};
use crate::{Claim, Error};

pub(super) fn token(name: &str, id: u32) -> ApiToken {
    ApiToken {
        id: TokenId(id),
        name: name.to_owned(),
        role: Role::Submitter,
        project: Some("vision".to_owned()),
        created_by: "ada".to_owned(),
        created_at: NOW.plus_ms(i64::from(id)),
        expires_at: Some(NOW.plus_ms(1000)),
        revoked: None,
    }
}

pub(super) async fn a_token_reads_back_and_its_name_is_given_once(fixture: &Fixture) {
    let store = &fixture.store;
    store.migrate().await.unwrap();
    let (first, second) = (token("ci", 1), token("grace", 2));
    store.create_token(&second, &[2; 32]).await.unwrap();
    store.create_token(&first, &[1; 32]).await.unwrap();
    assert_eq!(store.tokens().await.unwrap(), [first.clone(), second]);
    assert_eq!(store.token(first.id).await.unwrap(), Some((first, [1; 32])));
    assert_eq!(store.token(TokenId(3)).await.unwrap(), None);
    store.revoke_token("ci", "ada", NOW).await.unwrap();
    let again = store.create_token(&token("ci", 3), &[3; 32]).await;
    assert!(matches!(&again, Err(Error::NameTaken { name }) if name == "ci"), "{again:?}");
}

pub(super) async fn a_token_is_taken_back_once(fixture: &Fixture) {
    let store = &fixture.store;
    store.migrate().await.unwrap();
    store.create_token(&token("ci", 0xabc), &[1; 32]).await.unwrap();
    let revoked = store.revoke_token("00000abc", "ada", NOW).await.unwrap();
    let expected = Some(Revocation { by: "ada".to_owned(), at: NOW });
    assert_eq!(revoked.revoked, expected);
    let again = store.revoke_token("ci", "grace", NOW.plus_ms(9)).await.unwrap();
    assert_eq!(again.revoked, expected);
    assert_eq!(store.token(TokenId(0xabc)).await.unwrap().unwrap().0.revoked, expected);
    let missing = store.revoke_token("cd", "ada", NOW).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
}

pub(super) async fn the_first_admin_is_made_once(fixture: &Fixture) {
    let store = &fixture.store;
    store.migrate().await.unwrap();
    let admin = |id: u32| ApiToken { role: Role::Admin, project: None, ..token("", id) };
    // One that is bound to a project administers that alone.
    let bound = ApiToken { project: Some("vision".to_owned()), name: "lead".into(), ..admin(99) };
    store.create_token(&bound, &[99; 32]).await.unwrap();
    let tasks: Vec<_> = (1..=4)
        .map(|id| {
            let (store, token) = (store.clone(), admin(id));
            tokio::spawn(async move { store.bootstrap_token(&token, &[id as u8; 32]).await })
        })
        .collect();
    let mut made = Vec::new();
    for task in tasks {
        made.extend(task.await.unwrap().unwrap());
    }
    let names: Vec<&str> = made.iter().map(|token| &*token.name).collect();
    assert_eq!(names, ["bootstrap"]);
    // Where nobody is left who could, there is another one.
    store.revoke_token("bootstrap", "ada", NOW).await.unwrap();
    let next = store.bootstrap_token(&admin(5), &[5; 32]).await.unwrap().unwrap();
    assert_eq!(next.name, "bootstrap-2");
}

pub(super) async fn an_attempt_knows_its_token(fixture: &Fixture) {
    let store = &fixture.store;
    let (_, runs) = queued(store, 100, 2).await;
    let worker = ApiToken { role: Role::Worker, project: None, ..token("gpu-1", 4) };
    store.create_token(&worker, &[4; 32]).await.unwrap();
    let signed = Claim { token: Some(worker.id), ..claim(runs[0], 10) };
    let lease = store.claim(&signed).await.unwrap();
    assert_eq!(lease.token, Some(worker.id));
    assert_eq!(store.lease_of(signed.worker).await.unwrap(), Some(lease));
    store.claim(&claim(runs[1], 10)).await.unwrap();
    assert_eq!(store.token_of(runs[0], 1).await.unwrap(), Some(Some(worker.id)));
    assert_eq!(store.token_of(runs[1], 1).await.unwrap(), Some(None));
    assert_eq!(store.token_of(runs[0], 2).await.unwrap(), None);
}
