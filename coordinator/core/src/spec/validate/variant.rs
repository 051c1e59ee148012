//! What may not be asked of an arm's model.

use super::{Check, post_training, quantization};
use crate::spec::ArmSpec;
use crate::variant::{
    Activation, Experts, Family, HiddenGroups, LossWeight, NofM, Position, Rise, Streams,
};

const EXPERTS_MAX: u32 = 4096;
const STREAMS_MAX: u32 = 64;
const PREFIX_MAX: u32 = 4096;
const GROUPS_MAX: u32 = 1024;

pub(super) fn check(check: &mut Check, field: &str, arm: &ArmSpec) {
    if let Some(quantization) = &arm.quantization {
        quantization::check(check, &format!("{field}.quantization"), quantization, arm.sparsity);
    }
    check_modern(check, field, arm);
    if let Some(streams) = &arm.streams {
        check_streams(check, &format!("{field}.streams"), streams, arm.family);
    }
    check_activation_ratio(check, &format!("{field}.activationRatio"), arm);
    post_training::check(check, &format!("{field}.postTraining"), arm);
    // A size that is none has been said so.
    let widths = || {
        arm.sizes.iter().filter_map(|size| match (size.named, size.width) {
            (None, Some(width)) if width > 0 => Some(width),
            _ => None,
        })
    };
    if let Some(NofM { of, .. }) = arm.sparsity {
        for width in widths().filter(|width| !width.is_multiple_of(of)) {
            let message = format!("groups of {of} weights do not divide the width {width}");
            check.wrong(format!("{field}.sparsity"), message);
        }
        let latent = arm.experts.as_ref().and_then(|experts| experts.latent);
        if let Some(latent) = latent.filter(|latent| !latent.is_multiple_of(of)) {
            let message =
                format!("groups of {of} weights do not divide the {latent} inputs of experts");
            check.wrong(format!("{field}.sparsity"), message);
        }
    }
    if let Some(experts) = &arm.experts {
        check_experts(check, &format!("{field}.experts"), experts, widths());
    }
    if let Some(groups) = &arm.hidden_groups {
        check_groups(check, &format!("{field}.hiddenGroups"), groups, arm, widths());
    }
}

fn check_activation_ratio(check: &mut Check, field: &str, arm: &ArmSpec) {
    let Some(Rise(rise)) = arm.activation_ratio else { return };
    if !(rise.0 > 0.0 && rise.0 <= 1.0) {
        let message = format!("{rise} is out of range, expected more than 0 %, for example 1 %");
        check.wrong(field, message);
    }
    if arm.activation == Activation::Gelu {
        let message =
            "hidden units of `gelu` are not looked at, expected `activation: relu` or `silu`";
        check.wrong(field, message);
    }
    if arm.experts.is_some() {
        check.wrong(field, "hidden units of experts are not looked at, expected a dense MLP");
    }
}

fn check_modern(check: &mut Check, field: &str, arm: &ArmSpec) {
    if let Some(family) = arm.family
        && family.is_recurrent()
        && arm.qk_norm
    {
        let message =
            format!("a model of family `{family}` has no queries and keys, expected `family: gpt`");
        check.wrong(format!("{field}.qkNorm"), message);
    }
    if let Some(LossWeight(weight)) = arm.z_loss
        && !(0.0..=1.0).contains(&weight)
    {
        let message = format!("{weight} is out of range, expected 0 to 1, for example 1e-4");
        check.wrong(format!("{field}.zLoss"), message);
    }
    if arm.position != Some(Position::Rotary) {
        return;
    }
    for (index, size) in arm.sizes.iter().enumerate() {
        let Some(width) = size.width else { continue };
        let heads = size.heads.unwrap_or_else(|| crate::spec::size::default_heads(width));
        let head_width = width.checked_div(heads).unwrap_or_default();
        if !head_width.is_multiple_of(2) {
            let message = format!(
                "rotary positions turn pairs of channels, and a head of {head_width} has an odd one"
            );
            let hint = "choose heads of even width, or `position: alibi`";
            check.wrong_with_hint(format!("{field}.sizes[{index}]"), message, hint);
        }
    }
}

fn check_experts(
    check: &mut Check,
    field: &str,
    experts: &Experts,
    widths: impl Iterator<Item = u32>,
) {
    let Experts { count, top_k, balance, latent, .. } = experts;
    if !(1..=EXPERTS_MAX).contains(count) {
        let message = format!("{count} experts are out of range, expected 1 to {EXPERTS_MAX}");
        check.wrong(format!("{field}.count"), message);
    } else if !(1..=*count).contains(top_k) {
        let message =
            format!("a token cannot see {top_k} of {count} experts, expected 1 to {count}");
        check.wrong(format!("{field}.topK"), message);
    }
    if !balance.is_finite() || *balance < 0.0 {
        let message = format!("{balance} is out of range, expected a number such as 0.01, or 0");
        check.wrong(format!("{field}.balance"), message);
    }
    if *latent == Some(0) {
        let message = "a space of no width holds nothing, expected a number such as `32`";
        check.wrong(format!("{field}.latent"), message);
    }
    let granularity = experts.granularity();
    for width in widths {
        if latent.is_some_and(|latent| latent > width) {
            let message = format!("the space of experts is wider than the stream, {width}");
            check.wrong(format!("{field}.latent"), message);
        }
        let mlp = width.saturating_mul(crate::spec::size::MLP_RATIO);
        if granularity == 0 || !mlp.is_multiple_of(granularity) {
            let message = format!(
                "an MLP of {mlp} hidden units cannot be cut into experts {granularity} times \
                 narrower"
            );
            check.wrong(format!("{field}.granularity"), message);
        }
    }
}

fn check_groups(
    check: &mut Check,
    field: &str,
    groups: &HiddenGroups,
    arm: &ArmSpec,
    widths: impl Iterator<Item = u32>,
) {
    let HiddenGroups { count, active, shared, balance } = groups;
    if !(1..=GROUPS_MAX).contains(count) {
        let message = format!("{count} groups are out of range, expected 1 to {GROUPS_MAX}");
        check.wrong(format!("{field}.count"), message);
        return;
    }
    if !(1..=*count).contains(active) {
        let message =
            format!("a token cannot have {active} of {count} groups, expected 1 to {count}");
        check.wrong(format!("{field}.active"), message);
    } else if active < count && shared >= active {
        let message = format!(
            "{shared} shared groups leave none of {active} to be chosen, expected fewer than \
             {active}"
        );
        check.wrong(format!("{field}.shared"), message);
    }
    if !balance.is_finite() || *balance < 0.0 {
        let message = format!("{balance} is out of range, expected a number such as 0.01, or 0");
        check.wrong(format!("{field}.balance"), message);
    }
    for width in widths.filter(|width| !width.is_multiple_of(*count)) {
        let message = format!("{count} groups do not divide the width {width}");
        check.wrong(format!("{field}.count"), message);
    }
    let given =
        [("experts", arm.experts.is_some()), ("activationRatio", arm.activation_ratio.is_some())];
    for (key, _) in given.into_iter().filter(|(_, given)| *given) {
        let message = format!("groups of dimensions do not go with `{key}`, expected one of both");
        check.wrong(field, message);
    }
}

fn check_streams(check: &mut Check, field: &str, streams: &Streams, family: Option<Family>) {
    let Streams { count, prefix, smoothing } = streams;
    if let Some(family) = family.filter(|family| family.is_recurrent()) {
        let message = format!(
            "a model of family `{family}` has no attention to begin behind a prefix, expected \
             `family: gpt`"
        );
        check.wrong(field, message);
    }
    if !(1..=STREAMS_MAX).contains(count) {
        let message = format!("{count} streams are out of range, expected 1 to {STREAMS_MAX}");
        check.wrong(format!("{field}.count"), message);
    }
    if !(1..=PREFIX_MAX).contains(prefix) {
        let message = format!(
            "a prefix of {prefix} keys is out of range, expected 1 to {PREFIX_MAX}: streams differ \
             by nothing else"
        );
        check.wrong(format!("{field}.prefix"), message);
    }
    if !(0.0..1.0).contains(smoothing) {
        let message =
            format!("{smoothing} is out of range, expected 0 to less than 1, for example 0.1");
        check.wrong(format!("{field}.smoothing"), message);
    }
}
