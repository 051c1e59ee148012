//! Reads budget.yaml and reports every mistake with its place.

use std::fmt;

use super::locate::{Places, Position};
use super::{Mistake, SweepSpec, validate};
use crate::nearest::nearest;

/// One mistake in budget.yaml.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError {
    /// Dotted path of the field, e.g. `arms[1].family`; empty when the text is not YAML at all.
    pub field: String,
    /// Line and column in the text, both from one; none when the mistake has no place.
    pub position: Option<Position>,
    /// What is wrong, and what would be right.
    pub message: String,
    /// How to mend it, where there is more to say than the message does.
    pub hint: Option<String>,
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Position { line, column }) = self.position {
            write!(f, "line {line}, column {column}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

/// All mistakes found in one budget.yaml.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", join(.0))]
pub struct SpecErrors(pub Vec<SpecError>);

fn join(errors: &[SpecError]) -> String {
    errors.iter().map(SpecError::to_string).collect::<Vec<_>>().join("\n")
}

/// Reads and checks one budget.yaml.
///
/// # Errors
/// Where the text is not YAML or has an unknown key or a value of the wrong kind, that one
/// mistake; where it reads well but asks for the impossible, all such mistakes together.
pub fn parse(text: &str) -> Result<SweepSpec, SpecErrors> {
    parse_with(text, |_| Vec::new())
}

/// As [`parse`], with mistakes that `check` finds beside the usual ones: what this crate cannot
/// judge.
///
/// # Errors
/// As [`parse`].
pub fn parse_with(
    text: &str,
    check: impl Fn(&SweepSpec) -> Vec<Mistake>,
) -> Result<SweepSpec, SpecErrors> {
    let options = serde_saphyr::options! { with_snippet: false };
    let read: Result<SweepSpec, _> = serde_saphyr::from_str_with_options(text, options);
    let places = Places::of(text);
    let spec = read.map_err(|error| SpecErrors(vec![located(&error, &places)]))?;
    let errors: Vec<SpecError> = validate::check(&spec)
        .into_iter()
        .chain(check(&spec))
        .map(|mistake| SpecError {
            position: places.find(&mistake.field),
            field: mistake.field,
            message: mistake.message,
            hint: mistake.hint,
        })
        .collect();
    if errors.is_empty() { Ok(spec) } else { Err(SpecErrors(errors)) }
}

fn located(error: &serde_saphyr::Error, places: &Places) -> SpecError {
    use serde_saphyr::Error as E;
    let position = error
        .location()
        .filter(|at| at.line() > 0)
        .map(|at| Position { line: at.line() as usize, column: at.column() as usize });
    let mut field = position.map(|at| places.path_at(at)).unwrap_or_default();
    let (message, hint) = match error.without_snippet() {
        E::SerdeUnknownField { field, expected, .. } => (
            format!("unknown key `{field}`, expected one of {}", quoted(expected)),
            nearest(field, expected).map(|key| format!("did you mean `{key}`?")),
        ),
        E::SerdeUnknownVariant { variant, expected, .. } => (
            format!("`{variant}` is not known here, expected one of {}", quoted(expected)),
            nearest(variant, expected).map(|key| format!("did you mean `{key}`?")),
        ),
        E::SerdeMissingField { field: missing, .. } => {
            // The place is that of the last key beside the missing one.
            let around = field.rfind('.').map_or("", |dot| &field[..=dot]);
            field = format!("{around}{missing}");
            ("this key is missing".to_owned(), None)
        }
        E::InvalidScalar { ty, .. } => (format!("expected a {ty}"), None),
        other => (plain(&other.to_string()), None),
    };
    SpecError { field, position, message, hint }
}

/// The parser's own sentence without the place, which is said once, before it.
fn plain(message: &str) -> String {
    let first = message.lines().next().unwrap_or(message);
    let text = first.split(" at line ").next().unwrap_or(first).trim_end_matches('.');
    match text {
        "expected mapping start" => "expected a map such as `{ key: value }`".to_owned(),
        "expected sequence start" => "expected a list such as `[a, b]`".to_owned(),
        text if text.starts_with("cannot deserialize null into string") => {
            "expected a text, found nothing".to_owned()
        }
        text => text.to_owned(),
    }
}

fn quoted(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
