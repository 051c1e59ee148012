//! Takes runs back whose lease has expired.

use crate::context::Context;
use crate::{Error, dispatch};

pub(super) async fn converge(context: Context) -> Result<(), Error> {
    for lease in context.store.expired_leases(context.now()).await? {
        dispatch::lost(&context, &lease).await?;
    }
    Ok(())
}
