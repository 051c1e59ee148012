//! Languini Kitchen: the steps that a compute class buys.

use sweep_core::class::ComputeClass;

use super::check::{Case, Check, Findings, Outcome, Trouble};
use super::rows::{Folder, number, text};

pub(crate) const STEPS: Case = Case {
    name: "languini-steps",
    numbers: &[1],
    title: "Steps of ten compute classes, from throughput",
    source: "Stanic et al., arXiv 2309.11197; repository languini-kitchen/languini-kitchen",
    run: steps,
};

fn steps(folder: &Folder) -> Outcome {
    let throughput =
        folder.read("languini/throughput.csv")?.of("device", "NVIDIA GeForce RTX 3090");
    let mut checks = Vec::new();
    for row in &folder.read("languini/data.csv")?.0 {
        let (variant, size) = (text(row, "variant")?, text(row, "size")?);
        let hours = number(row, "compute_class_hours")?;
        let of = format!("{variant} {size}, {hours} h");
        let measured = throughput.of("variant", variant).of("size", size);
        let measured = measured.0.iter().map(|row| number(row, "tokens_per_second"));
        let best = measured.filter_map(Result::ok).fold(0.0, f64::max);
        let class = ComputeClass::LANGUINI.into_iter().find(|class| class.hours() == hours);
        let class = class.ok_or_else(|| Trouble::Bad(format!("no class of {hours} h")))?;
        let (batch, sequence) = (number(row, "train_batch")?, number(row, "seq_len")?);
        let steps = class.steps(best, batch as u32, sequence as u32) as f64;
        let published = number(row, "tokens_per_second")?;
        checks.push(Check::within(format!("{of}: tokens per second"), published, best, 0.0));
        checks.push(Check::within(format!("{of}: steps"), number(row, "steps")?, steps, 0.0));
    }
    Ok(Findings::of(checks))
}
