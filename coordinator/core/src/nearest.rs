//! Which known word somebody meant.

/// The key that was probably meant: two slips of the keyboard away, or a third of its letters.
#[must_use]
pub fn nearest<'a>(word: &str, keys: &[&'a str]) -> Option<&'a str> {
    let (distance, key) = keys.iter().map(|key| (edit_distance(word, key), *key)).min()?;
    (distance <= (key.len() / 3).max(2)).then_some(key)
}

/// Insertions, deletions and substitutions between two words, letters compared without case.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.to_lowercase(), b.to_lowercase());
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}
