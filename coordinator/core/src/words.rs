//! Words that go with numbers.

/// `1 run`, `2 runs`, `3 classes`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ if noun.ends_with('s') => format!("{count} {noun}es"),
        _ => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn nouns_follow_their_number() {
        for (count, noun, expected) in
            [(0, "run", "0 runs"), (1, "class", "1 class"), (3, "class", "3 classes")]
        {
            assert_eq!(counted(count, noun), expected);
        }
    }
}
