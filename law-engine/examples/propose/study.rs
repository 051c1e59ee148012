//! One world: our errors by budget, and what rivals need for the same.

use super::designs::{Aim, Rival, proposed};
use super::hours::{budgets, error_68, ratios};
use super::world::{World, errors};

/// How many times our hours a rival needs, by our budget.
pub(crate) struct Cell {
    pub(crate) rival: Rival,
    pub(crate) aim: Aim,
    pub(crate) ratios: Vec<f64>,
}

pub(crate) struct Study {
    /// By target and budget.
    pub(crate) own: [Vec<f64>; 2],
    pub(crate) cells: Vec<Cell>,
}

/// Our budgets: two and a half decades.
pub(crate) fn budgets_hours() -> Vec<f64> {
    budgets(1.5, 4.0, 2.0)
}

pub(crate) fn study(world: World, rivals: &[Rival], replicates: u64) -> Study {
    let (ours, theirs) = (budgets_hours(), budgets(1.25, 5.0, 4.0));
    let own = |aim: Aim, budget: f64| {
        let error = |r: u64| errors(world, &proposed(world, aim, budget, r), r)[aim as usize];
        error_68((0..replicates).map(error).collect())
    };
    let own = Aim::ALL.map(|aim| ours.iter().map(|budget| own(aim, *budget)).collect::<Vec<f64>>());
    let mut cells = Vec::new();
    for rival in rivals {
        let at = |budget: &f64| {
            let error = |r: u64| {
                rival.runs(*budget, r).map_or([f64::INFINITY; 2], |runs| errors(world, &runs, r))
            };
            let each: Vec<[f64; 2]> = (0..replicates).map(error).collect();
            [0, 1].map(|i| error_68(each.iter().map(|errors| errors[i]).collect()))
        };
        let curve: Vec<[f64; 2]> = theirs.iter().map(at).collect();
        for aim in Aim::ALL {
            let errors: Vec<f64> = curve.iter().map(|errors| errors[aim as usize]).collect();
            let ratios = ratios((&ours, &own[aim as usize]), (&theirs, &errors));
            cells.push(Cell { rival: *rival, aim, ratios });
        }
    }
    Study { own, cells }
}
