//! The result of a finished sweep: runs, laws, crossover, figure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use sweep_core::code::ErrorCode;
use sweep_core::crossover::Crossover;
use sweep_core::fit::ArmFits;
use sweep_core::forecast::ForecastView;
use sweep_core::run::RunState;
use sweep_core::sweep::{RunRecord, SweepRecord, SweepStatus};

use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::own_laws;
use crate::printer::Printer;
use crate::session::Session;
use crate::view::laws::Quantities;
use crate::view::own_laws::OwnLaw;
use crate::view::plan::PlanSummary;
use crate::view::{self, counted, forecast, laws, runs, status};

/// Rows of the plot in the terminal.
const PLOT_ROWS: usize = 24;

/// Everything a finished sweep has to say.
pub(crate) struct Report {
    status: SweepStatus,
    /// None when there were too few results to fit anything.
    view: Option<ForecastView>,
    /// The laws that budget.yaml asks for beside the arms' curves.
    own: Vec<OwnLaw>,
    paths: Paths,
}

#[derive(Debug, Serialize)]
struct Paths {
    /// The crossover figure as SVG, once there is a forecast.
    figure: Option<PathBuf>,
    /// None when the database is a server's.
    database: Option<PathBuf>,
}

/// The report as programs read it.
#[derive(Serialize)]
struct Json<'a> {
    sweep: &'a SweepRecord,
    plan: Option<PlanSummary>,
    runs: &'a [RunRecord],
    fits: &'a [ArmFits],
    crossovers: &'a [Crossover],
    laws: &'a [OwnLaw],
    problems: &'a [String],
    paths: &'a Paths,
}

impl Report {
    /// Asks for the forecast and draws its figure.
    pub(crate) async fn gather(
        context: &Context,
        session: &mut Session,
        status: SweepStatus,
    ) -> Result<Self, Failure> {
        let name = &status.record.name;
        let view = match session.forecast(name).await {
            Ok(view) => Some(view),
            Err(failure) if failure.code() == Some(ErrorCode::NotFound) => None,
            Err(failure) => return Err(failure),
        };
        let figure = view.as_ref().map(|view| {
            let path = context.figure_path(name);
            write_figure(view, &path).map(|()| path)
        });
        let paths = Paths { figure: figure.transpose()?, database: context.database_path() };
        let own = own_laws::fit(&status.record, session.observations(name).await?)?;
        Ok(Self { status, view, own, paths })
    }

    /// Prints the report. A sweep without a single result has none: that is a failure, told after
    /// the runs.
    pub(crate) fn print(&self, context: &Context, json: bool) -> Result<ExitStatus, Failure> {
        let printer = &context.printer;
        if json {
            printer.json(&self.json())?;
        } else {
            printer.data(&self.text())?;
            if let Some(view) = &self.view {
                printer.data("\n")?;
                draw(&charts::figure::crossover(view), printer)?;
            }
            printer.data(&self.places())?;
        }
        self.verdict()
    }

    fn json(&self) -> Json<'_> {
        let forecast = self.view.as_ref().map(|view| &view.forecast);
        Json {
            sweep: &self.status.record,
            plan: PlanSummary::of_status(&self.status),
            runs: &self.status.runs,
            fits: forecast.map_or(&[], |forecast| &forecast.arms),
            crossovers: forecast.map_or(&[], |forecast| &forecast.crossovers),
            laws: &self.own,
            problems: &self.status.problems,
            paths: &self.paths,
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        if !self.status.runs.is_empty() {
            text += &runs::table(&self.status.runs);
            text += &format!("{}\n", status::counts(&self.status.runs));
        }
        if let Some(view) = &self.view {
            text += &format!(
                "\n{}",
                laws::render(&view.forecast.arms, Quantities::of_sweep(&view.hours_unit))
            );
            text += &format!("\n{}", forecast::render(&view.forecast.crossovers));
        }
        if !self.own.is_empty() {
            text += &format!("\n{}", view::own_laws::render(&self.own));
        }
        for problem in &self.status.problems {
            text += &format!("problem: {problem}\n");
        }
        text
    }

    fn places(&self) -> String {
        let mut text = String::from("\n");
        let mut line = |name: &str, path: Option<&PathBuf>| {
            if let Some(path) = path {
                text += &format!("{name:<9} {}\n", path.display());
            }
        };
        line("figure", self.paths.figure.as_ref());
        line("database", self.paths.database.as_ref());
        if let Some(proposal) = &self.status.proposal {
            let sentence = view::proposals::sentence(&self.status.record.name, proposal);
            text += &format!("{:<9} {sentence}\n", "proposal");
        }
        text
    }

    fn verdict(&self) -> Result<ExitStatus, Failure> {
        let runs = &self.status.runs;
        if runs.iter().any(|run| run.state == RunState::Succeeded) {
            return Ok(ExitStatus::Done);
        }
        let name = &self.status.record.name;
        let mut failure = Failure::refused(match runs.len() {
            0 => format!("the sweep `{name}` has no runs"),
            _ => format!("no run of the sweep `{name}` succeeded"),
        });
        for (reason, count) in reasons(runs) {
            failure = failure.with_cause(format!("{}: {reason}", counted(count, "run")));
        }
        for problem in &self.status.problems {
            failure = failure.with_cause(problem);
        }
        Err(failure)
    }
}

/// Why runs did not succeed, each reason with the number of its runs.
fn reasons(runs: &[RunRecord]) -> BTreeMap<String, usize> {
    let mut reasons = BTreeMap::new();
    for run in runs {
        let failed = run.failure.as_ref().map(ToString::to_string);
        let reason = failed.or_else(|| run.waiting.clone()).unwrap_or_else(|| runs::state(run));
        *reasons.entry(reason).or_default() += 1;
    }
    reasons
}

/// Draws a figure in the terminal.
pub(crate) fn draw(figure: &charts::Figure, printer: &Printer) -> Result<(), Failure> {
    let columns = usize::from(printer.columns());
    let plot = charts::terminal::render(figure, columns, PLOT_ROWS, printer.colour_stdout());
    printer.data(&format!("{}\n", plot.trim_end()))
}

/// Draws the crossover figure into a file, making its folder.
fn write_figure(view: &ForecastView, path: &Path) -> Result<(), Failure> {
    write_svg(&charts::figure::crossover(view), path)
}

/// Draws a figure into a file, and says so.
pub(crate) fn save(figure: &charts::Figure, path: &Path, printer: &Printer) -> Result<(), Failure> {
    write_svg(figure, path)?;
    printer.note(&format!("wrote {}", path.display()));
    Ok(())
}

/// Draws a figure into a file, making its folder.
fn write_svg(figure: &charts::Figure, path: &Path) -> Result<(), Failure> {
    let svg = charts::svg::render(figure, &charts::svg::SvgOptions::default());
    let folder = path.parent().unwrap_or_else(|| Path::new(""));
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, svg));
    written.map_err(|error| {
        Failure::new(
            ErrorCode::Storage,
            format!("the figure cannot be written to `{}`", path.display()),
        )
        .with_cause(error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn report(status: SweepStatus, view: Option<ForecastView>) -> Report {
        let paths = Paths {
            figure: view.as_ref().map(|_| ".sweepctl/figures/demo.svg".into()),
            database: Some(".sweepctl/sweep.db".into()),
        };
        let own = own_laws::fit(&status.record, fixtures::observations(&status))
            .expect("the runs are good");
        Report { status, view, own, paths }
    }

    #[test]
    fn a_report_holds_runs_laws_crossover_and_places() {
        let report = report(fixtures::done(), Some(fixtures::forecast()));
        insta::assert_snapshot!(report.text() + &report.places());
        assert_eq!(report.verdict().unwrap(), ExitStatus::Done);
    }

    #[test]
    fn laws_of_budget_yaml_stand_beside_the_curves() {
        let mut status = fixtures::done();
        status.record.yaml +=
            "forecast: { laws: [chinchilla, \"L(C) = A*C^-alpha\"], level: 80 % }\n";
        let report = report(status, Some(fixtures::forecast()));
        insta::assert_snapshot!(view::own_laws::render(&report.own));
        assert!(report.text().contains("laws fitted to all runs"));
        let json = serde_json::to_value(report.json()).unwrap();
        assert_eq!(json["laws"][1]["arms"][0]["arm"], "gpt");
    }

    #[test]
    fn a_sweep_whose_runs_all_failed_is_refused_with_the_reasons() {
        let report = report(fixtures::all_failed(), None);
        let failure = report.verdict().unwrap_err();
        assert_eq!(failure.status(), ExitStatus::Refused);
        insta::assert_snapshot!(failure.render(false));
    }

    #[test]
    fn the_json_document_has_every_part() {
        let report = report(fixtures::done(), Some(fixtures::forecast()));
        let json = serde_json::to_value(report.json()).unwrap();
        let keys: Vec<&String> = json.as_object().unwrap().keys().collect();
        insta::assert_debug_snapshot!(keys);
        assert_eq!(json["plan"]["runs_n"], 8);
        assert_eq!(json["fits"][0]["arm"], "gpt");
        assert_eq!(json["crossovers"][0]["challenger"], "qlstm");
    }
}
