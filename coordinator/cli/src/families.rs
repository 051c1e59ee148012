//! `--law auto`: the law of the catalogue that forecasts the largest scales best.

use law_engine::catalogue::LAWS;
use law_engine::catalogue::rank::{of_loss, rank};

use crate::failure::Failure;
use crate::fitting::Fitting;
use crate::runs_file::RunsFile;
use crate::view::families::Families;

/// What `--law` says to have the law chosen.
pub(crate) const AUTO: &str = "auto";

/// Ranks the laws that the columns of `file` allow by their forecast of the `share` of largest
/// scale: the name of the best, and all of them.
pub(crate) fn choose(
    fitting: &Fitting,
    file: &RunsFile,
    share: f64,
) -> Result<(&'static str, Families), Failure> {
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
    let Some(best) = ranked.first() else {
        let causes = refused.into_iter().map(|(law, reason)| format!("{law}: {reason}"));
        let failure = Failure::refused("no law of the catalogue can be fitted to these runs");
        return Err(causes.fold(failure, Failure::with_cause));
    };
    let largest = |symbol: &str| data.span(symbol).map_or(f64::NAN, |(_, largest)| largest);
    Ok((best.law.card().name, Families::new(&ranked, refused, largest)))
}
