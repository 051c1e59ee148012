//! Hours that other designs need for the precision that proposals reach: docs/propose.md.
//!
//!     cargo run -p law-engine --example propose -- [REPLICATES] > docs/propose.md

#![expect(clippy::print_stdout, reason = "its output is the document")]

mod designs;
mod hours;
mod question;
mod study;
mod world;

use std::time::Instant;

use designs::{Aim, Rival};
use hours::{NEVER, geometric_mean};
use law_engine::propose::propose;
use question::question;
use study::{Cell, Study, budgets_hours, study};
use world::World;

const fn name(world: World) -> &'static str {
    match world {
        World::Law => "law true",
        World::Bump => "bump at small sizes",
        World::Offsets => "random effect per size",
        World::Wiggle => "smooth wiggle",
    }
}

const fn target(aim: Aim) -> &'static str {
    match aim {
        Aim::Loss => "loss",
        Aim::Size => "size",
    }
}

const fn design(rival: Rival) -> &'static str {
    match rival {
        Rival::Grid { side: 5 } => "grid 5x5",
        Rival::Grid { .. } => "grid 7x7",
        Rival::IsoFlop { offset, smallest_n } => match (offset > 1.0, smallest_n > 0.0) {
            (false, true) => "isoFLOP",
            (true, true) => "isoFLOP, 3x off",
            (false, false) => "isoFLOP, any size",
            (true, false) => "isoFLOP, 3x off, any size",
        },
        Rival::Random => "random",
        Rival::CheapRandom => "cost-weighted random",
    }
}

/// The studies, by the name of their world.
type Studies = [(&'static str, Study)];

/// Ratios below which a cell is named.
const LEAST: f64 = 0.7;

fn main() {
    let replicates = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(200);
    let measured = [200, 2_000].map(|candidates_n| (candidates_n, milliseconds(candidates_n)));
    let studies = World::ALL.map(|world| (name(world), study(world, &Rival::ALL, replicates)));
    opening(replicates);
    summary(&studies);
    for aim in Aim::ALL {
        ratios(&studies, aim);
    }
    errors(&studies);
    times(&measured);
}

fn opening(replicates: u64) {
    println!(
        "# Hours that proposals save

Accelerator hours that other ways of choosing runs need for the precision that `law_engine::propose`
reaches, in simulated worlds: of the loss and of the size of the best run at 1e24 FLOP.

Made by

    cargo run -p law-engine --example propose -- {replicates}

- Truth: the Chinchilla law by Besiroglu et al., seed noise of 0.4 % in ln loss; a run costs 0.2 h and
  its 6ND FLOP at 4e14 FLOP a second. No design has sizes below 1e7, but \"any size\".
- Worlds: the law true; sizes about 3e7 up to 1 % worse; an offset of 0.4 % per size; waves of 0.3 %
  along ln N and ln D, 1.5 decades long, with random phases. Deviations are zero at the target.
- Proposals: 12, 30, 60 and 100 % of the budget with a refit between, `Limits::of_budget` and
  `Spread::default` in every world; before the first there are only Hoffmann et al.'s coefficients.
- Candidates, also of the random designs: 6 sizes per decade, D/N from 1.25 to 320 in steps of 2, none
  above 30 % of the budget. Random: each once, as likely as any other; cost-weighted: by 1/hours.
- Grids: even sizes from 1e7, D/N from 2.5 to 160. isoFLOP: 5 levels of compute over three decades
  (fewer where sizes would be below 1e7) with 7 sizes over a factor of 16 about the true optimum, or
  about 3 times that. \"Any size\" keeps the three decades with sizes below 1e7, down to 1e6 and
  less at small budgets, which nobody else has. All as large as the budget pays for.
- All designs are fitted by least squares of ln loss. The error of a design is what 68 % of {replicates}
  replicates do not exceed, made to fall with the budget by averaging neighbours that do not.
- A ratio is the hours at which the rival's error, interpolated between 16 budgets from 18 to 100,000
  h, is ours, over our hours: above 1 we need fewer. Where it never is, or later, {NEVER} is counted;
  where it is at 18 h already, 18 h are.
- Settled after first results were seen: grids begin at 1e7 (at a thirtieth of their largest size they
  did worse), isoFLOP spans three decades (two did worse) and is shown with and without the smallest
  size (without, it does better), noise belongs to a place and not to a run's number. The worlds and
  the defaults of proposals are those of the first run; fourteen other slot prices, limits, shares and
  spreads, at 60 to 100 replicates, were not better beyond their scatter."
    );
}

fn cells(studies: &Studies) -> impl Iterator<Item = (&'static str, &Cell)> {
    studies.iter().flat_map(|(world, study)| study.cells.iter().map(|cell| (*world, cell)))
}

fn summary(studies: &Studies) {
    println!("\n## Geometric means over worlds and budgets\n");
    println!("| rival | loss | size | both |\n|---|---:|---:|---:|");
    for rival in Rival::ALL {
        let mean = |aims: &[Aim]| {
            let own = cells(studies).filter(|(_, c)| c.rival == rival && aims.contains(&c.aim));
            geometric_mean(own.flat_map(|(_, cell)| cell.ratios.iter().copied()))
        };
        let [loss, size, both] = [mean(&[Aim::Loss]), mean(&[Aim::Size]), mean(&Aim::ALL)];
        println!("| {} | {loss:.2} | {size:.2} | {both:.2} |", design(rival));
    }
    println!("\nAims: 2 or more against the grids, 3 or more against random and isoFLOP.\n");
    let low: Vec<String> = cells(studies)
        .map(|(world, cell)| (world, cell, geometric_mean(cell.ratios.iter().copied())))
        .filter(|(.., mean)| *mean < LEAST)
        .map(|(world, cell, mean)| {
            format!("{} of {} in \"{}\" {mean:.2}", design(cell.rival), target(cell.aim), world)
        })
        .collect();
    let all = cells(studies).count();
    let single: Vec<f64> = cells(studies).flat_map(|(_, cell)| cell.ratios.clone()).collect();
    let low_n = single.iter().filter(|ratio| **ratio < LEAST).count();
    println!(
        "Cells (world, rival and target, mean over budgets) below {LEAST}: {} of {all}{}{}.\nSingle \
         budgets below {LEAST}: {low_n} of {}, in **bold** below.",
        low.len(),
        if low.is_empty() { "" } else { ": " },
        low.join("; "),
        single.len(),
    );
}

fn ratios(studies: &Studies, aim: Aim) {
    println!("\n## Hours for equal precision of the {}, over ours\n", target(aim));
    let heads: Vec<String> = budgets_hours().iter().map(|b| format!("{b:.0} h")).collect();
    println!("| world | rival | {} | mean |", heads.join(" | "));
    println!("|---|---|{}---:|", "---:|".repeat(heads.len()));
    for (world, cell) in cells(studies).filter(|(_, cell)| cell.aim == aim) {
        let show = |ratio: &f64| match *ratio {
            ratio if ratio >= NEVER => format!(">= {NEVER:.0}"),
            ratio if ratio < LEAST => format!("**{ratio:.2}**"),
            ratio => format!("{ratio:.2}"),
        };
        let row: Vec<String> = cell.ratios.iter().map(show).collect();
        let mean = geometric_mean(cell.ratios.iter().copied());
        println!("| {} | {} | {} | {mean:.2} |", world, design(cell.rival), row.join(" | "));
    }
}

fn errors(studies: &Studies) {
    println!("\n## Our errors, in logarithms\n");
    let heads: Vec<String> = budgets_hours().iter().map(|b| format!("{b:.0} h")).collect();
    println!("| world | target | {} |", heads.join(" | "));
    println!("|---|---|{}", "---:|".repeat(heads.len()));
    for (world, study) in studies {
        for (aim, errors) in Aim::ALL.into_iter().zip(&study.own) {
            let row: Vec<String> = errors.iter().map(|error| format!("{error:.4}")).collect();
            println!("| {} | {} | {} |", world, target(aim), row.join(" | "));
        }
    }
}

/// Proposals that a median is of.
const REPEATS: usize = 21;

/// Median time of a proposal.
fn milliseconds(candidates_n: usize) -> f64 {
    let asked = question(candidates_n);
    let mut times = [0.0; REPEATS];
    for time in &mut times {
        let start = Instant::now();
        let proposal = propose(&asked.state, &asked.space, &asked.target, &asked.limits);
        *time = 1e3 * start.elapsed().as_secs_f64();
        assert!(proposal.is_ok_and(|proposal| !proposal.runs.is_empty()));
    }
    times.sort_by(f64::total_cmp);
    times[REPEATS / 2]
}

fn times(measured: &[(usize, f64)]) {
    let about = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = about.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, name)| name);
    println!(
        "\n## Time of a proposal\n\nMedian of {REPEATS}, one thread of {model}; 25 runs measured, \
         7 draws.\n"
    );
    println!("| candidates | ms |\n|---:|---:|");
    for (candidates_n, time) in measured {
        println!("| {candidates_n} | {time:.1} |");
    }
}
