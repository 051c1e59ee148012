//! What may not be asked of a finished model in few bits.

use super::Check;
use crate::spec::ArmSpec;
use crate::variant::{PostMethod, PostTraining};

pub(super) fn check(check: &mut Check, field: &str, arm: &ArmSpec) {
    let Some(PostTraining { weights, activations, methods, .. }) = &arm.post_training else {
        return;
    };
    let given = [
        ("quantization", arm.quantization.is_some()),
        ("sparsity", arm.sparsity.is_some()),
        ("experts", arm.experts.is_some()),
    ];
    for (key, _) in given.into_iter().filter(|(_, given)| *given) {
        let message =
            format!("a model trained with `{key}` is not held otherwise afterwards, expected none");
        check.wrong_with_hint(field, message, "compare it with an arm of its own");
    }
    let listed_twice = |index: usize| weights[..index].contains(&weights[index]);
    if weights.is_empty() {
        let message = "there is no format, expected at least one such as `[int4]`";
        check.wrong(format!("{field}.weights"), message);
    }
    for index in (0..weights.len()).filter(|index| listed_twice(*index)) {
        let message = format!("the format `{}` is listed twice", weights[index].as_str());
        check.wrong(format!("{field}.weights[{index}]"), message);
    }
    if methods.is_empty() {
        let message = "there is no method, expected at least one such as `[round]`";
        check.wrong(format!("{field}.methods"), message);
    }
    for (index, method) in methods.iter().enumerate() {
        let field = format!("{field}.methods[{index}]");
        if methods[..index].contains(method) {
            check.wrong(&field, format!("the method `{method}` is listed twice"));
        }
        let folds = matches!(method, PostMethod::LlmFp4 | PostMethod::OutlierTune);
        if folds && activations.is_none() {
            let message = format!("`{method}` is a method of activations, and there is no format");
            let hint = "for example `activations: int8`, or `fp4-e2m1` for `llm-fp4`";
            check.wrong_with_hint(&field, message, hint);
        }
        let mut formats = weights.iter().chain(activations);
        if *method == PostMethod::LlmFp4
            && let Some(integer) = formats.find(|format| format.is_integer())
        {
            let message = format!(
                "`llm-fp4` is of floating formats, and `{}` is none, expected `fp4-e2m1`, \
                 `fp8-e4m3` or `fp8-e5m2`",
                integer.as_str()
            );
            check.wrong(&field, message);
        }
    }
}
