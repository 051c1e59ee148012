//! Approves or rejects a proposal, and tells what came of it.

use sweep_core::proposal::{Decided, Standing};
use sweep_proto::v1::DecideRequest;

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::session::{Need, Session};
use crate::view;

pub(crate) async fn ask(
    context: &Context,
    request: DecideRequest,
    format: Format,
) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let decided = session.decide(request).await;
    let nobody_works = session.is_own();
    session.close().await;
    let decided: Decided = decided?;
    let status = context.printer.report(format, &decided, view::proposals::decided)?;
    if nobody_works && decided.record.standing == Standing::Approved {
        let name = &decided.sweep_name;
        context.printer.note(&format!("no worker is at it now: `sweepctl watch {name}` goes on"));
    }
    Ok(status)
}
