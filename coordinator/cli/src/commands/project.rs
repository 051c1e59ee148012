//! `sweepctl project`: who shares the workers, and how.

use clap::{Args, Subcommand};
use sweep_core::units::AcceleratorTime;
use sweep_proto::v1::SetProjectRequest;

use crate::args::{Format, Why};
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::place::positive;
use crate::session::{Need, Session};
use crate::view;

const EXAMPLES: &str = "Examples:
  sweepctl project list
  sweepctl project set vision --weight 2 --hours 500h --running 8";
const LIST_EXAMPLES: &str = "Examples:
  sweepctl project list
  sweepctl project list --json";
const SET_EXAMPLES: &str = "Examples:
  sweepctl project set vision --weight 2
  sweepctl project set vision --hours 500h --running 8 --reason \"their share of December\"
  sweepctl project set vision --hours none";

/// List projects, or set what one may have.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Project {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List projects with their weight, limits and use
    #[command(after_help = LIST_EXAMPLES)]
    List(List),
    /// Set the weight, hours or quota of a project; what is not named stays as it is
    #[command(after_help = SET_EXAMPLES)]
    Set(Set),
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    format: Format,
}

#[derive(Debug, Args)]
struct Set {
    /// Name of the project, as `project:` of budget.yaml has it
    #[arg(value_name = "NAME")]
    name: String,
    /// Its share beside the others': one of weight 2 gets twice the hours of one of weight 1
    #[arg(long, value_name = "WEIGHT", value_parser = positive)]
    weight: Option<f64>,
    /// What its sweeps together may use, such as `500h`, or `none`
    #[arg(long, value_name = "TIME", value_parser = limit::<AcceleratorTime>)]
    hours: Option<Limit<AcceleratorTime>>,
    /// Runs that may be in progress at a time, or `none`
    #[arg(long, value_name = "N", value_parser = limit::<u32>)]
    running: Option<Limit<u32>>,
    #[command(flatten)]
    why: Why,
    #[command(flatten)]
    format: Format,
}

/// A limit, or that there is none.
#[derive(Clone, Copy, Debug)]
struct Limit<T>(Option<T>);

fn limit<T>(text: &str) -> Result<Limit<T>, String>
where
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    match text {
        "none" => Ok(Limit(None)),
        _ => {
            text.parse().map(|value| Limit(Some(value))).map_err(|error: T::Err| error.to_string())
        }
    }
}

pub(crate) async fn run(arguments: Project, context: &Context) -> Result<ExitStatus, Failure> {
    let mut session = Session::open(context, Need::Answers).await?;
    let (format, answer) = match arguments.action {
        Action::List(List { format }) => (format, session.projects().await),
        Action::Set(set) => (set.format, session.set_project(set.request()).await),
    };
    session.close().await;
    context.printer.report(format, &answer?, |projects| view::queue::projects(projects))
}

impl Set {
    fn request(&self) -> SetProjectRequest {
        SetProjectRequest {
            name: self.name.clone(),
            weight: self.weight,
            hours_ms: self.hours.and_then(|hours| hours.0).map(AcceleratorTime::ms),
            no_hours: matches!(self.hours, Some(Limit(None))),
            running: self.running.and_then(|running| running.0),
            no_running: matches!(self.running, Some(Limit(None))),
            actor: self.why.actor(),
            reason: self.why.reason.clone(),
        }
    }
}
