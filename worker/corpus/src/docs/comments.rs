//! Documentation comments out of Rust source.
//!
//! Only as much of a lexer as it takes not to mistake the inside of a string, a character or an
//! ordinary comment for documentation.

/// The documentation comments of a source file in order, markers stripped. Line comments on
/// consecutive lines are one comment; the text keeps its own line ends and indentation.
pub(crate) fn doc_comments(source: &str) -> Vec<String> {
    let mut comments: Vec<String> = Vec::new();
    // The marker of the line comment that the next one may go on.
    let mut open = None;
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let length = token_length(rest, first);
        let (token, after) = rest.split_at(length);
        rest = after;
        if let Some((marker, text)) = doc_line(token) {
            match comments.last_mut() {
                Some(comment) if open == Some(marker) => {
                    comment.push('\n');
                    comment.push_str(text);
                }
                _ => comments.push(text.to_owned()),
            }
            open = Some(marker);
        } else if let Some(text) = doc_block(token) {
            comments.push(undecorated(text));
            open = None;
        } else if !first.is_whitespace() {
            open = None;
        }
    }
    comments
}

fn doc_line(token: &str) -> Option<(&'static str, &str)> {
    ["///", "//!"]
        .into_iter()
        .filter(|_| !token.starts_with("////"))
        .find_map(|marker| Some((marker, token.strip_prefix(marker)?.trim_end())))
}

fn doc_block(token: &str) -> Option<&str> {
    let inside = token.strip_prefix("/*")?.strip_suffix("*/")?;
    let text = inside.strip_prefix('!').or_else(|| inside.strip_prefix('*'))?;
    (!text.starts_with('*') && !text.is_empty()).then_some(text)
}

/// A block comment without the column of stars that some put before each line.
fn undecorated(text: &str) -> String {
    let mut lines = text.trim_end().lines();
    let first = lines.next().unwrap_or_default();
    let lines: Vec<&str> = lines.collect();
    let starred =
        lines.iter().all(|line| line.trim().is_empty() || line.trim_start().starts_with('*'));
    let mut comment = first.trim_end().to_owned();
    for line in lines {
        let line = if starred { line.trim_start().trim_start_matches('*') } else { line };
        comment.push('\n');
        comment.push_str(line.trim_end());
    }
    comment
}

/// Bytes of the token that `rest` starts with; `first` is its first character.
fn token_length(rest: &str, first: char) -> usize {
    match first {
        '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
        '/' if rest.starts_with("/*") => block_length(rest),
        '"' => string_length(rest),
        '\'' => quote_length(rest),
        _ if is_word(first) => {
            let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            match &rest[..word] {
                "r" | "br" | "cr" => word + raw_string_length(&rest[word..]),
                _ => word,
            }
        }
        _ if first.is_whitespace() => rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len()),
        _ => first.len_utf8(),
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// Block comments nest.
fn block_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => depth += 1,
            b"*/" => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn string_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// What follows `r`: hashes and a string, or nothing of the kind (`r#type`, a variable `r`).
fn raw_string_length(rest: &str) -> usize {
    let hashes = rest.len() - rest.trim_start_matches('#').len();
    if !rest[hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", &rest[..hashes]);
    let inside = hashes + 1;
    rest[inside..].find(&end).map_or(rest.len(), |at| inside + at + end.len())
}

/// A character such as `'"'`, or the quote of a lifetime.
fn quote_length(rest: &str) -> usize {
    let mut characters = rest.char_indices().skip(1);
    match characters.next() {
        Some((_, '\\')) => {
            // The escaped character may be the quote itself.
            let start = characters.next().map_or(rest.len(), |(at, c)| at + c.len_utf8());
            rest[start..].find('\'').map_or(rest.len(), |at| start + at + 1)
        }
        Some((_, _)) => match characters.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::doc_comments;

    #[test]
    fn comments_are_found_where_rust_finds_them() {
        let cases: &[(&str, &[&str])] = &[
            ("/// One\n/// two.\nfn f() {}", &[" One\n two."]),
            ("//! Inner.\n\n//! Still.\n", &[" Inner.\n Still."]),
            ("//! Inner.\n/// Outer.\n", &[" Inner.", " Outer."]),
            ("    /// Indented.\n    ///   More.\n", &[" Indented.\n   More."]),
            ("/// A.\nfn a() {}\n/// B.\n", &[" A.", " B."]),
            ("/// A.\r\n/// B.\r\n", &[" A.\n B."]),
            ("// No.\n//// No.\n/* No. */ /*** No. */ /**/\n", &[]),
            ("/** Block. */ struct S;", &[" Block."]),
            ("/*! Inner /* nested */ block. */", &[" Inner /* nested */ block."]),
            ("/**\n * Stars\n * down.\n */", &["\n Stars\n down."]),
            ("/**\n  Plain\n  * item\n*/", &["\n  Plain\n  * item"]),
            (r#"let s = "/// no \" /// no"; /// Yes."#, &[" Yes."]),
            ("let s = \"\n/// no\n\";\n/// Yes.", &[" Yes."]),
            ("let s = r#\"\n/// \"no\n\"#; br\"\\\"; /// Yes.", &[" Yes."]),
            ("let r = r#type; let c = '\"'; /// Yes.\n'\"'", &[" Yes."]),
            ("let c = '\\''; let d = '\\u{1F600}'; /// Yes.", &[" Yes."]),
            ("fn f<'a>(x: &'a str, y: b'\"') {} /// Yes.", &[" Yes."]),
            ("let url = \"http://x\"; // /// no\n/// Yes.", &[" Yes."]),
            ("/* unfinished /// no", &[]),
            ("\"unfinished\n/// no", &[]),
        ];
        for (source, expected) in cases {
            assert_eq!(doc_comments(source), *expected, "in {source}");
        }
    }
}
