//! Mistakes in a budget.yaml, each shown in its line.

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource};
use sweep_core::code::ErrorCode;
use sweep_core::spec::{SpecError, SpecErrors};

use super::counted;
use crate::failure::Failure;

/// How excerpts are drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) columns: u16,
    pub(crate) colour: bool,
}

/// The failure that tells of `errors` in `text`, which was read from `file`.
pub(crate) fn failure(file: &str, text: &str, errors: &SpecErrors, look: Look) -> Failure {
    let mistakes = counted(errors.0.len(), "mistake");
    let excerpts: Vec<String> =
        errors.0.iter().map(|error| excerpt(file, text, error, look)).collect();
    Failure::new(ErrorCode::BadSpec, format!("{mistakes} in `{file}`"))
        .with_excerpt(excerpts.join("\n"))
        .with_hint("`sweepctl schema` prints every key with its meaning, for editors")
}

fn excerpt(file: &str, text: &str, error: &SpecError, look: Look) -> String {
    let mut diagnostic = MietteDiagnostic::new(message(error));
    if let Some(position) = error.position {
        let (offset, length) = span(text, position.line, position.column);
        diagnostic = diagnostic.with_label(LabeledSpan::new(None, offset, length));
    }
    if let Some(hint) = &error.hint {
        diagnostic = diagnostic.with_help(hint);
    }
    let theme =
        if look.colour { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(usize::from(look.columns))
        .with_links(false);
    let report =
        miette::Report::new(diagnostic).with_source_code(NamedSource::new(file, text.to_owned()));
    let mut drawn = String::new();
    // Writing to a string cannot fail; should the drawing itself, the plain sentence remains.
    match handler.render_report(&mut drawn, report.as_ref()) {
        Ok(()) => drawn,
        Err(_) => format!("{error}\n"),
    }
}

/// The message with the field it is about, unless it names the field itself.
fn message(error: &SpecError) -> String {
    let key = error.field.rsplit('.').next().unwrap_or_default();
    if error.field.is_empty() || error.message.contains(&format!("`{key}`")) {
        error.message.clone()
    } else {
        format!("{}: {}", error.field, error.message)
    }
}

/// Byte offset and length of the word at a place, line and column counted in characters from one.
/// A value with blanks in it (`20 min`, `{ width: 5 }`) is marked up to the end of its line.
fn span(text: &str, line: usize, column: usize) -> (usize, usize) {
    let before: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = text.get(before..).and_then(|rest| rest.lines().next()).unwrap_or_default();
    let skipped: usize = rest.chars().take(column - 1).map(char::len_utf8).sum();
    let tail = rest.get(skipped..).unwrap_or_default();
    let closes_value = |c: char| matches!(c, ':' | ',' | ']' | '}' | '#');
    let word = match tail.chars().next() {
        Some('[' | '{') => tail.rfind([']', '}']).map_or(tail, |end| &tail[..=end]),
        _ => tail.find(closes_value).map_or(tail, |end| &tail[..end]),
    };
    (before + skipped, word.trim_end().len().max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sweep_core::spec::parse;

    fn told(text: &str) -> String {
        let errors = parse(text).unwrap_err();
        let look = Look { columns: 100, colour: false };
        failure("budget.yaml", text, &errors, look).render(false)
    }

    #[test]
    fn a_misspelt_key_is_marked_and_the_nearest_named() {
        let text = crate::fixtures::YAML.replace("budget:", "budgett:");
        insta::assert_snapshot!(told(&text));
    }

    #[test]
    fn several_mistakes_are_all_told() {
        let text = crate::fixtures::YAML
            .replace("seeds: [1, 2]", "seeds: [1, 1]")
            .replace("name: qlstm", "name: gpt");
        insta::assert_snapshot!(told(&text));
    }

    #[test]
    fn a_text_that_is_no_yaml_is_marked_too() {
        insta::assert_snapshot!(told("apiVersion: sweepctl/v1\nseeds: [1, 2\nname: x\n"));
    }

    #[test]
    fn a_span_covers_the_word() {
        let text = "naïve: 1\nä: [5s, 10 s] # note\n";
        for (line, column, word) in
            [(1, 1, "naïve"), (2, 4, "[5s, 10 s]"), (2, 5, "5s"), (2, 9, "10 s"), (2, 1, "ä")]
        {
            let (offset, length) = span(text, line, column);
            assert_eq!(&text[offset..offset + length], word);
        }
        assert_eq!(span(text, 9, 9), (text.len(), 1));
    }
}
