//! Text measured without a renderer, so that labels are placed alike on every machine.

/// Advance widths of the printable ASCII characters (space to tilde) in thousandths of the font
/// size: Helvetica, from Adobe's metrics of the 14 standard PostScript fonts. Arial and Liberation
/// Sans have the same.
#[rustfmt::skip]
const ADVANCES: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// Semibold is about this much wider; and a reader's font may differ from Helvetica by a little.
const BOLD_FACTOR: f64 = 1.07;
const SAFETY: f64 = 1.03;

/// Size (pixels) and weight of a piece of text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Font {
    pub size: f64,
    pub is_bold: bool,
}

impl Font {
    #[must_use]
    pub const fn regular(size: f64) -> Self {
        Self { size, is_bold: false }
    }

    #[must_use]
    pub const fn bold(size: f64) -> Self {
        Self { size, is_bold: true }
    }

    /// Width of `text` in pixels, never less than it will be in a Helvetica look-alike.
    #[must_use]
    pub fn width(self, text: &str) -> f64 {
        let thousandths: u32 = text.chars().map(|c| u32::from(advance(c))).sum();
        let weight = if self.is_bold { BOLD_FACTOR } else { 1.0 };
        f64::from(thousandths) / 1000.0 * self.size * weight * SAFETY
    }
}

fn advance(c: char) -> u16 {
    match c {
        ' '..='~' => ADVANCES[c as usize - ' ' as usize],
        '\u{300}'..='\u{36f}' => 0,
        '…' | '—' => 1000,
        '·' | '’' => 278,
        _ if cells(c) == 2 => 1000,
        _ => 667,
    }
}

/// Columns that a terminal gives to `c`: two to East Asian wide characters and emoji.
#[must_use]
pub fn cells(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f900}'..='\u{1f9ff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// Columns that a terminal gives to `text`.
#[must_use]
pub fn columns(text: &str) -> f64 {
    text.chars().map(cells).sum::<usize>() as f64
}

/// Breaks `text` at spaces into lines no wider than `limit` by `measure`; a single word that is
/// wider is cut with an ellipsis.
#[must_use]
pub fn wrap(text: &str, limit: f64, measure: &dyn Fn(&str) -> f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        if let Some(line) = lines.last_mut() {
            let longer = format!("{line} {word}");
            if measure(&longer) <= limit {
                *line = longer;
                continue;
            }
        }
        lines.push(shorten(word, limit, measure));
    }
    lines
}

/// Cuts `text` with an ellipsis where it is wider than `limit`.
#[must_use]
pub fn shorten(text: &str, limit: f64, measure: &dyn Fn(&str) -> f64) -> String {
    if measure(text) <= limit {
        return text.to_owned();
    }
    let mut kept: Vec<char> = text.chars().collect();
    loop {
        kept.pop();
        let shorter: String = kept.iter().chain(&['…']).collect();
        if kept.is_empty() || measure(&shorter) <= limit {
            return shorter;
        }
    }
}

/// The first `count` of `lines`, ending in an ellipsis where some are left out.
#[must_use]
pub fn first_lines(
    mut lines: Vec<String>,
    count: usize,
    limit: f64,
    measure: &dyn Fn(&str) -> f64,
) -> Vec<String> {
    if lines.len() > count {
        lines.truncate(count);
        if let Some(last) = lines.last_mut() {
            *last = shorten(&format!("{last} …"), limit, measure);
            if !last.ends_with('…') {
                last.push('…');
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn widths_are_those_of_helvetica() {
        // H 722, a 556, m 833, b 556, u 556, r 333, g 556 of 1000.
        let hamburg = Font::regular(1000.0).width("Hamburg");
        assert!((hamburg / SAFETY - 4112.0).abs() < 1e-6, "{hamburg}");
        assert!((Font::regular(10.0).width("0000") / SAFETY - 22.24).abs() < 1e-9);
        assert!((Font::regular(1000.0).width("~") / SAFETY - 584.0).abs() < 1e-6);
    }

    #[test]
    fn lines_break_at_spaces() {
        let lines = wrap("one two three unbreakable", 9.0, &columns);
        assert_eq!(lines, ["one two", "three", "unbreaka…"]);
        assert_eq!(first_lines(lines, 2, 9.0, &columns), ["one two", "three …"]);
    }

    proptest! {
        #[test]
        fn no_line_is_wider_than_its_limit(text in ".{0,80}", limit in 1.0..40.0f64) {
            for line in wrap(&text, limit, &columns) {
                prop_assert!(columns(&line) <= limit, "{:?}", line);
            }
        }
    }
}
