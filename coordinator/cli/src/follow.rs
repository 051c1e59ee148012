//! Follows a sweep to its end.

use sweep_core::sweep::{SweepPhase, SweepStatus};
use sweep_runtime::shutdown::{Kind, Signal};

use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::progress::Progress;
use crate::report::Report;
use crate::session::{self, Session};
use crate::view::plan::PlanSummary;

/// How following ended.
enum End {
    Done(Box<SweepStatus>),
    Stopped(Kind),
}

/// Shows a sweep until it is done, then prints its report. A request to stop ends it earlier: the
/// workers of this process then write their checkpoints first.
///
/// `again` is the command that goes on.
pub(crate) async fn to_the_end(
    context: &Context,
    mut session: Session,
    name: &str,
    json: bool,
    again: &str,
) -> Result<ExitStatus, Failure> {
    let (_trigger, signal) = Signal::listen()?;
    let followed = follow(context, &mut session, name, json, &signal).await;
    let outcome = match followed {
        Ok(End::Done(status)) => {
            let report = Report::gather(context, &mut session, *status).await;
            report.and_then(|report| report.print(context, json))
        }
        Ok(End::Stopped(kind)) => {
            say_goodbye(context, &session, name, again);
            Ok(ExitStatus::Stopped(kind))
        }
        Err(failure) => Err(failure),
    };
    session.close().await;
    outcome
}

async fn follow(
    context: &Context,
    session: &mut Session,
    name: &str,
    json: bool,
    signal: &Signal,
) -> Result<End, Failure> {
    let mut stream = session.watch(name).await?;
    let mut progress = None;
    let mut plan_told = json;
    let mut last: Option<SweepStatus> = None;
    loop {
        let message = tokio::select! {
            message = stream.message() => message?,
            kind = signal.raised() => return Ok(End::Stopped(kind)),
        };
        let Some(document) = message else { break };
        let status: SweepStatus = session::read(&document)?;
        let done = status.record.phase == SweepPhase::Done;
        if let Some(plan) = PlanSummary::of_status(&status).filter(|_| !plan_told) {
            context.printer.data(&format!("{}\n", plan.render()))?;
            plan_told = true;
        }
        // A sweep that was done before has its result and no progress to show.
        if !(done && last.is_none()) {
            progress.get_or_insert_with(|| Progress::new(&context.printer)).update(&status);
        }
        last = Some(status);
        if done {
            break;
        }
    }
    match last {
        Some(status) if status.record.phase == SweepPhase::Done => Ok(End::Done(Box::new(status))),
        _ => {
            Err(tonic::Status::unavailable("it ended the stream before the sweep was done").into())
        }
    }
}

fn say_goodbye(context: &Context, session: &Session, name: &str, again: &str) {
    let printer = &context.printer;
    if session.is_own() {
        printer.note("stopping: workers write their checkpoints; Ctrl-C again ends at once");
        printer.note(&format!("`{again}` goes on where this stopped"));
    } else {
        let url = session.url();
        printer
            .note(&format!("the sweep goes on at {url}; `sweepctl watch {name}` follows it again"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::{Script, Stage};
    use crate::fixtures;
    use crate::session::Need;

    #[tokio::test]
    async fn a_request_to_stop_ends_the_following() {
        let looks = vec![fixtures::running()];
        let stage = Stage::set(Script { looks, never_ends: true, ..Script::default() }).await;
        let (_, context) = stage.context(&["watch"]);
        let mut session = Session::open(&context, Need::Answers).await.unwrap();
        let (trigger, signal) = Signal::manual();
        trigger.raise(Kind::Interrupt);
        let end = follow(&context, &mut session, "demo", true, &signal).await.unwrap();
        assert!(matches!(end, End::Stopped(Kind::Interrupt)));
    }
}
