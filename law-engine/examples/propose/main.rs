//! Hours that other designs need for the precision that proposals reach: the tables of
//! docs/propose.md.
//!
//!     cargo run --release -p law-engine --example propose -- [REPLICATES] > docs/propose.md

#![expect(clippy::print_stdout, reason = "its output is the table")]

mod designs;
mod hours;
mod world;

use designs::{Aim, Rival, proposed};
use hours::{budgets, error_68, geometric_mean, ratios};
use world::{World, errors};

fn main() {
    let replicates = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(60);
    let (ours, rivals) = (budgets(1.5, 4.0, 2.0), budgets(1.25, 5.0, 4.0));
    let mut all: Vec<(World, Aim, Rival, Vec<f64>)> = Vec::new();
    for world in World::ALL {
        let own = |aim: Aim, budget: f64| {
            let error = |r: u64| errors(world, &proposed(world, aim, budget, r), r)[aim as usize];
            error_68((0..replicates).map(error).collect())
        };
        let owns = Aim::ALL.map(|aim| ours.iter().map(|b| own(aim, *b)).collect::<Vec<f64>>());
        for aim in Aim::ALL {
            let mut k = vec![];
            let mut mx = vec![];
            for b in &ours {
                let r = proposed(world, aim, *b, 0);
                k.push(r.len());
                mx.push(r.iter().map(|x| world::hours(*x)).fold(0.0, f64::max) / b);
            }
            eprintln!("runs {k:?} largest {mx:.2?}");
        }
        eprintln!("{} {owns:.4?}", world.name());
        for rival in Rival::ALL {
            let curve: Vec<[f64; 2]> = rivals
                .iter()
                .map(|b| {
                    let each: Vec<[f64; 2]> = (0..replicates)
                        .map(|r| {
                            rival
                                .runs(*b, r)
                                .map_or([f64::INFINITY; 2], |runs| errors(world, &runs, r))
                        })
                        .collect();
                    [0, 1].map(|i| error_68(each.iter().map(|e| e[i]).collect()))
                })
                .collect();
            for aim in Aim::ALL {
                let theirs: Vec<f64> = curve.iter().map(|e| e[aim as usize]).collect();
                if aim == Aim::Loss && world == World::Law {
                    eprintln!(
                        "runs {:?}",
                        rivals
                            .iter()
                            .map(|b| rival.runs(*b, 0).map_or(0, |r| r.len()))
                            .collect::<Vec<_>>()
                    );
                }
                eprintln!("   {} {} {theirs:.4?}", rival.name(), aim.name());
                let ratios = ratios((&ours, &owns[aim as usize]), (&rivals, &theirs));
                all.push((world, aim, rival, ratios));
            }
        }
    }
    for aim in Aim::ALL {
        for world in World::ALL {
            for (w, a, rival, ratios) in &all {
                if *w == world && *a == aim {
                    println!("{} {} {} {ratios:.2?}", aim.name(), world.name(), rival.name());
                }
            }
        }
        for rival in Rival::ALL {
            let of = all.iter().filter(|(_, a, r, _)| *a == aim && *r == rival);
            println!(
                "{} {} mean {:.2}",
                aim.name(),
                rival.name(),
                geometric_mean(of.flat_map(|(.., r)| r.clone()))
            );
        }
    }
}
