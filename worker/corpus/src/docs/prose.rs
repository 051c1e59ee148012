//! English out of Markdown: what a person would read aloud.

/// The paragraphs of one documentation comment. Code blocks, link targets, HTML and tables are
/// left out; links become their text.
pub(crate) fn paragraphs(comment: &str) -> Vec<String> {
    let indent = comment
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.len() - line.trim_start_matches(' ').len())
        .min()
        .unwrap_or(0);
    let mut paragraphs: Vec<String> = Vec::new();
    let mut paragraph = String::new();
    let mut fence: Option<&str> = None;
    for line in comment.lines() {
        let line = line.get(indent..).unwrap_or_default().trim_end();
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        if mark.is_some() || fence.is_some() {
            fence = match fence {
                None => mark,
                Some(_) if mark == fence => None,
                open => open,
            };
            finish(&mut paragraph, &mut paragraphs);
        } else if line.is_empty() {
            finish(&mut paragraph, &mut paragraphs);
        } else if is_prose(line) {
            if !paragraph.is_empty() {
                paragraph.push('\n');
            }
            paragraph.push_str(&without_links(line));
        }
    }
    finish(&mut paragraph, &mut paragraphs);
    paragraphs
}

/// Leaves out headings that have nothing under them.
pub(crate) fn without_bare_headings(paragraphs: &mut Vec<String>) {
    let mut is_followed = false;
    paragraphs.reverse();
    paragraphs.retain(|paragraph| {
        let keep = is_followed || !is_heading(paragraph);
        is_followed = !is_heading(paragraph);
        keep
    });
    paragraphs.reverse();
}

fn finish(paragraph: &mut String, paragraphs: &mut Vec<String>) {
    if !paragraph.is_empty() {
        paragraphs.push(std::mem::take(paragraph));
    }
}

fn is_heading(paragraph: &str) -> bool {
    paragraph.starts_with('#') && !paragraph.contains('\n')
}

/// Whether a line is text: not HTML, a link target, a row of a table or a drawing.
fn is_prose(line: &str) -> bool {
    let line = line.trim();
    let html = line.starts_with('<') && line.ends_with('>');
    let target = line.starts_with('[') && line.contains("]: ");
    let (mut letters_n, mut marks_n) = (0, 0);
    for c in line.chars() {
        if c.is_alphabetic() {
            letters_n += 1;
        } else if !c.is_whitespace() {
            marks_n += 1;
        }
    }
    !html && !target && !line.starts_with('|') && letters_n > marks_n
}

/// `[text](target)`, `[text][target]` and `[text]` become `text`; images go.
fn without_links(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find('[') {
        let (before, link) = rest.split_at(at);
        let Some(end) = matching(link, b'[', b']') else {
            break;
        };
        let inside = &link[1..end];
        let mut after = &link[end + 1..];
        let mut is_link = inside.starts_with('`') && inside.ends_with('`');
        for (open, close) in [(b'(', b')'), (b'[', b']')] {
            if after.as_bytes().first() == Some(&open)
                && let Some(end) = matching(after, open, close)
            {
                after = &after[end + 1..];
                is_link = true;
                break;
            }
        }
        match before.strip_suffix('!') {
            Some(before) if is_link => text.push_str(before),
            _ if is_link => {
                text.push_str(before);
                text.push_str(&without_links(inside));
            }
            // Not a link: an interval, an index, a check box.
            _ => {
                text.push_str(before);
                text.push_str(&link[..=end]);
            }
        }
        rest = after;
    }
    text + rest
}

/// Where the bracket that `text` starts with is closed.
fn matching(text: &str, open: u8, close: u8) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        if byte == open {
            depth += 1;
        } else if byte == close {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{paragraphs, without_bare_headings, without_links};

    #[test]
    fn only_prose_is_left() {
        let cases: &[(&str, &[&str])] = &[
            (" One\n two.\n\n   Three.", &["One\ntwo.", "  Three."]),
            (
                " Before.\n ```rust\n let x = 1;\n\n let y = 2;\n ```\n After.",
                &["Before.", "After."],
            ),
            (" One.\n ~~~\n ``` inside\n ~~~\n Two.", &["One.", "Two."]),
            (" Never closed.\n ```\n let x = 1;", &["Never closed."]),
            (" See the guide.\n\n [guide]: https://example.org/guide", &["See the guide."]),
            (" <div class=\"warning\">\n Mind the gap.\n </div>", &["Mind the gap."]),
            (" | a | b |\n |---|---|\n\n +---+\n Text.", &["Text."]),
            ("", &[]),
        ];
        for (comment, expected) in cases {
            assert_eq!(paragraphs(comment), *expected, "in {comment}");
        }
    }

    #[test]
    fn headings_without_text_go() {
        let mut all = ["Text.", "# Examples", "# Errors", "If so.", "# See", "## Also"]
            .map(str::to_owned)
            .to_vec();
        without_bare_headings(&mut all);
        assert_eq!(all, ["Text.", "# Errors", "If so."]);
    }

    #[test]
    fn links_become_their_text() {
        let cases = [
            ("see [the guide](https://example.org/a(b)) now", "see the guide now"),
            ("a [`Vec`] of [`u8`](u8)s", "a `Vec` of `u8`s"),
            ("[one][two] three", "one three"),
            ("![logo](logo.png) name", " name"),
            ("[![badge](a.svg)](b) name", " name"),
            ("in [0, 1) or x[3]", "in [0, 1) or x[3]"),
            ("half [open", "half [open"),
        ];
        for (line, expected) in cases {
            assert_eq!(without_links(line), expected);
        }
    }
}
