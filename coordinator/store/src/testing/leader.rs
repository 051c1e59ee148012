use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DbBackend};

use super::Fixture;
use crate::{Leadership, Store};

/// The lead of the second, once it has it: the lock goes with the connection of the first, which the server
/// notices in its own time.
async fn at_last(store: &Store) -> Leadership {
    let mut asked = tokio::time::interval(Duration::from_millis(10));
    let lead = async {
        loop {
            asked.tick().await;
            if let Some(lead) = store.try_lead().await {
                return lead;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), lead).await.expect("nobody else leads")
}

/// An SQLite file has one coordinator, so that whoever asks leads.
pub(super) async fn one_of_two_leads(fixture: &Fixture) {
    let first = &fixture.store;
    let second = Store::open(&fixture.url).await.unwrap();
    let mut lead = first.try_lead().await.unwrap();
    assert!(lead.holds().await);
    if fixture.store.db.get_database_backend() == DbBackend::Postgres {
        assert!(second.try_lead().await.is_none());
        // Asking again is asking for another.
        assert!(first.try_lead().await.is_none());
    }
    drop(lead);
    let mut lead = at_last(&second).await;
    assert!(lead.holds().await);
    if fixture.store.db.get_database_backend() == DbBackend::Postgres {
        let all = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'";
        first.db.execute_unprepared(all).await.unwrap();
        assert!(!lead.holds().await);
    }
}
