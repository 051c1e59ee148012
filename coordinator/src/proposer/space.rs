//! The compute classes that could be run. Pure.

use std::collections::BTreeSet;

use sweep_core::class::ComputeClass;
use sweep_core::units::AcceleratorTime;

/// Classes beyond the largest, to an octave of accelerator time.
const STEPS_PER_OCTAVE: f64 = 2.0;

/// Those of the plan, and larger ones up to what `affordable` pays for, two to each doubling.
pub(super) fn classes(
    planned: &BTreeSet<ComputeClass>,
    affordable: AcceleratorTime,
) -> Vec<ComputeClass> {
    let mut classes: BTreeSet<ComputeClass> = planned.clone();
    if let Some(largest) = planned.last() {
        for step in 1.. {
            let factor = (f64::from(step) / STEPS_PER_OCTAVE).exp2();
            let time = rounded(largest.time().scaled(factor));
            if time > affordable {
                break;
            }
            classes.insert(ComputeClass::new(time));
        }
    }
    classes.retain(|class| class.time() <= affordable);
    classes.into_iter().collect()
}

/// To two digits of the unit that a person would choose.
fn rounded(time: AcceleratorTime) -> AcceleratorTime {
    const SECOND: u64 = 1000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    let ms = time.ms();
    let unit = match ms {
        0..SECOND => 1,
        SECOND..120_000 => SECOND,
        120_000..7_200_000 => MINUTE,
        _ => HOUR,
    };
    let value = ms as f64 / unit as f64;
    let digit = 10f64.powf(value.log10().floor() - 1.0);
    AcceleratorTime::from_ms(((value / digit).round() * digit * unit as f64).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(planned: &[&str], affordable: &str) -> Vec<String> {
        let class = |text: &&str| ComputeClass::new(text.parse().unwrap());
        let planned = planned.iter().map(class).collect();
        let classes = classes(&planned, affordable.parse().unwrap());
        classes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn classes_go_on_beyond_the_largest_in_round_steps() {
        let found = printed(&["6h", "96h"], "400h");
        assert_eq!(found, ["6 h", "96 h", "140 h", "190 h", "270 h", "380 h"]);
        assert_eq!(printed(&["5s", "20s"], "90s"), ["5 s", "20 s", "28 s", "40 s", "57 s", "80 s"]);
    }

    #[test]
    fn what_cannot_be_paid_is_left_out() {
        assert_eq!(printed(&["6h", "96h"], "10h"), ["6 h"]);
        assert!(printed(&["6h"], "1h").is_empty());
        assert!(printed(&[], "1h").is_empty());
    }
}
