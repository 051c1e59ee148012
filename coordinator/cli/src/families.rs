//! The laws of the catalogue on the same runs: which forecasts the largest scales best (`--law
//! auto`), and which as well as it.

use law_engine::catalogue::rank::{Ranked, of_loss, rank};
use law_engine::catalogue::{Data, LAWS};

use crate::failure::Failure;
use crate::fitting::Fitting;
use crate::runs_file::RunsFile;
use crate::view::families::Families;

/// What `--law` says to have the law chosen.
pub(crate) const AUTO: &str = "auto";

/// The laws that the columns of a file allow, by their forecast of the largest scales, the best
/// first; at least one.
pub(crate) struct Ranking {
    pub(crate) ranked: Vec<Ranked>,
    refused: Vec<(&'static str, String)>,
    /// The rows, with the variables of all of them.
    pub(crate) data: Data,
}

impl Ranking {
    /// The name of the best law.
    pub(crate) fn best(&self) -> &'static str {
        self.ranked[0].law.card().name
    }

    /// All of them side by side.
    pub(crate) fn table(self) -> Families {
        let Self { ranked, refused, data } = self;
        let largest = |symbol: &str| data.span(symbol).map_or(f64::NAN, |(_, largest)| largest);
        Families::new(&ranked, refused, largest)
    }
}

/// Ranks the laws that the columns of `file` allow by their forecast of the `share` of largest
/// scale.
pub(crate) fn ranking(fitting: &Fitting, file: &RunsFile, share: f64) -> Result<Ranking, Failure> {
    let named = fitting.mapping.columns.named();
    let mut symbols: Vec<&str> = Vec::new();
    for variable in LAWS.iter().flat_map(|law| law.card().variables) {
        let symbol = variable.symbol;
        let is_there = || matches!(file.optional(symbol, &named), Ok(Some(_)));
        if !symbols.contains(&symbol) && is_there() {
            symbols.push(symbol);
        }
    }
    let laws = of_loss(&symbols);
    if laws.is_empty() {
        return Err(Failure::refused("no law of the catalogue is a function of these columns")
            .with_hint("name them: `--column N=params --column D=tokens`"));
    }
    let data = fitting.mapping.data(file.clone(), &symbols)?;
    // Runs are as large as they are dear; where that is not known, as their variables are together.
    let dear = ["C", "h"].into_iter().find_map(|symbol| data.column(symbol));
    let scale = dear.unwrap_or_else(|| data.product(symbols));
    let (ranked, refused) = rank(&laws, &data, &fitting.target.options()?, &scale, share);
    let refused: Vec<(&str, String)> =
        refused.into_iter().map(|(law, refusal)| (law, refusal.to_string())).collect();
    if ranked.is_empty() {
        let causes = refused.into_iter().map(|(law, reason)| format!("{law}: {reason}"));
        let failure = Failure::refused("no law of the catalogue can be fitted to these runs");
        return Err(causes.fold(failure, Failure::with_cause));
    }
    Ok(Ranking { ranked, refused, data })
}
