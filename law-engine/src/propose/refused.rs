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
    /// The target asks for a compute-optimal run, and the law is not one of N and D.
    NoFrontier { law: &'static str },
    /// The law has no compute-optimal run by the coefficients of its fit.
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
            Self::NoFrontier { law } => write!(
                f,
                "the law {law} has no compute-optimal run: it is not a law of N and D alone"
            ),
            Self::NoOptimum => write!(
                f,
                "the fit has no compute-optimal run at the target: runs that change N and D apart \
                 would tell"
            ),
            Self::NoPrior { arm } => {
                write!(f, "the law of {arm} has no value at the runs by its coefficients")
            }
        }
    }
}

impl std::error::Error for Refused {}
