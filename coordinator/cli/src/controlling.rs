//! Asks something of a sweep, and tells what came of it.

use sweep_core::control::{Control, Controlled};
use sweep_core::units::AcceleratorTime;
use sweep_proto::v1;
use sweep_proto::v1::ControlRequest;

use crate::args::{Format, Why};
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::session::{Need, Session};
use crate::view;

/// What is asked.
pub(crate) struct Question<'a> {
    pub(crate) control: Control,
    /// Name or id; empty for the newest.
    pub(crate) sweep: &'a str,
    /// None for the whole sweep.
    pub(crate) run: Option<&'a str>,
    pub(crate) why: &'a Why,
    /// The new total of a budget that is raised.
    pub(crate) to: Option<AcceleratorTime>,
    pub(crate) dry_run: bool,
}

impl Question<'_> {
    fn request(&self) -> ControlRequest {
        ControlRequest {
            name: self.sweep.to_owned(),
            run: self.run.unwrap_or_default().to_owned(),
            control: v1::Control::from(self.control).into(),
            actor: self.why.actor(),
            reason: self.why.reason.clone(),
            to_ms: self.to.map(AcceleratorTime::ms),
            dry_run: self.dry_run,
        }
    }
}

/// Asks, and prints the answer.
pub(crate) async fn ask(
    context: &Context,
    question: Question<'_>,
    format: Format,
) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let answer = session.control(question.request()).await;
    let nobody_works = session.is_own();
    session.close().await;
    let answer: Controlled = answer?;
    let status = context.printer.report(format, &answer, view::control::render)?;
    let goes_on = matches!(answer.control, Control::Resume | Control::Retry | Control::Raise);
    if nobody_works && goes_on && answer.event.is_some() {
        let name = &answer.sweep_name;
        context.printer.note(&format!("no worker is at it now: `sweepctl watch {name}` goes on"));
    }
    Ok(status)
}
