//! Coverage of repeated sampling: the share of problems that at least one of k attempts solves.
//!
//! ```text
//! c(k) = exp(a k^b),   a < 0, b < 0
//! ```

use super::card::{Card, Form, Kind, Parameter, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct Coverage;

impl Equation<2> for Coverage {
    const CARD: Card = Card {
        name: "coverage",
        title: "share of problems solved over attempts",
        equation: "c = exp(a k^b)",
        response: Symbol::new("c", "share of problems that some attempt solves (pass@k)", "share"),
        variables: &[Symbol::new("k", "attempts per problem", "attempts")],
        parameters: &[
            Parameter::searched(
                "a",
                "log of the share that one attempt solves",
                Kind::Within(-1e3, -1e-9),
                &[-100.0, -30.0, -10.0, -4.0, -2.0, -1.0, -0.5, -0.2, -0.05],
            ),
            Parameter::searched(
                "b",
                "exponent of k",
                Kind::Within(-3.0, -1e-6),
                &[-2.0, -1.2, -0.8, -0.5, -0.3, -0.17, -0.08, -0.03],
            ),
        ],
        source: "Brown et al., arXiv 2407.21787",
        range: "attempts that somebody or something can check",
        notes: &[
            "estimate pass@k without bias from n attempts with c right: 1 - C(n-c,k) / C(n,k)",
            "-ln c is a power of k only while the density of single-attempt success is a power near \
             zero; a beta-binomial fit per problem is preferred over this regression",
            "rows of one problem set are not independent: pass@k for several k uses the same attempts",
        ],
        form: Form::Unverified("read in secondary notes only"),
        published: &[],
    };

    fn value<R: Real>(&self, [a, b]: [R; 2], x: Row<'_>) -> R {
        (a * x.pow(0, b)).exp()
    }
}
