//! What may not be asked of few bits.

use super::Check;
use crate::variant::{Freeze, NofM, Quantization, ScaleRule};

pub(super) fn check(
    check: &mut Check,
    field: &str,
    quantization: &Quantization,
    sparsity: Option<NofM>,
) {
    let Quantization { weights, activations, fc2_activations, scale, freeze, .. } = quantization;
    if weights.is_none() && activations.is_none() && fc2_activations.is_none() {
        let message = "nothing is quantized, expected `weights`, `activations` or both";
        let hint = "for example { weights: int4, activations: int4, group: 32 }";
        check.wrong_with_hint(field, message, hint);
    }
    let has_integers = weights.is_some_and(|format| format.is_integer());
    if *scale == ScaleRule::Statistics {
        let field = format!("{field}.scale");
        if !has_integers {
            let message = "`statistics` scales weights in integers, and there are none";
            check.wrong_with_hint(
                &field,
                message,
                "for example { weights: int4, scale: statistics }",
            );
        }
        if let Some(sparsity) = sparsity {
            let message = format!(
                "`statistics` has no level at zero, where {sparsity} sparsity puts weights, \
                 expected `absmax`, `searched` or `learned`"
            );
            check.wrong(&field, message);
        }
    }
    if let Some(Freeze { last, margin }) = freeze {
        if !has_integers {
            let message = "`freeze` holds weights in integers, and there are none";
            let hint = "for example { weights: int4, freeze: { last: 20 % } }";
            check.wrong_with_hint(format!("{field}.freeze"), message, hint);
        }
        if !(last.0 > 0.0 && last.0 <= 1.0) {
            let message = format!("{last} is out of range, expected more than 0 %, to 100 %");
            check.wrong(format!("{field}.freeze.last"), message);
        }
        if !(0.0..0.5).contains(margin) {
            let message = format!(
                "{margin} is out of range, expected 0 to less than 0.5 steps of the grid, for \
                 example 0.005"
            );
            check.wrong(format!("{field}.freeze.margin"), message);
        }
    }
}
