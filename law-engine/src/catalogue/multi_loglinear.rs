//! Accuracy over three scales at once: data, parameters and resolution, each by its logarithm.
//!
//! ```text
//! Acc = b + h ln H + n ln N + r ln R                                multi-loglinear
//! Acc = b + h ln H + n ln N + r ln R + i ln H ln N                  multi-loglinear-cross
//! Acc = 1 / (1 + exp(-(b + h ln H + n ln N + r ln R)))              multi-logit
//! ```

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

const RESPONSE: Symbol = Symbol::new("Acc", "items answered right, top-1 or top-5", "share");
const VARIABLES: &[Symbol] = &[
    Symbol::new("H", "training data", "hours of video"),
    Symbol::new("N", "parameters", "parameters"),
    Symbol::new("R", "resolution", "pixels of a side"),
];
const SOURCE: &str = "Orhan, arXiv 2308.03712; repository eminorhan/humanlike-vits";
const RANGE: &str = "self-supervised vision transformers, ImageNet after fine-tuning on 2 % of its \
                     labels; 22 to 630 million parameters, 224 to 476 pixels, 0.01 % to all of the \
                     data";
const FORM: Form = Form::Unverified(
    "the abstract says that the three are scaled at once and names no function; that it is linear \
     in the logarithms is ours",
);
/// Of a share by a logarithm.
const SLOPE: Kind = Kind::Within(-1.0, 1.0);
const LEVEL: Kind = Kind::Within(-100.0, 100.0);

const CLAIM: &str = "the paper's forecast of human accuracy at 2.5e9 parameters, 20,000 hours and 952 \
                     pixels depends on the form: over its 78 runs the three forms say 85.9, 87.4 \
                     (cross) and 81.6 % (logit) top-5, with an R2 of 0.952 for the first";

#[derive(Clone, Copy, Debug)]
pub(super) struct MultiLoglinear;

impl Equation<4> for MultiLoglinear {
    const CARD: Card = Card {
        name: "multi-loglinear",
        title: "accuracy over data, parameters and resolution, linear in their logarithms",
        equation: "Acc = b + h ln H + n ln N + r ln R",
        response: RESPONSE,
        variables: VARIABLES,
        parameters: &[
            Parameter::linear("b", "accuracy at one of each", LEVEL),
            Parameter::linear("h", "gain by ln H", SLOPE),
            Parameter::linear("n", "gain by ln N", SLOPE),
            Parameter::linear("r", "gain by ln R", SLOPE),
        ],
        source: SOURCE,
        range: RANGE,
        notes: &[
            CLAIM,
            "it exceeds one far enough out: multi-logit does not",
            "fit it by least squares of the accuracy itself: Residual::Raw",
        ],
        form: FORM,
        published: &[],
    };

    fn value<R: Real>(&self, [b, h, n, r]: [R; 4], x: Row<'_>) -> R {
        b + h * x.ln(0) + n * x.ln(1) + r * x.ln(2)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct MultiLoglinearCross;

impl Equation<5> for MultiLoglinearCross {
    const CARD: Card = Card {
        name: "multi-loglinear-cross",
        title: "accuracy over data, parameters and resolution, where data are worth more to larger \
                models",
        equation: "Acc = b + h ln H + n ln N + r ln R + i ln H ln N",
        response: RESPONSE,
        variables: VARIABLES,
        parameters: &[
            Parameter::linear("b", "accuracy at one of each", LEVEL),
            Parameter::linear("h", "gain by ln H at one parameter", SLOPE),
            Parameter::linear("n", "gain by ln N at one hour", SLOPE),
            Parameter::linear("r", "gain by ln R", SLOPE),
            Parameter::linear("i", "gain by ln H ln N", SLOPE),
        ],
        source: SOURCE,
        range: RANGE,
        notes: &[
            CLAIM,
            "h and n are slopes at one parameter and at one hour, far from any run: at N the slope \
             by ln H is h + i ln N",
            "sizes and amounts of data have to be crossed: along one line of them i is not determined",
        ],
        form: FORM,
        published: &[],
    };

    fn value<R: Real>(&self, [b, h, n, r, i]: [R; 5], x: Row<'_>) -> R {
        b + h * x.ln(0) + n * x.ln(1) + r * x.ln(2) + i * (x.ln(0) * x.ln(1))
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct MultiLogit;

impl Equation<4> for MultiLogit {
    const CARD: Card = Card {
        name: "multi-logit",
        title: "accuracy over data, parameters and resolution, never above one",
        equation: "Acc = 1 / (1 + exp(-(b + h ln H + n ln N + r ln R)))",
        response: RESPONSE,
        variables: VARIABLES,
        parameters: &[
            Parameter::searched(
                "b",
                "log odds at one of each",
                LEVEL,
                &[-40.0, -28.0, -20.0, -14.0, -9.0, -5.0, -2.0, 0.0, 3.0],
            ),
            Parameter::searched(
                "h",
                "gain of log odds by ln H",
                Kind::Within(-5.0, 5.0),
                &[-0.1, 0.05, 0.15, 0.4, 1.0],
            ),
            Parameter::searched(
                "n",
                "gain of log odds by ln N",
                Kind::Within(-5.0, 5.0),
                &[-0.1, 0.05, 0.15, 0.4, 1.0],
            ),
            Parameter::searched(
                "r",
                "gain of log odds by ln R",
                Kind::Within(-5.0, 5.0),
                &[-0.2, 0.1, 0.4, 1.0, 2.0],
            ),
        ],
        source: SOURCE,
        range: RANGE,
        notes: &[
            CLAIM,
            "full accuracy is the limit whatever the task: labels that are wrong are not in it",
            "chance is taken as zero: with few choices subtract it first",
        ],
        form: FORM,
        published: &[],
    };

    fn value<R: Real>(&self, [b, h, n, r]: [R; 4], x: Row<'_>) -> R {
        (b + h * x.ln(0) + n * x.ln(1) + r * x.ln(2)).sigmoid()
    }
}
