//! A tree as a program for a stack, over any kind of number.

use super::parse::Parsed;
use super::tree::{Function, Tree};
use crate::catalogue::{Card, Formula, Row};
use crate::kernel::trace::Trace;
use crate::real::Real;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Step {
    Number(f64),
    Variable(usize),
    /// Of a variable.
    Ln(usize),
    Coefficient(usize),
    Negative,
    Sum,
    Product,
    Quotient,
    /// A whole power of what may be negative.
    Whole(u32),
    Power,
    /// A variable to the power on the stack.
    VariablePower(usize),
    Of(Function),
}

/// Numbers that a program keeps at once.
const STACK: usize = 24;
/// Whole powers up to this are multiplied out.
const WHOLE_MAX: f64 = 8.0;

/// A law that somebody wrote down. Lives as long as the process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<const P: usize> {
    card: &'static Card,
    steps: &'static [Step],
    is_additive: bool,
}

impl<const P: usize> Written<P> {
    pub(super) fn new(card: &'static Card, parsed: &Parsed) -> Self {
        let mut steps = Vec::new();
        write(&parsed.tree, &mut steps);
        let written = Self { card, steps: steps.leak(), is_additive: false };
        // What it does with its coefficients is the same in every row.
        let (raw, ln) =
            (vec![2.0; parsed.variables.len()], vec![2_f64.ln(); parsed.variables.len()]);
        let trace =
            written.value::<Trace<P>>(std::array::from_fn(Trace::parameter), Row::new(&raw, &ln));
        Self { is_additive: trace.parts().is_some(), ..written }
    }
}

impl<const P: usize> Formula<P> for Written<P> {
    fn card(&self) -> &'static Card {
        self.card
    }

    fn is_additive(&self) -> bool {
        self.is_additive
    }

    fn value<R: Real>(&self, coefficients: [R; P], x: Row<'_>) -> R {
        let mut stack = [R::constant(f64::NAN); STACK];
        let mut height = 0;
        for step in self.steps {
            match *step {
                Step::Number(_) | Step::Variable(_) | Step::Ln(_) | Step::Coefficient(_) => {
                    stack[height] = match *step {
                        Step::Number(number) => R::constant(number),
                        Step::Variable(i) => R::constant(x.raw(i)),
                        Step::Ln(i) => R::constant(x.ln(i)),
                        Step::Coefficient(i) => coefficients[i],
                        _ => unreachable!("the arm above names all that push"),
                    };
                    height += 1;
                }
                Step::Sum | Step::Product | Step::Quotient | Step::Power => {
                    height -= 1;
                    let (a, b) = (stack[height - 1], stack[height]);
                    stack[height - 1] = match step {
                        Step::Sum => a + b,
                        Step::Product => a * b,
                        Step::Quotient => a / b,
                        _ => a.pow(b),
                    };
                }
                Step::Negative => stack[height - 1] = -stack[height - 1],
                Step::Whole(n) => {
                    let base = stack[height - 1];
                    let power = (1..n).fold(base, |power, _| power * base);
                    stack[height - 1] = power;
                }
                Step::VariablePower(i) => {
                    stack[height - 1] = x.pow(i, stack[height - 1]);
                }
                Step::Of(function) => {
                    let a = stack[height - 1];
                    stack[height - 1] = match function {
                        Function::Exp => a.exp(),
                        Function::Ln => a.ln(),
                        Function::Log10 => a.ln() / std::f64::consts::LN_10,
                        Function::Log2 => a.ln() / std::f64::consts::LN_2,
                        Function::Sqrt => (a.ln() * 0.5).exp(),
                    };
                }
            }
        }
        stack[0]
    }
}

/// Appends the steps of a tree; of two operands the deeper one first where their order is free, so
/// that a stack of [`STACK`] serves every tree of fewer than two to that power leaves.
fn write(tree: &Tree, steps: &mut Vec<Step>) {
    match tree {
        Tree::Number(number) => steps.push(Step::Number(*number)),
        Tree::Variable(i) => steps.push(Step::Variable(*i)),
        Tree::Coefficient(i) => steps.push(Step::Coefficient(*i)),
        Tree::Negative(a) => {
            write(a, steps);
            steps.push(Step::Negative);
        }
        Tree::Sum(a, b) | Tree::Product(a, b) => {
            let (first, second) = if need(b) > need(a) { (b, a) } else { (a, b) };
            write(first, steps);
            write(second, steps);
            steps.push(if matches!(tree, Tree::Sum(..)) { Step::Sum } else { Step::Product });
        }
        Tree::Quotient(a, b) => {
            write(a, steps);
            write(b, steps);
            steps.push(Step::Quotient);
        }
        Tree::Power(a, b) => match (&**a, &**b) {
            (Tree::Variable(i), _) => {
                write(b, steps);
                steps.push(Step::VariablePower(*i));
            }
            (_, Tree::Number(n)) if n.fract() == 0.0 && (1.0..=WHOLE_MAX).contains(n) => {
                write(a, steps);
                steps.push(Step::Whole(*n as u32));
            }
            _ => {
                write(a, steps);
                write(b, steps);
                steps.push(Step::Power);
            }
        },
        Tree::Of(function, a) => match (&**a, function) {
            (Tree::Variable(i), Function::Ln) => steps.push(Step::Ln(*i)),
            _ => {
                write(a, steps);
                steps.push(Step::Of(*function));
            }
        },
    }
}

/// Places of the stack that a tree takes.
pub(super) fn need(tree: &Tree) -> usize {
    match tree {
        Tree::Sum(a, b) | Tree::Product(a, b) => {
            let (a, b) = (need(a), need(b));
            a.max(b).max(a.min(b) + 1)
        }
        Tree::Quotient(a, b) | Tree::Power(a, b) => need(a).max(need(b) + 1),
        Tree::Negative(a) | Tree::Of(_, a) => need(a),
        Tree::Number(_) | Tree::Variable(_) | Tree::Coefficient(_) => 1,
    }
}

/// Whether the stack is high enough for a tree.
pub(super) fn is_small(tree: &Tree) -> bool {
    need(tree) <= STACK
}
