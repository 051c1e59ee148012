//! Who may print what and where: data on stdout, everything else on stderr.

use std::io::{self, IsTerminal, Write};

use indicatif::{MultiProgress, ProgressDrawTarget};
use serde::Serialize;

use sweep_runtime::telemetry::{self, Collector, Logs, Telemetry};

use crate::args::{Format, Global, LogFormat};
use crate::failure::{ExitStatus, Failure};

/// Width of plots and excerpts where the terminal's is not known.
const COLUMNS_DEFAULT: u16 = 100;
/// Wider than this, a plot is no longer read at a glance.
const COLUMNS_MAX: u16 = 120;

/// The one door to the terminal. Clones share the progress bars.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    quiet: bool,
    colour_stdout: bool,
    colour_stderr: bool,
    columns: u16,
    bars: MultiProgress,
    bars_wanted: bool,
}

impl Printer {
    pub(crate) fn new(global: &Global) -> Self {
        let bars_wanted = !global.quiet && !global.no_progress && io::stderr().is_terminal();
        let target =
            if bars_wanted { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let columns = comfy_table::Table::new().width().unwrap_or(COLUMNS_DEFAULT);
        Self {
            quiet: global.quiet,
            colour_stdout: colour_wanted() && io::stdout().is_terminal(),
            colour_stderr: colour_wanted() && io::stderr().is_terminal(),
            columns: columns.min(COLUMNS_MAX),
            bars: MultiProgress::with_draw_target(target),
            bars_wanted,
        }
    }

    /// Prints data. A reader that has seen enough (`| head`) is not an error.
    pub(crate) fn data(&self, text: &str) -> Result<(), Failure> {
        let written = self.bars.suspend(|| {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes())?;
            stdout.flush()
        });
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::broke("the result cannot be printed", &error))
            }
            _ => Ok(()),
        }
    }

    /// Prints data for programs.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::broke("the result has no JSON form", &error))?;
        self.data(&format!("{text}\n"))
    }

    /// Prints a result for programs or, as `render` has it, for people.
    pub(crate) fn report<T: Serialize>(
        &self,
        format: Format,
        report: &T,
        render: impl Fn(&T) -> String,
    ) -> Result<ExitStatus, Failure> {
        if format.json {
            self.json(report)?;
        } else {
            self.data(&render(report))?;
        }
        Ok(ExitStatus::Done)
    }

    /// Tells the user something that is not data.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.stderr(&format!("{text}\n"));
        }
    }

    pub(crate) fn failure(&self, failure: &Failure) {
        self.stderr(&failure.render(self.colour_stderr));
    }

    /// The bars, where they are wanted.
    pub(crate) fn bars(&self) -> Option<&MultiProgress> {
        self.bars_wanted.then_some(&self.bars)
    }

    pub(crate) const fn colour_stdout(&self) -> bool {
        self.colour_stdout
    }

    pub(crate) const fn colour_stderr(&self) -> bool {
        self.colour_stderr
    }

    pub(crate) const fn columns(&self) -> u16 {
        self.columns
    }

    /// Sends logs to stderr, above the bars.
    pub(crate) fn init_logs(&self, global: &Global, service: &str) -> Result<Telemetry, Failure> {
        let bars = self.bars.clone();
        let writer = move || AboveBars(bars.clone());
        let format = match global.log_format {
            LogFormat::Text => telemetry::Format::Text,
            LogFormat::Json => telemetry::Format::Json,
        };
        let logs = Logs { verbosity: global.verbose, colour: self.colour_stderr, format };
        let collector = global.otlp.as_deref().map(|endpoint| Collector { endpoint, service });
        Ok(telemetry::init(logs, collector, writer)?)
    }

    fn stderr(&self, text: &str) {
        // Where stderr is gone, nobody is left to tell.
        let _ = AboveBars(self.bars.clone()).write_all(text.as_bytes());
    }
}

/// <https://no-color.org>, and terminals that cannot.
fn colour_wanted() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !set("NO_COLOR") && !dumb
}

/// Writes to stderr without tearing the bars drawn there.
struct AboveBars(MultiProgress);

impl Write for AboveBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(bytes))
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.suspend(|| io::stderr().write_all(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
