//! What published coefficients must give: no rows are needed, and nothing is fitted.
//!
//! The expected figures are those of the papers, or of a second implementation of the same equation
//! where a paper prints none; each case says which.

use super::check::{Case, Check, Findings, Outcome, Trouble};
use super::rows::Folder;
use super::{law, published};

pub(crate) const KAPLAN: Case = Case {
    name: "kaplan-constants",
    numbers: &[16],
    title: "Kaplan's laws at their published constants",
    source: "Kaplan et al., arXiv 2001.08361, tables 2 and 3; figures by a second implementation",
    run: kaplan,
};

pub(crate) const REPEATED: Case = Case {
    name: "data-constrained",
    numbers: &[6],
    title: "Two models of one budget on repeated data",
    source: "Muennighoff et al., arXiv 2305.16264; figures by repository huggingface/datablations",
    run: repeated,
};

pub(crate) const STEP_LAW: Case = Case {
    name: "step-law",
    numbers: &[12],
    title: "Best learning rate and batch of 7B parameters on 1.4T tokens",
    source: "Li et al., arXiv 2503.04715; coefficients are means of the 1,000 bootstrap fits of \
             repository step-law/steplaw, figures by a second implementation",
    run: step_law,
};

pub(crate) const QUANTISED: Case = Case {
    name: "quantised-training",
    numbers: &[13],
    title: "Excess loss of quantisation-aware training",
    source: "arXiv 2505.14302, coefficients and ratios R of its tables; excesses by a second \
             implementation",
    run: quantised,
};

pub(crate) const SPARSITY: Case = Case {
    name: "activation-sparsity",
    numbers: &[14],
    title: "Ratio of active neurons over tokens, percent",
    source: "Luo et al., arXiv 2411.02335; figures by a second implementation",
    run: sparsity,
};

pub(crate) const GRANULAR: Case = Case {
    name: "granular-experts",
    numbers: &[15],
    title: "Loss of compute-optimal mixtures of fine-grained experts",
    source: "Krajewski et al., arXiv 2402.07871, equation 9 and table 2; the bound is what the \
             rounding of the printed coefficients costs",
    run: granular,
};

/// The response of a published fit.
fn of(name: &str, label: &str, x: &[f64]) -> Result<f64, Trouble> {
    Ok(law(name)?.predict(published(name, label)?.coefficients, x))
}

fn kaplan(_: &Folder) -> Outcome {
    let size = |n: f64| of("kaplan-n", "WebText2", &[n]);
    let mut checks = vec![
        Check::within("L of N = 1e9", 2.3756, size(1e9)?, 1e-4),
        Check::within("L of D = 22e9", 2.0992, of("kaplan-d", "WebText2", &[22e9])?, 1e-4),
        Check::within("L of C = 1 PF-day", 2.6581, of("kaplan-c", "WebText2", &[8.64e19])?, 1e-4),
        Check::within("L of 2 N over L of N", 0.949, size(2e9)? / size(1e9)?, 5e-4),
    ];
    for (loss, published) in [(3.0, 1.07e6), (2.5, 2.55e6)] {
        let what = format!("critical batch at a loss of {loss}, tokens");
        checks.push(Check::relative(what, published, critical_batch(loss)?, 5e-3));
    }
    let batch = f64::from(1 << 19);
    for (n, steps, published) in [(1e8, 1e4, 3.3575), (1e8, 2.5e5, 2.8715), (1e9, 2.5e5, 2.4546)] {
        let what = format!("L of N = {n:e}, B = 2^19 tokens, S = {steps:e}");
        let found = of("trajectory-nsb", "Kaplan et al.", &[n, batch, steps])?;
        checks.push(Check::within(what, published, found, 5e-5));
    }
    Ok(Findings::of(checks))
}

/// The critical batch as the law of trajectories has it: the batch at which a loss takes twice the
/// steps that it takes at an unlimited one.
fn critical_batch(loss: f64) -> Result<f64, Trouble> {
    // Large enough for both losses, and any batch gives the same answer.
    let (n, batch, unlimited) = (1e10, 1e6, 1e30);
    let steps = |batch: f64| {
        let (mut few, mut many) = (1.0_f64, 1e12_f64);
        for _ in 0..100 {
            let middle = (few * many).sqrt();
            let at = of("trajectory-nsb", "Kaplan et al.", &[n, batch, middle])?;
            if at > loss { few = middle } else { many = middle }
        }
        Ok::<f64, Trouble>((few * many).sqrt())
    };
    Ok(batch * (steps(batch)? / steps(unlimited)? - 1.0))
}

fn repeated(_: &Folder) -> Outcome {
    let small = of("data-constrained", "C4", &[6.34e9, 242e9, 25e9])?;
    let large = of("data-constrained", "C4", &[8.67e9, 178e9, 25e9])?;
    let digits = 1e-12;
    Ok(Findings::of(vec![
        Check::within("L of 6.34e9 on 242e9, 25e9 unique", 2.225_644_088_998_447_7, small, digits),
        Check::within("L of 8.67e9 on 178e9, 25e9 unique", 2.226_963_407_508_786_7, large, digits),
        Check::at_most(
            "the smaller model is the better one: its loss over the other's",
            1.0,
            small / large,
            0.0,
        ),
    ]))
}

fn step_law(_: &Folder) -> Outcome {
    let label = "dense, mean of 1,000 bootstrap fits";
    let (rate, batch) = (of("opt-lr", label, &[7e9, 1.4e12])?, of("opt-batch", label, &[1.4e12])?);
    let rounded_rate = law("opt-lr")?.predict(&[1.79, -0.713, 0.307], &[1e9, 1e11]);
    let rounded_batch = law("opt-batch")?.predict(&[0.58, 0.571], &[1e11]);
    Ok(Findings::of(vec![
        Check::relative("learning rate", 9.347e-4, rate, 1e-3),
        Check::relative("batch, tokens", 4.997e6, batch, 1e-3),
        Check::relative(
            "learning rate, 1B on 100B, rounded coefficients",
            1.632e-3,
            rounded_rate,
            1e-3,
        ),
        Check::relative("batch, 100B, rounded coefficients", 1.108e6, rounded_batch, 1e-3),
    ]))
}

fn quantised(_: &Folder) -> Outcome {
    let (n, d) = (595e6, 100e9);
    let excess = |setting: &str, d: f64, group: f64| of("qat-error", setting, &[n, d, group]);
    let mut checks = Vec::new();
    for (group, published) in [(32.0, 0.04409), (128.0, 0.05728), (256.0, 0.06355)] {
        let what = format!("W4A4, 595M on 100B, groups of {group}");
        checks.push(Check::within(what, published, excess("W4A4", d, group)?, 1e-5));
    }
    let parts = 0.906 * (excess("W4A16", d, 128.0)? + excess("W16A4", d, 128.0)?);
    checks.push(Check::within(
        "0.906 of weights' and activations' excess, 128",
        0.05522,
        parts,
        1e-5,
    ));
    let what = "the same against W4A4 as a whole";
    checks.push(Check::relative(what, excess("W4A4", d, 128.0)?, parts, 0.04));
    for (per_parameter, group, published) in
        [(100.0, 32.0, 1.67), (1e3, 32.0, 1.20), (1e3, 256.0, 1.62)]
    {
        let d = per_parameter * n;
        let ratio = excess("W16A4", d, group)? / excess("W4A16", d, group)?;
        let what = format!("R, 595M at D/N = {per_parameter}, groups of {group}");
        checks.push(Check::within(what, published, ratio, 0.05));
    }
    let small = of("qat-error", "W4A4", &[74e6, d, 32.0])?;
    let saved = 100.0 * (1.0 - excess("W4A4", d, 32.0)? / small);
    checks.push(Check::within("fall of the excess from 74M to 595M, %", 36.6, saved, 0.1));
    let more = 100.0 * (excess("W4A4", 1e11, 32.0)? / excess("W4A4", 1e10, 32.0)? - 1.0);
    checks.push(Check::within("rise of the excess from 10B to 100B tokens, %", 18.7, more, 0.1));
    Ok(Findings::of(checks))
}

fn sparsity(_: &Folder) -> Outcome {
    let mut checks = Vec::new();
    for (name, size, d, published) in [
        ("relu-logspace-power", "2.4B", 10e9, 9.606),
        ("relu-logspace-power", "2.4B", 100e9, 9.108),
        ("relu-logspace-power", "2.4B", 800e9, 6.522),
        ("relu-logspace-power", "0.8B", 300e9, 7.453),
        ("silu-power", "0.8B", 100e9, 37.725),
    ] {
        let what = format!("{name}, {size}, {}B tokens", d / 1e9);
        checks.push(Check::within(what, published, 100.0 * of(name, size, &[d])?, 1e-3));
    }
    Ok(Findings::of(checks))
}

fn granular(_: &Folder) -> Outcome {
    let mut checks = Vec::new();
    for (active, tokens, granularity, loss, rounded) in [
        (100e6, 4.37e9, 8.0, 3.133, 3.110),
        (1e9, 28.94e9, 16.0, 2.491, 2.471),
        (3e9, 72.90e9, 16.0, 2.245, 2.226),
        (7e9, 137.60e9, 32.0, 2.076, 2.060),
        (70e9, 941.07e9, 32.0, 1.694, 1.680),
        (300e9, 2.96e12, 64.0, 1.503, 1.490),
        (1e12, 7.94e12, 64.0, 1.367, 1.356),
    ] {
        // The law counts all parameters: 43 times the active ones at 64 experts.
        let x = [43.0 * active, tokens, granularity];
        let found = of("moe-granular", "mixture of experts", &x)?;
        let what = format!("{}B active", active / 1e9);
        checks.push(Check::within(what.clone(), loss, found, 0.025));
        let what = format!("{what}, by another implementation with the same coefficients");
        checks.push(Check::within(what, rounded, found, 5.5e-4));
    }
    Ok(Findings::of(checks))
}
