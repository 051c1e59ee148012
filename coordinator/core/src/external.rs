//! Training by a command of one's own: `trainer: { command: [python3, train.py, "{width}"] }`.
//!
//! The command is told everything about its run, by placeholders, by environment variables and by a
//! JSON file, and answers in JSON lines: docs/trainer-protocol.md. Here are the command and what it
//! is told; starting it is the worker's.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::nearest::nearest;

/// A command that trains one run and reports on it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExternalTrainer {
    /// Program and arguments, e.g. `[python3, train.py, --width, "{width}"]`. Names in braces are
    /// replaced; `{{` and `}}` are braces. No shell is started.
    pub command: Vec<String>,
}

/// What braces may name in a command, in alphabetical order. The same names in capitals, with
/// `SWEEP_` before them, are environment variables, and keys of the settings file.
pub const PLACEHOLDERS: [&str; 26] = [
    "arm",
    "batch",
    "checkpoints",
    "class_hours",
    "corpus_train",
    "corpus_validation",
    "device",
    "head_width",
    "heads",
    "layers",
    "learning_rate",
    "mlp_width",
    "mode",
    "report",
    "resume_from",
    "resume_step",
    "run",
    "seed",
    "sequence",
    "settings",
    "size",
    "steps",
    "tokenizer",
    "tokens",
    "vocabulary",
    "width",
];

/// Why an argument of a command cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPlaceholder {
    #[error("`{{{name}}}` is not known, expected one of {}", listed())]
    Unknown { name: String, meant: Option<&'static str> },
    #[error("`{argument}` has a brace without its partner; a brace itself is written twice")]
    Unbalanced { argument: String },
}

impl BadPlaceholder {
    /// How to mend it, where that can be guessed.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { meant: Some(meant), .. } => {
                Some(format!("did you mean `{{{meant}}}`?"))
            }
            Self::Unknown { meant: None, .. } => {
                Some("a brace itself is written twice: `{{`".to_owned())
            }
            Self::Unbalanced { .. } => None,
        }
    }
}

fn listed() -> String {
    PLACEHOLDERS.map(|name| format!("{{{name}}}")).join(", ")
}

impl ExternalTrainer {
    /// The command with every placeholder replaced by what `value` says of it.
    ///
    /// # Errors
    /// [`BadPlaceholder`], which validation of budget.yaml has excluded.
    pub fn filled(
        &self,
        value: impl Fn(&'static str) -> String,
    ) -> Result<Vec<String>, BadPlaceholder> {
        self.command.iter().map(|argument| filled(argument, &value)).collect()
    }

    /// What is wrong with the arguments, each with its number.
    pub(crate) fn mistakes(&self) -> impl Iterator<Item = (usize, BadPlaceholder)> + '_ {
        let arguments = self.command.iter().enumerate();
        arguments.filter_map(|(index, argument)| {
            filled(argument, &|_| String::new()).err().map(|mistake| (index, mistake))
        })
    }
}

impl fmt::Display for ExternalTrainer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.command.join(" "))
    }
}

fn filled(
    argument: &str,
    value: &impl Fn(&'static str) -> String,
) -> Result<String, BadPlaceholder> {
    let unbalanced = || BadPlaceholder::Unbalanced { argument: argument.to_owned() };
    let mut text = String::new();
    let mut rest = argument;
    while let Some(at) = rest.find(['{', '}']) {
        text += &rest[..at];
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            text += brace;
            rest = after;
            continue;
        }
        let (name, after) = rest.split_once('}').ok_or_else(unbalanced)?;
        if brace == "}" || name.contains('{') {
            return Err(unbalanced());
        }
        let known = PLACEHOLDERS.iter().find(|known| **known == name).ok_or_else(|| {
            let (name, meant) = (name.to_owned(), nearest(name, &PLACEHOLDERS));
            BadPlaceholder::Unknown { name, meant }
        })?;
        text += &value(known);
        rest = after;
    }
    Ok(text + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(argument: &str) -> Result<String, BadPlaceholder> {
        filled(argument, &|name| format!("<{name}>"))
    }

    #[test]
    fn placeholders_are_replaced_and_doubled_braces_are_braces() {
        assert_eq!(fill("--w={width}x{layers}"), Ok("--w=<width>x<layers>".to_owned()));
        assert_eq!(fill("{{\"a\": {seed}}}"), Ok("{\"a\": <seed>}".to_owned()));
        assert_eq!(fill("plain"), Ok("plain".to_owned()));
    }

    #[test]
    fn what_is_not_known_names_what_was_meant() {
        let mistake = fill("{witdh}").unwrap_err();
        assert_eq!(mistake.hint().as_deref(), Some("did you mean `{width}`?"));
        for argument in ["{width", "width}", "{{width}", "{wi{dth}"] {
            assert!(matches!(fill(argument), Err(BadPlaceholder::Unbalanced { .. })), "{argument}");
        }
    }

    #[test]
    fn the_names_are_sorted() {
        assert!(PLACEHOLDERS.is_sorted());
    }
}
