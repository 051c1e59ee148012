//! The LSTM block.

use crate::check::{self, double, noise};
use crate::reference;
use sweep_kernels::{LstmBlock, LstmSaved, Scratch, Shape};

/// 8 channels on a stream of 6: the two need not be equal.
const NARROW: Shape =
    Shape { batch: 2, sequence: 6, width: 6, heads_n: 2, head_width: 4, mlp_width: 10 };
const WIDE: Shape =
    Shape { batch: 3, sequence: 70, width: 64, heads_n: 4, head_width: 16, mlp_width: 256 };

fn forward(block: &LstmBlock, params: &[f32], x: &[f32], state: &mut [f32]) -> Vec<f32> {
    let mut y = vec![0.0; x.len()];
    block.forward(params, x, state, &mut y, &mut LstmSaved::default(), &mut Scratch::default());
    y
}

#[test]
fn forward_is_the_formula() {
    for shape in [NARROW, WIDE] {
        let block = LstmBlock::plain(shape);
        let params = check::params(&block.layout(), 1);
        let x = noise(shape.tokens_n() * shape.width, 1.0, 2);
        let mut state = noise(block.state_len(), 1.0, 3);
        let (y, last) = reference::lstm(&block, &double(&params), &double(&x), &double(&state));
        check::close("y", &forward(&block, &params, &x, &mut state), &y);
        check::close("last state", &state, &last);
    }
}

#[test]
fn backward_is_the_gradient() {
    let block = LstmBlock::plain(NARROW);
    let params = check::params(&block.layout(), 4);
    let x = noise(NARROW.tokens_n() * NARROW.width, 1.0, 5);
    let dy = noise(x.len(), 1.0, 6);
    let first = noise(block.state_len(), 1.0, 7);
    let (mut saved, mut scratch) = (LstmSaved::default(), Scratch::default());
    let (mut y, mut state) = (vec![0.0; x.len()], first.clone());
    block.forward(&params, &x, &mut state, &mut y, &mut saved, &mut scratch);
    let (mut dx, mut dparams) = (vec![f32::NAN; x.len()], vec![f32::NAN; params.len()]);
    block.backward(&params, &x, &dy, &mut dx, &mut dparams, &mut saved, &mut scratch);

    let (dy, first) = (double(&dy), double(&first));
    let (wide_x, wide_params) = (double(&x), double(&params));
    let loss =
        |params: &[f64], x: &[f64]| check::dot(&reference::lstm(&block, params, x, &first).0, &dy);
    check::gradient("dx", &dx, &x, |x| loss(&wide_params, x));
    check::gradient("dparams", &dparams, &params, |params| loss(params, &wide_x));
}

#[test]
fn two_halves_with_the_state_carried_make_the_whole() {
    let block = LstmBlock::plain(NARROW);
    let half = LstmBlock::plain(Shape { sequence: NARROW.sequence / 2, ..NARROW });
    let params = check::params(&block.layout(), 8);
    let x = noise(NARROW.tokens_n() * NARROW.width, 1.0, 9);
    let mut whole_state = vec![0.0; block.state_len()];
    let mut state = whole_state.clone();
    let whole = forward(&block, &params, &x, &mut whole_state);

    let span = NARROW.sequence * NARROW.width;
    let cut = |x: &[f32], second: usize| -> Vec<f32> {
        let part = second * span / 2..(second + 1) * span / 2;
        x.chunks(span).flat_map(|sequence| sequence[part.clone()].to_vec()).collect()
    };
    for second in [0, 1] {
        let y = forward(&half, &params, &cut(&x, second), &mut state);
        check::close("half", &y, &double(&cut(&whole, second)));
    }
    check::close("last state", &state, &double(&whole_state));
}

/// What a token sends out reaches the gates of the next by the recurrent matrix, and by nothing else.
#[test]
fn hidden_states_reach_the_gates_by_the_recurrent_matrix_alone() {
    let block = LstmBlock::plain(NARROW);
    let layout = block.layout();
    let mut params = check::params(&layout, 10);
    let x = noise(NARROW.tokens_n() * NARROW.width, 1.0, 11);
    let zeros = vec![0.0; block.state_len()];
    let mut hidden = zeros.clone();
    for state in hidden.chunks_mut(2 * NARROW.inner()) {
        state[NARROW.inner()..].fill(0.5);
    }
    let say = |params: &[f32], state: &[f32]| forward(&block, params, &x, &mut state.to_vec());
    assert_ne!(say(&params, &hidden), say(&params, &zeros));
    params[layout.get("recurrent_w").unwrap().range()].fill(0.0);
    assert_eq!(say(&params, &hidden), say(&params, &zeros));
}
