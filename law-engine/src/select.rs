//! Which law speaks for the arms: the one that forecasts the largest class when it is held out.

use sweep_core::fit::{HeldOut, LawFit, LawName};
use sweep_core::spec::LawChoice;

use crate::curve::{Curve, Point, Study};
use crate::fit::fit;
use crate::law::HoursLaw;
use crate::objective::Huber;

/// Fewest classes that a law is fitted to.
pub const CLASSES_MIN: usize = 3;

/// Forecasts an arm's largest class from its smaller ones. None where those are too few for a fit.
#[must_use]
pub fn held_out<L: HoursLaw<P>, const P: usize>(
    law: L,
    study: &Study,
    curve: &Curve,
) -> Option<HeldOut> {
    let classes = curve.classes();
    let largest = *classes.last()?;
    if classes.len() <= CLASSES_MIN {
        return None;
    }
    let (held, rest): (Vec<Point>, Vec<Point>) =
        curve.points.iter().copied().partition(|p| p.cell.class == largest);
    let theta = fit(law, &rest, Huber::STANDARD).theta;
    let hours = study.class_hours[largest];
    let loss = study.units.loss;
    let observed: f64 = held.iter().map(|p| loss * p.ln_loss.exp()).sum();
    Some(HeldOut {
        hours,
        observed: observed / held.len() as f64,
        forecast: loss * law.predict(&theta, study.units.x(hours)),
    })
}

/// The law that speaks, the same for all arms so that crossovers compare like with like, and
/// whether the data took part in the choice. `fits` are the fits of all arms and laws.
#[must_use]
pub fn choose(choice: LawChoice, fits: &[LawFit]) -> Chosen {
    let forced = |law| Chosen { law, untested: false };
    match choice {
        LawChoice::Power => forced(LawName::Power),
        LawChoice::PowerFloor => forced(LawName::PowerFloor),
        LawChoice::Auto => {
            let error = |law: LawName| {
                let errors: Vec<f64> = fits
                    .iter()
                    .filter(|fit| fit.law == law)
                    .filter_map(|fit| fit.held_out.as_ref())
                    .map(|held_out| held_out.relative_error().abs())
                    .collect();
                let n = errors.len() as f64;
                (!errors.is_empty()).then(|| errors.into_iter().sum::<f64>() / n)
            };
            match (error(LawName::Power), error(LawName::PowerFloor)) {
                (Some(power), Some(floor)) if floor < power => forced(LawName::PowerFloor),
                (Some(_), Some(_)) => forced(LawName::Power),
                _ => Chosen { law: LawName::Power, untested: true },
            }
        }
    }
}

/// The outcome of [`choose`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    pub law: LawName,
    /// The choice was left to the data, but no class could be held out: the plain power law then
    /// speaks.
    pub untested: bool,
}
