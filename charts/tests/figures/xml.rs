//! A strict little reader of the XML that figures use: tags match, names and entities are known,
//! and no character is outside XML 1.0.

/// Panics with the place of the first error.
pub(crate) fn assert_well_formed(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        assert_text(&rest[..start]);
        let end = rest[start..].find('>').expect("a tag is never closed") + start;
        let tag = &rest[start + 1..end];
        rest = &rest[end + 1..];
        assert!(!tag.contains('<'), "`<` inside the tag {tag}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closing tag");
        } else {
            let body = tag.strip_suffix('/').unwrap_or(tag);
            let name = body.split_whitespace().next().expect("a tag without a name");
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
            assert_attributes(&body[name.len()..]);
            if !tag.ends_with('/') {
                open.push(name);
            }
        }
    }
    assert_eq!(rest, "\n");
    assert!(open.is_empty(), "not closed: {open:?}");
}

fn assert_attributes(mut text: &str) {
    let mut names = Vec::new();
    while !text.trim().is_empty() {
        assert!(text.starts_with(char::is_whitespace), "attributes run together: {text}");
        let (name, rest) = text.trim_start().split_once("=\"").expect("an attribute has a value");
        let (value, rest) = rest.split_once('"').expect("a value is closed");
        assert!(name.chars().all(|c| c.is_ascii_alphabetic() || c == '-'), "{name}");
        assert!(!names.contains(&name), "attribute {name} twice");
        assert_text(value);
        names.push(name);
        text = rest;
    }
}

fn assert_text(text: &str) {
    for part in text.split('&').skip(1) {
        let entity = part.split(';').next().unwrap_or("");
        assert!(["amp", "lt", "gt", "quot"].contains(&entity), "entity &{entity}");
    }
    let is_control = |c: char| c < ' ' && !matches!(c, '\t' | '\n' | '\r');
    assert!(!text.contains(is_control), "control character in {text:?}");
}
