//! The GPT block.

use crate::check::{self, double, noise};
use crate::reference;
use sweep_kernels::{Dims, GptBlock, GptSaved, Mlp, Norm, Prefix, Queries, Scratch, Shape};

/// Attention width 8 on a stream of 6: the two need not be equal.
const NARROW: Shape =
    Shape { batch: 2, sequence: 5, width: 6, heads_n: 2, head_width: 4, mlp_width: 10 };
/// More rows than one query block, and no multiple of any vector width.
const LONG: Shape =
    Shape { batch: 1, sequence: 67, width: 3, heads_n: 1, head_width: 2, mlp_width: 5 };
/// The size of the benchmark, three query blocks long.
const WIDE: Shape =
    Shape { batch: 2, sequence: 130, width: 64, heads_n: 4, head_width: 16, mlp_width: 256 };

fn forward(block: &GptBlock, params: &[f32], x: &[f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    block.forward(params, x, &mut y, &mut GptSaved::default(), &mut Scratch::default());
    y
}

fn backward(block: &GptBlock, params: &[f32], x: &[f32], dy: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let (mut saved, mut scratch) = (GptSaved::default(), Scratch::default());
    let mut y = vec![0.0; x.len()];
    block.forward(params, x, &mut y, &mut saved, &mut scratch);
    // Whatever lay in the outputs must not matter.
    let (mut dx, mut dparams) = (vec![f32::NAN; x.len()], vec![f32::NAN; params.len()]);
    block.backward(params, x, dy, &mut dx, &mut dparams, &mut saved, &mut scratch);
    (dx, dparams)
}

#[test]
fn the_flat_slice_holds_the_parameters_in_the_agreed_order() {
    let layout = GptBlock::plain(NARROW, true).layout();
    let names: Vec<_> = layout.params().iter().map(|param| param.name).collect();
    assert_eq!(
        names.join(" "),
        "ln1_gain ln1_bias qkv_w qkv_b proj_w proj_b ln2_gain ln2_bias fc_w fc_b out_w out_b"
    );
    let qkv = layout.get("qkv_w").unwrap();
    assert_eq!((qkv.offset, qkv.dims), (12, Dims::Matrix { inputs: 6, outputs: 24 }));
    assert_eq!(qkv.dims.to_vec(), [6, 24]);
    let mut end = 0;
    for param in layout.params() {
        assert_eq!(param.offset, end, "{} leaves a gap", param.name);
        end = param.range().end;
    }
    assert_eq!(layout.len(), end);
    assert_eq!(end, 12 + (144 + 24) + (48 + 6) + 12 + (60 + 10) + (60 + 6));
}

/// The baselines, and every switch of modern models.
fn blocks(shape: Shape) -> Vec<GptBlock> {
    let (plain, rms) = (GptBlock::plain(shape, false), Mlp { norm: Norm::Rms, ..Mlp::default() });
    let with = |normed, rotary| GptBlock { queries: Queries { normed, rotary }, ..plain };
    let modern = GptBlock { mlp: rms, ..with(true, true) };
    let alibi = GptBlock { alibi: true, ..plain };
    // A stream of each sequence; the prefix of more keys than one column of padding holds.
    let prefix = |len| Some(Prefix { streams_n: shape.batch, len });
    vec![
        plain,
        alibi,
        GptBlock { mlp: rms, ..plain },
        with(true, false),
        with(false, true),
        modern,
        GptBlock { prefix: prefix(3), ..alibi },
        GptBlock { prefix: prefix(17), ..modern },
    ]
}

#[test]
fn forward_is_the_formula() {
    for shape in [NARROW, LONG, WIDE] {
        for block in blocks(shape) {
            let params = check::params(&block.layout(), 1);
            let x = noise(shape.tokens_n() * shape.width, 1.0, 2);
            let want = reference::gpt(&block, &double(&params), &double(&x));
            check::close("y", &forward(&block, &params, &x), &want);
        }
    }
}

#[test]
fn backward_is_the_gradient() {
    for shape in [NARROW, LONG] {
        for block in blocks(shape) {
            let params = check::params(&block.layout(), 3);
            let x = noise(shape.tokens_n() * shape.width, 1.0, 4);
            let dy = noise(x.len(), 1.0, 5);
            let (dx, dparams) = backward(&block, &params, &x, &dy);
            let (dy, wide_x, wide_params) = (double(&dy), double(&x), double(&params));
            let loss =
                |params: &[f64], x: &[f64]| check::dot(&reference::gpt(&block, params, x), &dy);
            check::gradient("dx", &dx, &x, |x| loss(&wide_params, x));
            check::gradient("dparams", &dparams, &params, |params| loss(params, &wide_x));
        }
    }
}

/// Two sequences of each of two streams: a prefix is that of its stream.
#[test]
fn sequences_of_a_stream_share_a_prefix() {
    let shape = Shape { batch: 4, ..NARROW };
    let block =
        GptBlock { prefix: Some(Prefix { streams_n: 2, len: 3 }), ..GptBlock::plain(shape, true) };
    let params = check::params(&block.layout(), 1);
    let len = NARROW.sequence * NARROW.width;
    let x = noise(len, 1.0, 2).repeat(4);
    let y = forward(&block, &params, &x);
    assert_eq!(y[..len], y[len..2 * len]);
    assert_eq!(y[2 * len..3 * len], y[3 * len..]);
    assert_ne!(y[..len], y[2 * len..3 * len]);
    let (_, dparams) = backward(&block, &params, &x, &noise(4 * len, 1.0, 3));
    let dy = double(&noise(4 * len, 1.0, 3));
    let loss = |params: &[f64]| check::dot(&reference::gpt(&block, params, &double(&x)), &dy);
    check::gradient("dparams", &dparams, &params, loss);
}

#[test]
fn a_token_is_not_told_of_later_ones() {
    let block = GptBlock::plain(WIDE, true);
    let params = check::params(&block.layout(), 6);
    let mut x = noise(WIDE.tokens_n() * WIDE.width, 1.0, 7);
    let before = forward(&block, &params, &x);
    let changed = 100 * WIDE.width;
    x[changed] += 1.0;
    let after = forward(&block, &params, &x);
    assert_eq!(before[..changed], after[..changed], "the past changed");
    let second = WIDE.sequence * WIDE.width;
    assert_ne!(before[second - WIDE.width..second], after[second - WIDE.width..second]);
    assert_eq!(before[second..], after[second..], "the other sequence changed");
}

#[test]
fn only_alibi_knows_the_order_of_the_past() {
    let x = noise(NARROW.tokens_n() * NARROW.width, 1.0, 8);
    let mut swapped = x.clone();
    let (first, rest) = swapped.split_at_mut(NARROW.width);
    first.swap_with_slice(&mut rest[..NARROW.width]);
    let last = 4 * NARROW.width..5 * NARROW.width;
    for alibi in [false, true] {
        let block = GptBlock::plain(NARROW, alibi);
        let params = check::params(&block.layout(), 9);
        let y = forward(&block, &params, &x)[last.clone()].to_vec();
        let y_swapped = forward(&block, &params, &swapped)[last.clone()].to_vec();
        let change = y.iter().zip(&y_swapped).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert_eq!(change > 1e-4, alibi, "changed by {change}");
    }
}

#[test]
fn a_block_whose_branches_end_in_zero_passes_everything_through() {
    let block = GptBlock::plain(NARROW, true);
    let layout = block.layout();
    let mut params = check::params(&layout, 10);
    for name in ["proj_w", "proj_b", "out_w", "out_b"] {
        params[layout.get(name).unwrap().range()].fill(0.0);
    }
    let x = noise(NARROW.tokens_n() * NARROW.width, 1.0, 11);
    let dy = noise(x.len(), 1.0, 12);
    assert_eq!(forward(&block, &params, &x), x);
    assert_eq!(backward(&block, &params, &x, &dy).0, dy);
}
