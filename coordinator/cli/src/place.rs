//! Places that a law is asked about: `N=70B,D=1.4T`, or `N=1B..70B:5` for several.

use law_engine::catalogue::Symbol;

use crate::failure::Failure;
use crate::runs_file;
use crate::view::fit::size;

/// Values of one range when nobody says how many.
const STEPS: usize = 5;
/// More places than these are a mistake.
const PLACES_MAX: usize = 10_000;

/// One `--at`: by symbol, its values.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    text: String,
    values: Vec<(String, Vec<f64>)>,
}

impl Place {
    /// Reads what follows `--at`.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let part = |part: &str| {
            let (symbol, value) =
                part.split_once('=').ok_or_else(|| format!("`{part}` lacks its `=`"))?;
            Ok((symbol.trim().to_owned(), values(value.trim())?))
        };
        let values: Result<Vec<_>, String> = text.split(',').map(part).collect();
        Ok(Self { text: text.to_owned(), values: values? })
    }

    /// The symbol and the value, where there is one of each.
    pub(crate) fn only(&self) -> Option<(&str, f64)> {
        match self.values.as_slice() {
            [(symbol, values)] if values.len() == 1 => Some((symbol, values[0])),
            _ => None,
        }
    }

    /// Every combination of the values, in the order of `variables`; `free` need not be named.
    pub(crate) fn rows(
        &self,
        variables: &[Symbol],
        free: &[&str],
    ) -> Result<Vec<Vec<f64>>, Failure> {
        let symbols = || {
            let symbols: Vec<&str> = variables.iter().map(|variable| variable.symbol).collect();
            symbols.join(", ")
        };
        let of = |symbol: &str| {
            let is = |(known, _): &&(String, Vec<f64>)| known == symbol;
            self.values.iter().filter(is).collect::<Vec<_>>()
        };
        for (symbol, _) in &self.values {
            let known = variables.iter().any(|v| v.symbol == symbol);
            if !known || of(symbol).len() > 1 {
                let how = if known { "is given twice" } else { "is no variable of the law" };
                return Err(Failure::refused(format!("`--at {}`: {symbol} {how}", self.text))
                    .with_hint(format!("its variables are {}", symbols())));
            }
        }
        let mut rows = vec![Vec::new()];
        for variable in variables {
            let is_free = free.contains(&variable.symbol);
            let values = match of(variable.symbol).first() {
                Some((symbol, _)) if is_free => {
                    return Err(Failure::refused(format!(
                        "`--at {}`: {symbol} is what is looked for",
                        self.text
                    )));
                }
                Some((_, values)) => values.clone(),
                None if is_free => vec![1.0],
                None => {
                    return Err(Failure::refused(format!(
                        "`--at {}` lacks {}",
                        self.text, variable.symbol
                    ))
                    .with_hint(format!("the law is a function of {}", symbols())));
                }
            };
            if rows.len() * values.len() > PLACES_MAX {
                return Err(Failure::refused(format!(
                    "`--at {}` stands for more than {PLACES_MAX} places",
                    self.text
                )));
            }
            let extend = |row: &Vec<f64>| {
                let row = row.clone();
                values.iter().map(move |value| [row.clone(), vec![*value]].concat()).collect()
            };
            rows = rows.iter().flat_map::<Vec<Vec<f64>>, _>(extend).collect();
        }
        Ok(rows)
    }
}

/// A place where nobody named one.
impl Default for Place {
    fn default() -> Self {
        Self { text: String::new(), values: Vec::new() }
    }
}

/// `N=70B, D=1.4T`, without the variables of `free`.
pub(crate) fn named(variables: &[Symbol], x: &[f64], free: &[&str]) -> String {
    let parts = variables.iter().zip(x).filter(|(variable, _)| !free.contains(&variable.symbol));
    let parts: Vec<String> =
        parts.map(|(variable, x)| format!("{}={}", variable.symbol, size(*x))).collect();
    parts.join(", ")
}

/// A positive number with its suffix, for clap.
pub(crate) fn positive(text: &str) -> Result<f64, String> {
    runs_file::positive(text.trim()).ok_or_else(|| {
        format!(
            "expected a positive number up to 1e60 such as `2.0`, `1e24` or `70B`, not `{text}`"
        )
    })
}

/// One value, or `FROM..TO` or `FROM..TO:STEPS`, equally spaced in the logarithm.
fn values(text: &str) -> Result<Vec<f64>, String> {
    let Some((from, to)) = text.split_once("..") else { return Ok(vec![positive(text)?]) };
    let (to, steps) = match to.split_once(':') {
        Some((to, steps)) => {
            let steps = steps.trim().parse().ok().filter(|n| (2..=PLACES_MAX).contains(n));
            let expected = format!("expected 2 to {PLACES_MAX} steps after the `:` of `{text}`");
            (to, steps.ok_or(expected)?)
        }
        None => (to, STEPS),
    };
    let (from, to) = (positive(from)?, positive(to)?);
    let step = |i: usize| from * (to / from).powf(i as f64 / (steps - 1) as f64);
    Ok((0..steps).map(step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const VARIABLES: [Symbol; 2] = [Symbol::new("N", "size", ""), Symbol::new("D", "data", "")];

    #[test]
    fn ranges_are_every_combination() {
        let place = Place::read("D=1T, N=1B..100B:3").unwrap();
        let rows = place.rows(&VARIABLES, &[]).unwrap();
        for (row, n) in rows.iter().zip([1e9, 1e10, 1e11]) {
            assert!((row[0] / n - 1.0).abs() < 1e-12 && row[1] == 1e12, "{rows:?}");
        }
        assert_eq!(rows.len(), 3);
        assert_eq!(named(&VARIABLES, &[7e9, 1e12], &[]), "N=7B, D=1T");
        assert_eq!(Place::read("N=7B").unwrap().rows(&VARIABLES, &["D"]).unwrap(), [[7e9, 1.0]]);
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in ["N", "N=", "N=-1", "N=nan", "N=1..2:1", "N=1..2:x", "N=1..", "", "N=1e999"] {
            assert!(Place::read(text).is_err(), "{text}");
        }
        for text in ["N=1", "N=1,D=1,D=2", "N=1,D=1,E=1", "N=1..2:9999,D=1..2:9999"] {
            assert!(Place::read(text).unwrap().rows(&VARIABLES, &[]).is_err(), "{text}");
        }
    }
}
