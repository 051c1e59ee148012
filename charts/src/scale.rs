//! Scales: from a value to a position along an axis, and back.

use serde::Serialize;

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScaleKind {
    Linear,
    /// Equal distances are equal ratios; the domain is positive.
    Log,
}

/// Positions further out than this are of no use to any renderer and upset some.
const POSITION_LIMIT: f64 = 1e6;

/// Maps a domain (values) onto a range (pixels or character cells).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    kind: ScaleKind,
    domain: [f64; 2],
    range: [f64; 2],
}

impl Scale {
    /// A scale from `domain` to `range`. The range may descend, as pixels do upwards. A domain that
    /// the kind cannot show (empty, not finite, not positive on a log scale) is replaced by the
    /// nearest one that it can.
    #[must_use]
    pub fn new(kind: ScaleKind, domain: [f64; 2], range: [f64; 2]) -> Self {
        Self { kind, domain: sound_domain(kind, domain), range }
    }

    #[must_use]
    pub const fn kind(&self) -> ScaleKind {
        self.kind
    }

    #[must_use]
    pub const fn domain(&self) -> [f64; 2] {
        self.domain
    }

    #[must_use]
    pub const fn range(&self) -> [f64; 2] {
        self.range
    }

    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        (self.domain[0]..=self.domain[1]).contains(&value)
    }

    /// The position of `value`, also outside the domain. Values that a log scale does not have
    /// (zero, negative) lie far beyond its beginning.
    #[must_use]
    pub fn map(&self, value: f64) -> f64 {
        let [from, to] = self.domain.map(|end| self.stretch(end));
        let share = (self.stretch(value) - from) / (to - from);
        let position = self.range[0] + share * (self.range[1] - self.range[0]);
        position.clamp(-POSITION_LIMIT, POSITION_LIMIT)
    }

    /// The value at `position`: the inverse of [`Scale::map`].
    #[must_use]
    pub fn invert(&self, position: f64) -> f64 {
        let share = (position - self.range[0]) / (self.range[1] - self.range[0]);
        let [from, to] = self.domain.map(|end| self.stretch(end));
        let stretched = from + share * (to - from);
        match self.kind {
            ScaleKind::Linear => stretched,
            ScaleKind::Log => 10f64.powf(stretched),
        }
    }

    fn stretch(&self, value: f64) -> f64 {
        match self.kind {
            ScaleKind::Linear => value,
            ScaleKind::Log => value.max(f64::MIN_POSITIVE).log10(),
        }
    }
}

fn sound_domain(kind: ScaleKind, [from, to]: [f64; 2]) -> [f64; 2] {
    let is_shown = |value: f64| value.is_finite() && (kind == ScaleKind::Linear || value > 0.0);
    if !is_shown(from) || !is_shown(to) || from > to {
        return [1.0, 10.0];
    }
    // A single value gets some room on both sides.
    match kind {
        ScaleKind::Log if to / from < 1.0 + 1e-6 => [from / 1.5, to * 1.5],
        ScaleKind::Linear if to - from <= from.abs() * 1e-6 => {
            let room = (from.abs() * 0.1).max(1.0);
            [from - room, to + room]
        }
        _ => [from, to],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_log_scale_gives_each_decade_the_same_room() {
        let scale = Scale::new(ScaleKind::Log, [1.0, 1000.0], [0.0, 300.0]);
        for (value, position) in [(1.0, 0.0), (10.0, 100.0), (100.0, 200.0), (1000.0, 300.0)] {
            assert!((scale.map(value) - position).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn an_unusable_domain_is_repaired() {
        for domain in [[0.0, 1.0], [-1.0, 1.0], [2.0, 1.0], [f64::NAN, 1.0], [1.0, f64::INFINITY]] {
            assert_eq!(Scale::new(ScaleKind::Log, domain, [0.0, 1.0]).domain(), [1.0, 10.0]);
        }
        assert_eq!(Scale::new(ScaleKind::Log, [6.0, 6.0], [0.0, 1.0]).domain(), [4.0, 9.0]);
        assert_eq!(Scale::new(ScaleKind::Linear, [0.0, 0.0], [0.0, 1.0]).domain(), [-1.0, 1.0]);
    }

    proptest! {
        #[test]
        fn inverse_undoes_map(
            from in 1e-9..1e9f64, factor in 1.01..1e9f64, share in 0.0..1.0f64,
            log in any::<bool>(),
        ) {
            let kind = if log { ScaleKind::Log } else { ScaleKind::Linear };
            let scale = Scale::new(kind, [from, from * factor], [560.0, 40.0]);
            let value = from * factor.powf(share);
            let back = scale.invert(scale.map(value));
            // One part in a million of what the axis shows there.
            let unit = if log { value } else { from * factor };
            prop_assert!((back - value).abs() <= 1e-6 * unit, "{} became {}", value, back);
        }
    }
}
