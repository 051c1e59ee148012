//! Why nothing can be proposed.

use std::fmt;

/// Input that no proposal can be made from. Runs and candidates are counted from 1.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Refused {
    /// There is nothing to choose from.
    NoCandidates,
    /// A run, candidate or target names an arm that there is not.
    NoArm { arm: usize, arms_n: usize },
    /// A run, candidate or target has another number of variables than the law.
    Variables { found: usize, expected: usize },
    /// Another number of coefficients than the law has, or of draws than the first arm.
    Coefficients { arm: String },
    /// A number that has to be positive and finite.
    NotPositive { what: String, value: f64 },
    /// A share below zero, or shares that leave nothing.
    Shares,
    /// A comparison of fewer than two different arms.
    NoRivals,
    /// The target asks for the best run of a budget, and the law is not one of N and D, nor of the
    /// budget itself.
    NoFrontier { law: &'static str },
    /// A budget of hours buys tokens by the arm's throughput, and that is not known.
    NoThroughput { arm: String },
    /// The law has no value, or no best run, at the target by the coefficients of its fit.
    NoOptimum,
    /// The law says nothing at the places of an arm by some draw of its coefficients.
    NoPrior { arm: String },
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCandidates => write!(f, "there are no candidates to choose from"),
            Self::NoArm { arm, arms_n } => {
                write!(f, "arm {} is named, and there are {arms_n}", arm + 1)
            }
            Self::Variables { found, expected } => {
                write!(f, "a run has {found} variables, and its law has {expected}")
            }
            Self::Coefficients { arm } => write!(
                f,
                "{arm} has coefficients that do not belong to its law, or not as many draws as the \
                 other arms"
            ),
            Self::NotPositive { what, value } => {
                write!(f, "{what} is {value}, expected a positive finite number")
            }
            Self::Shares => write!(
                f,
                "the shares for the largest scale and for further seeds are not between 0 and 1 \
                 together"
            ),
            Self::NoRivals => write!(f, "a comparison is of two different arms or more"),
            Self::NoFrontier { law } => write!(
                f,
                "the law {law} has no best run of a budget: it is not a law of N and D alone, nor \
                 of the budget"
            ),
            Self::NoThroughput { arm } => write!(
                f,
                "what {arm} trains on in an hour is not known: give its throughput, or a budget in \
                 FLOP"
            ),
            Self::NoOptimum => write!(
                f,
                "the fit has no best run at the target: runs that change N and D apart would tell"
            ),
            Self::NoPrior { arm } => {
                write!(f, "the law of {arm} has no value at the runs by its coefficients")
            }
        }
    }
}

impl std::error::Error for Refused {}
