//! Broken neural scaling laws: straight lines on logarithmic axes that bend into each other, down to
//! a floor. They describe curves that stall, fall late, or rise before they fall.
//!
//! ```text
//! y(x) = a + b x^-c0 prod_i (1 + (x / d_i)^(1/f_i))^(-c_i f_i)
//! ```

use super::card::{Card, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct Bnsl1;
#[derive(Clone, Copy, Debug)]
pub(super) struct Bnsl2;
#[derive(Clone, Copy, Debug)]
pub(super) struct Bnsl3;

/// a, b, c0, then c, d and f of each break.
fn value<R: Real, const P: usize>(coefficients: [R; P], x: Row<'_>) -> R {
    let [a, b, c0] = [coefficients[0], coefficients[1], coefficients[2]];
    let mut ln_power = -c0 * x.ln(0);
    for of_break in coefficients[3..].chunks_exact(3) {
        let [c, d, f] = [of_break[0], of_break[1], of_break[2]];
        ln_power = ln_power - c * f * ((-d.ln() + x.ln(0)) / f).softplus();
    }
    a + b * ln_power.exp()
}

const fn floor() -> Parameter {
    Parameter::linear("a", "limit", Kind::Floor)
}

const fn scale() -> Parameter {
    Parameter::linear("b", "offset", Kind::Amplitude)
}

const fn first_slope(starts: &'static [f64]) -> Parameter {
    Parameter::searched("c0", "slope of the first segment", SLOPE, starts)
}

const fn slope_change(symbol: &'static str, starts: &'static [f64]) -> Parameter {
    Parameter::searched(symbol, "change of slope at the break", SLOPE, starts)
}

const fn place(symbol: &'static str, fractions: &'static [f64]) -> Parameter {
    Parameter::placed(symbol, "where the curve breaks", 0, fractions)
}

const fn sharpness(symbol: &'static str, starts: &'static [f64]) -> Parameter {
    Parameter::searched(symbol, "width of the break", Kind::Within(1e-3, 2.0), starts)
}

const VARIABLES: &[Symbol] =
    &[Symbol::new("x", "what is scaled: compute, samples, size", "that of x")];
const SLOPE: Kind = Kind::Within(-20.0, 20.0);

const fn card(
    name: &'static str,
    equation: &'static str,
    parameters: &'static [Parameter],
    published: &'static [Published],
) -> Card {
    Card {
        name,
        title: "any metric over anything scaled, with breaks",
        equation,
        response: Symbol::new("y", "metric", "that of the metric"),
        variables: VARIABLES,
        parameters,
        source: "Caballero et al., arXiv 2210.14891; repository \
                 ethancaballero/broken_neural_scaling_laws",
        range: "a break can be seen only where points lie on both sides of it",
        notes: &[
            "choose the number of breaks by the last points held out, not by the objective",
            "the authors minimise squares of ln(y + 1): Residual::Log1p with least squares",
            "a break beyond the data fits anything",
        ],
        form: Form::Verified,
        published,
    }
}

impl Equation<6> for Bnsl1 {
    const CARD: Card = card(
        "bnsl-1",
        "y = a + b x^-c0 (1 + (x/d1)^(1/f1))^(-c1 f1)",
        &[
            floor(),
            scale(),
            first_slope(&[0.03, 0.15, 0.4, 0.8]),
            slope_change("c1", &[-0.4, 0.2, 0.8, 3.0, 9.0]),
            place("d1", &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1]),
            sharpness("f1", &[0.03, 0.1, 0.3, 0.8]),
        ],
        &[Published {
            label: "example of four-digit addition, first 14 points",
            source: "repository ethancaballero/broken_neural_scaling_laws, example with one break",
            convention: "x is the size of the training set",
            coefficients: &[0.41389, 2.27727, 0.055077, 5.66291, 612.584, 0.059193],
        }],
    );

    fn value<R: Real>(&self, coefficients: [R; 6], x: Row<'_>) -> R {
        value(coefficients, x)
    }
}

impl Equation<9> for Bnsl2 {
    const CARD: Card = card(
        "bnsl-2",
        "y = a + b x^-c0 prod_{i = 1, 2} (1 + (x/d_i)^(1/f_i))^(-c_i f_i)",
        &[
            floor(),
            scale(),
            first_slope(&[0.05, 0.3]),
            slope_change("c1", &[-0.3, 0.3, 1.5]),
            place("d1", &[0.1, 0.25, 0.4, 0.55]),
            sharpness("f1", &[0.1, 0.5]),
            slope_change("c2", &[-0.3, 0.3, 1.5]),
            place("d2", &[0.5, 0.65, 0.8, 0.95]),
            sharpness("f2", &[0.1, 0.5]),
        ],
        &[],
    );

    fn value<R: Real>(&self, coefficients: [R; 9], x: Row<'_>) -> R {
        value(coefficients, x)
    }
}

impl Equation<12> for Bnsl3 {
    const CARD: Card = card(
        "bnsl-3",
        "y = a + b x^-c0 prod_{i = 1, 2, 3} (1 + (x/d_i)^(1/f_i))^(-c_i f_i)",
        &[
            floor(),
            scale(),
            first_slope(&[0.1]),
            slope_change("c1", &[-0.3, 0.3, 1.5]),
            place("d1", &[0.1, 0.2, 0.3, 0.4]),
            sharpness("f1", &[0.2]),
            slope_change("c2", &[-0.3, 0.3, 1.5]),
            place("d2", &[0.4, 0.5, 0.6, 0.7]),
            sharpness("f2", &[0.2]),
            slope_change("c3", &[-0.3, 0.3, 1.5]),
            place("d3", &[0.7, 0.8, 0.9, 1.0]),
            sharpness("f3", &[0.2]),
        ],
        &[],
    );

    fn value<R: Real>(&self, coefficients: [R; 12], x: Row<'_>) -> R {
        value(coefficients, x)
    }
}
