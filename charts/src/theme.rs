//! Colours and line styles: legible in light and dark, and never told apart by colour alone.
//!
//! Hues follow the set of Okabe and Ito ("Color Universal Design", 2008), darkened or lightened
//! until text in them reaches WCAG's contrast AA (4.5 to 1) on its background.

/// Arms beyond this many share a colour with an earlier one, but never colour, glyph and dash.
pub const COLOURS_N: usize = 6;

/// Colours of one appearance, as `#rrggbb`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    pub background: &'static str,
    pub ink: &'static str,
    pub muted: &'static str,
    pub axis: &'static str,
    pub grid: &'static str,
    /// Fill of the measured range.
    pub measured: &'static str,
    pub series: [&'static str; COLOURS_N],
}

pub const LIGHT: Palette = Palette {
    background: "#ffffff",
    ink: "#16191d",
    muted: "#59636e",
    axis: "#9aa4af",
    grid: "#e9ecf0",
    measured: "#f4f6f9",
    series: ["#0b63b5", "#b34700", "#00755a", "#9a3d86", "#7a5c00", "#4a5560"],
};

pub const DARK: Palette = Palette {
    background: "#12151a",
    ink: "#f0f3f6",
    muted: "#9ca6b2",
    axis: "#626c78",
    grid: "#252b33",
    measured: "#1a1f26",
    series: ["#62b0f5", "#f5935a", "#3fc59b", "#dd92cd", "#d8bb4a", "#b6c0cb"],
};

/// Shape of a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    Circle,
    Triangle,
    Square,
    Diamond,
    Cross,
    TriangleDown,
    Pentagon,
}

impl Glyph {
    /// Seven shapes, six colours and five dashes: the first 210 arms all look different.
    pub const ALL: [Self; 7] = [
        Self::Circle,
        Self::Triangle,
        Self::Square,
        Self::Diamond,
        Self::Cross,
        Self::TriangleDown,
        Self::Pentagon,
    ];

    /// The shape of the arm at `index`.
    #[must_use]
    pub const fn of(index: usize) -> Self {
        Self::ALL[index % Self::ALL.len()]
    }

    /// The shape as one terminal character.
    #[must_use]
    pub const fn character(self) -> char {
        match self {
            Self::Circle => '●',
            Self::Triangle => '▲',
            Self::Square => '■',
            Self::Diamond => '◆',
            Self::Cross => '✚',
            Self::TriangleDown => '▼',
            Self::Pentagon => '★',
        }
    }
}

/// Dashes of extrapolated laws, pixels on and off.
pub const DASHES: [&str; 5] = ["7 4", "2 3.5", "10 3 2 3", "4 2.5", "12 5"];

/// The class of colour of the arm at `index`.
#[must_use]
pub const fn colour_index(index: usize) -> usize {
    index % COLOURS_N
}

/// The style sheet of a figure. Scoped to its class, since an inlined SVG shares the page's styles.
#[must_use]
pub fn css() -> String {
    let mut css = String::new();
    css.push_str(
        ".sweep-figure{font-family:'Helvetica Neue',Helvetica,Arial,'Liberation Sans',sans-serif;\
         font-variant-numeric:tabular-nums;",
    );
    css.push_str(&variables(&LIGHT));
    css.push_str("color-scheme:light dark}\n@media(prefers-color-scheme:dark){.sweep-figure{");
    css.push_str(&variables(&DARK));
    css.push_str("}}\n");
    css.push_str(RULES);
    for i in 0..COLOURS_N {
        css.push_str(&format!(".sweep-figure .c{i}{{--c:var(--s{i})}}\n"));
    }
    css
}

/// What each role of the scene looks like.
const RULES: &str = "\
.sweep-figure text{fill:var(--ink)}
.sweep-figure .background{fill:var(--background)}
.sweep-figure .measured{fill:var(--measured)}
.sweep-figure .grid{stroke:var(--grid);fill:none}
.sweep-figure .axis{stroke:var(--axis);fill:none}
.sweep-figure .edge{stroke:var(--axis);fill:none;stroke-dasharray:1 3}
.sweep-figure text.muted{fill:var(--muted)}
.sweep-figure .band{fill:var(--c);fill-opacity:.14}
.sweep-figure .law{stroke:var(--c);fill:none;stroke-width:2;stroke-linejoin:round}
.sweep-figure .leader{stroke:var(--c);fill:none;stroke-opacity:.4}
.sweep-figure .faint{fill:var(--c);fill-opacity:.34}
.sweep-figure .strong{fill:var(--c);stroke:var(--background);stroke-width:1}
.sweep-figure text.name{fill:var(--c)}
.sweep-figure .mark{stroke:var(--ink);fill:none;stroke-width:1.75}
.sweep-figure .drop{stroke:var(--muted);fill:none;stroke-dasharray:2 3}
.sweep-figure .ring{stroke:var(--ink);fill:var(--background);stroke-width:2}
.sweep-figure .arrow{fill:var(--ink)}
.sweep-figure .halo{paint-order:stroke;stroke:var(--background);stroke-width:4}
";

fn variables(palette: &Palette) -> String {
    let Palette { background, ink, muted, axis, grid, measured, series } = palette;
    let mut text = format!(
        "--background:{background};--ink:{ink};--muted:{muted};--axis:{axis};--grid:{grid};\
         --measured:{measured};"
    );
    for (i, colour) in series.iter().enumerate() {
        text.push_str(&format!("--s{i}:{colour};"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Relative luminance (WCAG 2.2, "relative luminance").
    fn luminance(colour: &str) -> f64 {
        let channel = |from: usize| {
            let byte = u8::from_str_radix(&colour[from..from + 2], 16).unwrap();
            let value = f64::from(byte) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (a, b) = (luminance(one), luminance(other));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_reaches_contrast_aa_in_light_and_dark() {
        for palette in [LIGHT, DARK] {
            let texts = [palette.ink, palette.muted].into_iter().chain(palette.series);
            for colour in texts {
                for under in [palette.background, palette.measured] {
                    let ratio = contrast(colour, under);
                    assert!(ratio >= 4.5, "{colour} on {under}: {ratio:.2}");
                }
            }
        }
    }

    #[test]
    fn no_two_arms_look_alike() {
        let looks: BTreeSet<(usize, char, &str)> = (0..210)
            .map(|i| (colour_index(i), Glyph::of(i).character(), DASHES[i % DASHES.len()]))
            .collect();
        assert_eq!(looks.len(), 210);
    }
}
