use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use sweep_core::access::{Action, Role};
use sweep_core::clock::{Clock, ManualClock};
use sweep_core::token::{NewToken, TokenOrder};
use sweep_core::units::WallTime;
use sweep_store::Store;
use tempfile::TempDir;

use super::*;

/// A coordinator whose clock stands.
struct Stage {
    folder: TempDir,
    clock: Arc<ManualClock>,
    context: Context,
}

impl Stage {
    async fn set(auth: Auth) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = sweep_store::sqlite_url(&folder.path().join("sweep.db"));
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let clock = Arc::new(ManualClock::default());
        let shared: Arc<dyn Clock> = clock.clone();
        let context = Context::new(store, shared, folder.path()).with_auth(auth);
        Self { folder, clock, context }
    }

    async fn token(&self, name: &str, role: Role, expires_ms: Option<u64>) -> NewToken {
        let expires_in = expires_ms.map(WallTime::from_ms);
        let order = TokenOrder { name: name.to_owned(), role, project: None, expires_in };
        create(&self.context, &Actor::anybody(), order, "ada".to_owned()).await.unwrap()
    }

    async fn admit(&self, header: &str) -> Result<Actor, Error> {
        admit(&self.context, Some(header)).await
    }
}

fn header(token: &NewToken) -> String {
    format!("Bearer {}", token.secret.expose())
}

fn why(refused: Result<Actor, Error>) -> String {
    match refused {
        Err(Error::NotSignedIn { why }) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn open_doors_let_anybody_in_whatever_they_show() {
    let stage = Stage::set(Auth::None).await;
    for shown in [None, Some("Bearer nonsense")] {
        assert_eq!(admit(&stage.context, shown).await.unwrap(), Actor::anybody());
    }
}

#[tokio::test]
async fn a_token_lets_in_its_holder_alone() {
    let stage = Stage::set(Auth::Tokens).await;
    let made = stage.token("ci", Role::Submitter, None).await;
    let actor = stage.admit(&header(&made)).await.unwrap();
    assert_eq!(actor, made.token.actor());
    assert_eq!((&*actor.name, actor.role), ("ci", Role::Submitter));
    // The name of a scheme has no case.
    stage.admit(&header(&made).replace("Bearer", "bearer")).await.unwrap();

    assert!(why(admit(&stage.context, None).await).contains("wants a token"));
    let secret = made.secret.expose();
    for shown in ["", "Bearer", "Bearer ", "Bearer swp_x", secret, &format!("Basic {secret}")] {
        assert!(why(stage.admit(shown).await).contains("is not a token"), "{shown}");
    }
    // The right id with another text.
    let last = if secret.ends_with('A') { "B" } else { "A" };
    let forged = format!("Bearer {}{last}", &secret[..secret.len() - 1]);
    assert_eq!(why(stage.admit(&forged).await), "the token is not known here");
}

#[tokio::test]
async fn an_expired_and_a_revoked_token_say_so() {
    let stage = Stage::set(Auth::Tokens).await;
    let short = stage.token("short", Role::Viewer, Some(1000)).await;
    let long = stage.token("long", Role::Viewer, None).await;
    stage.clock.advance_ms(999);
    stage.admit(&header(&short)).await.unwrap();
    stage.clock.advance_ms(1);
    assert!(why(stage.admit(&header(&short)).await).contains("`short` expired on 1970-01-01"));
    stage.admit(&header(&long)).await.unwrap();
    let follower = long.token.actor();
    must_still_be_in(&stage.context, &follower).await.unwrap();
    revoke(&stage.context, &Actor::anybody(), "long", "ada".to_owned()).await.unwrap();
    let ended = must_still_be_in(&stage.context, &follower).await.map(|()| follower);
    assert!(why(ended).contains("`long` was revoked"));
    assert!(why(stage.admit(&header(&long)).await).contains("`long` was revoked"));
}

#[tokio::test]
async fn what_is_stored_and_printed_of_a_token_does_not_open_the_door() {
    let stage = Stage::set(Auth::Tokens).await;
    let made = stage.token("ci", Role::Admin, None).await;
    let (stored, hash) = stage.context.store.token(made.token.id).await.unwrap().unwrap();
    let secret = made.secret.expose();
    for printed in [format!("{made:?}"), format!("{stored:?} {hash:?}")] {
        assert!(!printed.contains(&secret[13..]), "{printed}");
    }
    let of_hash = hash.map(|byte| format!("{byte:02x}")).concat();
    stage.admit(&format!("Bearer {of_hash}")).await.unwrap_err();
    let file = std::fs::read(stage.folder.path().join("sweep.db")).unwrap();
    let kept = file.windows(secret.len() - 13).any(|part| part == &secret.as_bytes()[13..]);
    assert!(!kept, "the database has the text of a token");
}

#[tokio::test]
async fn a_mistake_in_an_order_makes_no_token() {
    let stage = Stage::set(Auth::Tokens).await;
    let order = TokenOrder {
        name: "gpu".to_owned(),
        role: Role::Worker,
        project: Some("vision".to_owned()),
        expires_in: None,
    };
    let refused = create(&stage.context, &Actor::anybody(), order, String::new()).await;
    assert!(matches!(refused, Err(Error::BadToken { .. })), "{refused:?}");
    assert!(stage.context.store.tokens().await.unwrap().is_empty());
}

/// Who the token in a file is.
async fn owner(stage: &Stage, file: &Path) -> Actor {
    let secret = std::fs::read_to_string(file).unwrap();
    stage.admit(&format!("Bearer {}", secret.trim())).await.unwrap()
}

#[tokio::test]
async fn the_first_administrator_finds_a_token_in_a_file_of_its_owner() {
    let stage = Stage::set(Auth::Tokens).await;
    let (folder, file) = (stage.folder.path(), stage.folder.path().join("bootstrap-token"));
    bootstrap(&stage.context, folder, None).await.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let first = owner(&stage, &file).await;
    assert_eq!((first.must(Action::ManageTokens), &*first.name), (Ok(()), "bootstrap"));
    // Once is enough, also after the file was put away.
    bootstrap(&stage.context, folder, None).await.unwrap();
    assert_eq!(owner(&stage, &file).await, first);
    std::fs::remove_file(&file).unwrap();
    bootstrap(&stage.context, folder, None).await.unwrap();
    assert!(!file.exists());
    // Whoever has lost the last one starts again.
    std::fs::write(&file, "an old one").unwrap();
    revoke(&stage.context, &first, "bootstrap", String::new()).await.unwrap();
    bootstrap(&stage.context, folder, None).await.unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(owner(&stage, &file).await.name, "bootstrap-2");
}

#[tokio::test]
async fn a_token_that_was_written_and_not_stored_is_taken_up() {
    let stage = Stage::set(Auth::Tokens).await;
    let (folder, file) = (stage.folder.path(), stage.folder.path().join("bootstrap-token"));
    let (id, secret) = tokens::random().unwrap();
    std::fs::write(&file, secret.expose()).unwrap();
    bootstrap(&stage.context, folder, None).await.unwrap();
    assert_eq!(owner(&stage, &file).await.token, Some(id));
}

#[tokio::test]
async fn the_first_token_may_be_given() {
    let stage = Stage::set(Auth::Tokens).await;
    let given = stage.folder.path().join("given");
    std::fs::write(&given, "not a token").unwrap();
    let refused = bootstrap(&stage.context, stage.folder.path(), Some(&given)).await;
    assert!(matches!(&refused, Err(Error::BadBootstrap { .. })), "{refused:?}");
    let (_, secret) = tokens::random().unwrap();
    std::fs::write(&given, format!("{}\n", secret.expose())).unwrap();
    bootstrap(&stage.context, stage.folder.path(), Some(&given)).await.unwrap();
    assert_eq!(owner(&stage, &given).await.name, "bootstrap");
    assert!(!stage.folder.path().join("bootstrap-token").exists());
    // Its second life would be that of a token which somebody has taken back.
    revoke(&stage.context, &Actor::anybody(), "bootstrap", String::new()).await.unwrap();
    let refused = bootstrap(&stage.context, stage.folder.path(), Some(&given)).await;
    assert!(matches!(&refused, Err(Error::BadBootstrap { .. })), "{refused:?}");
}

#[test]
fn only_this_machine_is_served_without_signing_in() {
    let address = |text: &str| text.parse::<SocketAddr>().unwrap();
    for (text, is_safe) in [
        ("127.0.0.1:7700", true),
        ("[::1]:7700", true),
        ("0.0.0.0:7700", false),
        ("[::]:7700", false),
        ("10.0.0.7:7700", false),
    ] {
        assert_eq!(must_be_safe(Auth::None, address(text)).is_ok(), is_safe, "{text}");
        assert!(must_be_safe(Auth::Tokens, address(text)).is_ok(), "{text}");
    }
}
