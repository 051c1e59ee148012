//! Keeps the lead among the coordinators of one database, or waits for it.

use super::TICK;
use crate::context::Context;

/// Runs for ever. Whatever a leader does is judged by the database as well: two that think they lead for a
/// moment do no harm, and some work twice.
pub(super) async fn keep(context: Context) {
    let mut held = None;
    loop {
        held = match held {
            None => context.store.try_lead().await,
            Some(mut lead) => lead_if_held(&mut lead).await.then_some(lead),
        };
        context.set_leading(held.is_some());
        tokio::time::sleep(TICK).await;
    }
}

/// A database that does not answer for this long has probably given the lead to another.
async fn lead_if_held(lead: &mut sweep_store::Leadership) -> bool {
    tokio::time::timeout(TICK, lead.holds()).await.unwrap_or(false)
}
