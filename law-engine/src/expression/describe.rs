//! The card of a written law: which coefficients it is linear in, which values each may have, and
//! where a fit begins to look for the others.

use super::parse::Parsed;
use super::tree::{Function, Tree};
use crate::catalogue::{Card, Form, Kind, Parameter, Symbol};

/// Combinations of searched values that a fit looks at, at most.
const PLACES_MAX: f64 = 4096.0;
/// Values of one searched coefficient, at most and at least.
const VALUES: (usize, usize) = (14, 3);
/// Exponents that are searched, both signs where a law does not say it.
const EXPONENTS: (f64, f64) = (0.02, 1.6);
/// Amplitudes that are searched, where nothing says how large they are.
const AMPLITUDES: (f64, f64) = (1e-4, 1e4);
/// What multiplies a logarithm.
const EITHER_SIGN: f64 = 1e6;
/// Exponents of either sign.
const EXPONENT_MAX: f64 = 2.0;

/// The card of a law. It lives as long as the process.
pub(super) fn describe(text: &str, parsed: &Parsed) -> &'static Card {
    let linear = linear(parsed);
    let searched_n = parsed.coefficients.len() - linear.len();
    let each = PLACES_MAX.powf(1.0 / searched_n.max(1) as f64).floor() as usize;
    let values_n = each.clamp(VALUES.1, VALUES.0);
    let parameter = |(i, symbol): (usize, &String)| {
        let symbol: &'static str = symbol.clone().leak();
        let use_ = use_of(&parsed.tree, i);
        if linear.contains(&i) {
            let kind = if multiplies_logarithm(&parsed.tree, i) {
                Kind::Within(-EITHER_SIGN, EITHER_SIGN)
            } else if use_.is_alone {
                Kind::Floor
            } else {
                Kind::Amplitude
            };
            return Parameter::linear(symbol, "", kind);
        }
        if use_.in_exponent {
            let exponents = between(EXPONENTS, values_n);
            return if use_.positive_exponent {
                let half = between(EXPONENTS, values_n.div_ceil(2));
                let both = half.iter().rev().map(|e| -e).chain(half.iter().copied());
                let both: Vec<f64> = both.collect();
                Parameter::searched(
                    symbol,
                    "",
                    Kind::Within(-EXPONENT_MAX, EXPONENT_MAX),
                    both.leak(),
                )
            } else {
                Parameter::searched(symbol, "", Kind::Exponent, exponents.leak())
            };
        }
        match use_.beside {
            Some(variable) => {
                let step = |i: usize| i as f64 / (values_n - 1) as f64;
                let fractions: Vec<f64> = (0..values_n).map(step).collect();
                Parameter::placed(symbol, "", variable, fractions.leak())
            }
            None => {
                let starts = between(AMPLITUDES, values_n);
                Parameter::searched(symbol, "", Kind::Amplitude, starts.leak())
            }
        }
    };
    let parameters: Vec<Parameter> =
        parsed.coefficients.iter().enumerate().map(parameter).collect();
    let variables: Vec<Symbol> = parsed.variables.iter().map(|name| variable(name)).collect();
    Box::leak(Box::new(Card {
        name: "yours",
        title: "a law that was written down",
        equation: text.to_owned().leak(),
        response: Symbol::new(parsed.response.clone().leak(), "what is predicted", ""),
        variables: variables.leak(),
        parameters: parameters.leak(),
        source: "as written",
        range: "not known",
        notes: &[],
        form: Form::Unverified("it was written by hand"),
        published: &[],
    }))
}

/// What is known of a variable by its letter.
fn variable(name: &str) -> Symbol {
    let (meaning, unit) = match name {
        "N" => ("parameters", "parameters"),
        "D" => ("training tokens", "tokens"),
        "C" => ("training compute", "FLOP"),
        "h" => ("accelerator hours of one run", "hours"),
        _ => ("a column of the runs", ""),
    };
    Symbol::new(name.to_owned().leak(), meaning, unit)
}

/// Values equally spaced in the logarithm.
fn between((from, to): (f64, f64), n: usize) -> Vec<f64> {
    let step = |i: usize| from * f64::powf(to / from, i as f64 / (n - 1).max(1) as f64);
    (0..n).map(step).collect()
}

/// Coefficients that the law is linear in, all at once, given the others.
fn linear(parsed: &Parsed) -> Vec<usize> {
    let mut linear = Vec::new();
    for i in 0..parsed.coefficients.len() {
        linear.push(i);
        if parsed.tree.degree(&linear).is_none_or(|degree| degree > 1) {
            linear.pop();
        }
    }
    linear
}

/// How a coefficient is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Use {
    /// It is a term of a sum by itself.
    is_alone: bool,
    in_exponent: bool,
    /// As an exponent it is written without a minus somewhere.
    positive_exponent: bool,
    /// A variable that it is added to, or a ratio with.
    beside: Option<usize>,
}

fn use_of(tree: &Tree, coefficient: usize) -> Use {
    let mut found = Use::default();
    terms(tree, &mut |term| found.is_alone |= *term == Tree::Coefficient(coefficient));
    look(tree, coefficient, &mut found);
    found
}

/// The terms of a sum.
fn terms(tree: &Tree, each: &mut dyn FnMut(&Tree)) {
    match tree {
        Tree::Sum(a, b) => {
            terms(a, each);
            terms(b, each);
        }
        Tree::Negative(a) => terms(a, each),
        _ => each(tree),
    }
}

fn look(tree: &Tree, coefficient: usize, found: &mut Use) {
    let own = Tree::Coefficient(coefficient);
    match tree {
        Tree::Power(base, exponent) => {
            if exponent.holds(coefficient) {
                found.in_exponent = true;
                found.positive_exponent |= !is_negative(exponent);
            }
            look(base, coefficient, found);
        }
        Tree::Sum(a, b) | Tree::Quotient(a, b) | Tree::Product(a, b) => {
            match (&**a, &**b) {
                (Tree::Variable(i), other) | (other, Tree::Variable(i))
                    if *other == own && !matches!(tree, Tree::Product(..)) =>
                {
                    found.beside = Some(*i);
                }
                _ => {}
            }
            look(a, coefficient, found);
            look(b, coefficient, found);
        }
        _ => tree.parts().iter().for_each(|part| look(part, coefficient, found)),
    }
}

/// Whether an exponent is written with a minus.
fn is_negative(exponent: &Tree) -> bool {
    match exponent {
        Tree::Negative(_) => true,
        Tree::Product(a, b) | Tree::Quotient(a, b) => is_negative(a) != is_negative(b),
        Tree::Number(number) => *number < 0.0,
        _ => false,
    }
}

/// Whether a coefficient is a factor of a term with a logarithm, which may have either sign.
fn multiplies_logarithm(tree: &Tree, coefficient: usize) -> bool {
    let is_logarithm =
        |tree: &Tree| matches!(tree, Tree::Of(function, _) if Function::is_logarithm(*function));
    let mut found = false;
    terms(tree, &mut |term| {
        found |= term.holds(coefficient)
            && *term != Tree::Coefficient(coefficient)
            && term.any(&is_logarithm);
    });
    // A constant beside such a term may have either sign too.
    found || (tree.any(&is_logarithm) && use_of(tree, coefficient).is_alone)
}
