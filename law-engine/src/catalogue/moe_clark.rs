//! The routed law: loss falls with the parameters that a token sees and with the number of experts,
//! the less of one the more there is of the other, until more experts add nothing.
//!
//! ```text
//! log L = a log N + b log Eh + c log N log Eh + d        (logarithms to base 10)
//! 1/Eh  = 1 / (E - 1 + 1 / (1/E_start - 1/E_max)) + 1/E_max
//! ```

use super::card::{Card, Form, Kind, Parameter, Published, Symbol};
use super::equation::{Equation, Row};
use crate::real::Real;

#[derive(Clone, Copy, Debug)]
pub(super) struct MoeClark;

const TABLE: &str = "arXiv 2202.01169, table 3, as a later review prints it";
const ROUTED: &str = "N as a token sees it, E experts, k = 1, every second layer routed";

impl Equation<6> for MoeClark {
    const CARD: Card = Card {
        name: "moe-clark",
        title: "loss over active parameters and experts",
        equation: "log10 L = a log10 N + b log10 Eh + c log10 N log10 Eh + d, \
                   1/Eh = 1/(E - 1 + 1/(1/E_start - 1/E_max)) + 1/E_max",
        response: Symbol::new("L", "cross-entropy", "nats per token"),
        variables: &[
            Symbol::new("N", "parameters that one token sees", "parameters"),
            Symbol::new("E", "experts; 1 for a dense model", "experts"),
        ],
        parameters: &[
            Parameter::searched("a", "slope in log N", Kind::Within(-1.0, 1.0), &[-0.15, -0.05]),
            Parameter::searched("b", "slope in log Eh", Kind::Within(-5.0, 5.0), &[-0.2, -0.05]),
            Parameter::searched("c", "interaction", Kind::Within(-1.0, 1.0), &[0.0, 0.02]),
            Parameter::searched(
                "d",
                "log L of one parameter",
                Kind::Within(-9.0, 9.0),
                &[0.9, 1.3],
            ),
            Parameter::searched(
                "E_start",
                "experts that a dense model is worth",
                Kind::Amplitude,
                &[1.1, 1.5, 2.0, 3.0, 5.0, 8.0],
            ),
            Parameter::searched(
                "E_max",
                "experts beyond which nothing is gained",
                Kind::Amplitude,
                &[60.0, 120.0, 250.0, 500.0, 1000.0, 4000.0],
            ),
        ],
        source: "Clark et al., arXiv 2202.01169, table 3; repository \
                 google-deepmind/scaling_laws_for_routing",
        range: "15M to 1.3B active parameters, 1 to 512 experts, 130B tokens; tokens are no part of \
                the law",
        notes: &[
            "three digits cost much: on the released runs the printed coefficients raise the \
             objective 1.3-fold (S-Base) to sixfold (RL-R)",
            "refitted to the released runs: S-Base -0.0830, -0.1180, 0.0099, 1.1136, 2.07, 238.7; \
             RL-R -0.0827, -0.1234, 0.0112, 1.1070, 1.72, 470.1; Hash -0.0874, -0.1384, 0.0126, \
             1.1595, 4.27, 427.3",
            "E_max is hardly identified by the runs",
            "routing stops helping at N = 10^(-b/c): extrapolate in N with care",
            "the authors minimise squares of log10 L: Residual::Log with least squares, whose \
             objective is the mean square in log10 times rows ln(10)^2 / 2",
        ],
        form: Form::Verified,
        published: &[
            Published {
                label: "S-Base",
                source: TABLE,
                convention: ROUTED,
                coefficients: &[-0.082, -0.108, 0.009, 1.104, 1.847, 314.478],
            },
            Published {
                label: "RL-R",
                source: TABLE,
                convention: ROUTED,
                coefficients: &[-0.083, -0.126, 0.012, 1.111, 1.880, 469.982],
            },
            Published {
                label: "Hash",
                source: TABLE,
                convention: ROUTED,
                coefficients: &[-0.087, -0.136, 0.012, 1.157, 4.175, 477.741],
            },
        ],
    };

    fn value<R: Real>(&self, [a, b, c, d, start, max]: [R; 6], x: Row<'_>) -> R {
        let one = R::constant(1.0);
        let offset = one / (one / start - one / max);
        let inverse = one / (offset + (x.raw(1) - 1.0)) + one / max;
        let (log_n, log_e) = (x.ln(0) / std::f64::consts::LN_10, -inverse.ln() * LOG10_E);
        ((a * log_n + b * log_e + c * log_e * log_n + d) * std::f64::consts::LN_10).exp()
    }
}

const LOG10_E: f64 = std::f64::consts::LOG10_E;
