//! The question that proposals answer, in words and as the law engine asks it.

use law_engine::propose::{Scale, Target};
use sweep_core::crossover::{Crossover, Outcome};
use sweep_core::proposal::Question;
use sweep_core::spec::ProposeQuestion;
use sweep_core::units::AcceleratorTime;

use super::{Known, ProposalInput};

/// Least decades ahead in which a crossing is looked for.
const DECADES_MIN: f64 = 0.5;

pub(super) struct Asked {
    pub(super) words: Question,
    pub(super) target: Target,
}

/// What `propose.for` asks of the arms that have a law.
pub(super) fn choose(input: &ProposalInput<'_>, known: &[Known]) -> Result<Asked, String> {
    let spec = input.spec;
    let default =
        if spec.arms.len() > 1 { ProposeQuestion::Crossover } else { ProposeQuestion::Loss };
    let hours = spec.propose.at.map_or_else(|| spec.horizon_hours(), AcceleratorTime::hours);
    match spec.propose.question.unwrap_or(default) {
        ProposeQuestion::Loss => {
            let arm = known[0].name.clone();
            let target = Target::Loss { arm: 0, x: vec![hours] };
            Ok(Asked { words: Question::Loss { arm, hours }, target })
        }
        ProposeQuestion::Winner => {
            two_of(known)?;
            let arms = (0..known.len()).collect();
            let target = Target::Winner { arms, scale: Scale::Hours(hours) };
            Ok(Asked { words: Question::Winner { hours }, target })
        }
        ProposeQuestion::Crossover => {
            two_of(known)?;
            crossover(input, known)
        }
    }
}

fn two_of(known: &[Known]) -> Result<(), String> {
    match known {
        [only] => Err(format!("only {} has a law yet, and a comparison takes two arms", only.name)),
        _ => Ok(()),
    }
}

/// Of the first pair that crosses ahead; else of one that does not cross, else of one that has crossed.
fn crossover(input: &ProposalInput<'_>, known: &[Known]) -> Result<Asked, String> {
    let place = |name: &str| known.iter().position(|arm| arm.name == name);
    let rank = |crossover: &Crossover| match crossover.outcome {
        Outcome::At { .. } => 0,
        Outcome::None { .. } => 1,
        Outcome::Passed { .. } => 2,
        Outcome::Undetermined { .. } => 3,
    };
    let pairs = input.forecast.crossovers.iter().filter_map(|crossover| {
        let arms = [place(&crossover.leader)?, place(&crossover.challenger)?];
        Some((crossover, arms))
    });
    let (crossover, arms) = pairs
        .min_by_key(|(crossover, _)| rank(crossover))
        .ok_or_else(|| "no pair of arms has been compared yet".to_owned())?;
    let measured = crossover.hours_measured;
    // A crossing that has been passed lies among the classes measured.
    let from = match crossover.outcome {
        Outcome::Passed { .. } => measured.lower,
        _ => measured.upper,
    };
    if from <= 0.0 {
        return Err("no class has been measured for both arms yet".to_owned());
    }
    let decades = (input.spec.horizon_hours() / from).log10().max(DECADES_MIN);
    let (leader, challenger) = (crossover.leader.clone(), crossover.challenger.clone());
    let target = Target::Crossover { arms, from: Scale::Hours(from), decades };
    Ok(Asked { words: Question::Crossover { leader, challenger }, target })
}
