//! MLPs that see some groups of hidden dimensions, in plain tensor operations: what
//! `sweep_kernels::HiddenGroups` computes.

use candle_core::{D, Tensor};
use sweep_kernels::{HiddenGroups, Mlp};

use super::compose::{Layer, Parameters, add_more, two_layers};
use crate::error::Error;

/// The second half of a block, from the stream and what was normalised of it.
pub(super) fn mlp(
    mlp: &Mlp,
    groups: HiddenGroups,
    parameters: &Parameters<'_>,
    layers: &[Layer; 2],
    [x, normal]: [&Tensor; 2],
    more: &mut Option<Tensor>,
) -> Result<Tensor, Error> {
    let width = x.dim(D::Minus1)?;
    let tokens_n = x.elem_count() / width;
    let one = width / groups.count;
    let normal = normal.reshape((tokens_n, width))?;
    let logits = normal.matmul(parameters.get("router_w"))?;
    let affinities = logits.broadcast_sub(&logits.max_keepdim(1)?.detach())?.exp()?;
    let affinities = affinities.broadcast_div(&affinities.sum_keepdim(1)?)?;
    let active = chosen(groups, &affinities)?;
    balance(groups, &affinities, &active, more)?;

    // One of shared groups, R p of a chosen one, zero of the others: `[tokens, groups, 1]`.
    let ones = Tensor::ones((tokens_n, groups.shared), x.dtype(), x.device())?;
    let own = ((affinities * groups.routed() as f64)? * &active)?;
    let each = |routed: &Tensor| -> Result<Tensor, Error> {
        let all =
            if groups.shared == 0 { routed.clone() } else { Tensor::cat(&[&ones, routed], 1)? };
        Ok(all.unsqueeze(2)?)
    };
    let grouped = (tokens_n, groups.count, one);
    let read = normal.reshape(grouped)?.broadcast_mul(&each(&own)?)?;
    let read = (read * f64::from(groups.scaling()))?.reshape((tokens_n, width))?;
    let said = two_layers(mlp, &read, layers)?.reshape(grouped)?.broadcast_mul(&each(&active)?)?;
    // From groups to groups: F transposed, times rows of groups.
    let fusion = parameters.get("fusion_w").t()?.contiguous()?;
    let flat = said.transpose(0, 1)?.contiguous()?.reshape((groups.count, tokens_n * one))?;
    let fused = fusion.matmul(&flat)?.reshape((groups.count, tokens_n, one))?;
    let said = (said + fused.transpose(0, 1)?.contiguous()?)?;
    Ok((x + said.reshape(x.dims())?)?)
}

/// One where a group was chosen, `[tokens, routed]`.
fn chosen(groups: HiddenGroups, affinities: &Tensor) -> Result<Tensor, Error> {
    let (tokens_n, routed) = affinities.dims2()?;
    let mut choices = Vec::new();
    groups.choose(&affinities.flatten_all()?.to_vec1()?, &mut choices);
    let mut active = vec![0.0_f32; tokens_n * routed];
    for (place, choice) in choices.iter().enumerate() {
        active[place / groups.chosen() * routed + *choice as usize] = 1.0;
    }
    Ok(Tensor::from_vec(active, (tokens_n, routed), affinities.device())?)
}

/// `balance R sum_g f_g P_g`, f_g the share of choices and P_g the mean affinity of a group.
fn balance(
    groups: HiddenGroups,
    affinities: &Tensor,
    active: &Tensor,
    more: &mut Option<Tensor>,
) -> Result<(), Error> {
    let busy = (active.mean(0)? * (1.0 / groups.chosen() as f64))?;
    let weight = f64::from(groups.balance) * groups.routed() as f64;
    let imbalance = (affinities.mean(0)? * busy)?.sum_all()?;
    add_more(more, (imbalance * weight)?)
}
