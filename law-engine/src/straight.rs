//! A straight line by least squares.

/// `y = level + slope (x - centre)` with the means as centre and level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Straight {
    pub(crate) centre: f64,
    pub(crate) level: f64,
    pub(crate) slope: f64,
    /// Sum of squares of x about its mean.
    pub(crate) square: f64,
}

impl Straight {
    /// The line through `points` of x and y; its slope is not finite where x does not vary.
    pub(crate) fn fit(points: &[(f64, f64)]) -> Self {
        let n = points.len() as f64;
        let centre = points.iter().map(|(x, _)| x).sum::<f64>() / n;
        let level = points.iter().map(|(_, y)| y).sum::<f64>() / n;
        let square: f64 = points.iter().map(|(x, _)| (x - centre).powi(2)).sum();
        let product: f64 = points.iter().map(|(x, y)| (x - centre) * (y - level)).sum();
        Self { centre, level, slope: product / square, square }
    }

    pub(crate) fn at(&self, x: f64) -> f64 {
        self.level + self.slope * (x - self.centre)
    }
}
