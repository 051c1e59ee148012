//! Results are the same bits every time, whatever the buffers were used for before.

use crate::check::{self, noise};
use sweep_kernels::{
    GptBlock, GptSaved, LstmBlock, LstmSaved, QlstmBlock, QlstmSaved, Scratch, Shape,
};

const SHAPE: Shape =
    Shape { batch: 2, sequence: 75, width: 32, heads_n: 2, head_width: 8, mlp_width: 64 };
const LARGER: Shape =
    Shape { batch: 3, sequence: 90, width: 40, heads_n: 4, head_width: 10, mlp_width: 96 };

/// All results of one forward and backward pass.
type Step = [Vec<f32>; 3];

fn gpt(shape: Shape, saved: &mut GptSaved, scratch: &mut Scratch) -> Step {
    let block = GptBlock::plain(shape, true);
    let params = check::params(&block.layout(), 1);
    let x = noise(shape.tokens_n() * shape.width, 1.0, 2);
    let (mut y, mut dx, mut dparams) = (x.clone(), x.clone(), params.clone());
    block.forward(&params, &x, &mut y, saved, scratch);
    block.backward(&params, &x, &y, &mut dx, &mut dparams, saved, scratch);
    [y, dx, dparams]
}

fn qlstm(shape: Shape, saved: &mut QlstmSaved, scratch: &mut Scratch) -> Step {
    let block = QlstmBlock::plain(shape);
    let params = check::params(&block.layout(), 1);
    let x = noise(shape.tokens_n() * shape.width, 1.0, 2);
    let mut state = noise(shape.batch * shape.inner(), 1.0, 3);
    let (mut y, mut dx, mut dparams) = (x.clone(), x.clone(), params.clone());
    block.forward(&params, &x, &mut state, &mut y, saved, scratch);
    block.backward(&params, &x, &y, &mut dx, &mut dparams, saved, scratch);
    [y, dx, dparams]
}

fn lstm(shape: Shape, saved: &mut LstmSaved, scratch: &mut Scratch) -> Step {
    let block = LstmBlock::plain(shape);
    let params = check::params(&block.layout(), 1);
    let x = noise(shape.tokens_n() * shape.width, 1.0, 2);
    let mut state = noise(block.state_len(), 1.0, 3);
    let (mut y, mut dx, mut dparams) = (x.clone(), x.clone(), params.clone());
    block.forward(&params, &x, &mut state, &mut y, saved, scratch);
    block.backward(&params, &x, &y, &mut dx, &mut dparams, saved, scratch);
    [y, dx, dparams]
}

fn bits(step: &Step) -> Vec<u32> {
    step.iter().flatten().map(|x| x.to_bits()).collect()
}

#[test]
fn buffers_used_by_larger_models_change_nothing() {
    let fresh = gpt(SHAPE, &mut GptSaved::default(), &mut Scratch::default());
    let (mut saved, mut scratch) = (GptSaved::default(), Scratch::default());
    gpt(LARGER, &mut saved, &mut scratch);
    assert_eq!(bits(&fresh), bits(&gpt(SHAPE, &mut saved, &mut scratch)), "GPT");

    let fresh = qlstm(SHAPE, &mut QlstmSaved::default(), &mut Scratch::default());
    let mut saved = QlstmSaved::default();
    qlstm(LARGER, &mut saved, &mut scratch);
    assert_eq!(bits(&fresh), bits(&qlstm(SHAPE, &mut saved, &mut scratch)), "qLSTM");

    let fresh = lstm(SHAPE, &mut LstmSaved::default(), &mut Scratch::default());
    let mut saved = LstmSaved::default();
    lstm(LARGER, &mut saved, &mut scratch);
    assert_eq!(bits(&fresh), bits(&lstm(SHAPE, &mut saved, &mut scratch)), "LSTM");
}

#[test]
fn another_thread_computes_the_same_bits() {
    let here = gpt(SHAPE, &mut GptSaved::default(), &mut Scratch::default());
    let there =
        std::thread::spawn(|| gpt(SHAPE, &mut GptSaved::default(), &mut Scratch::default()));
    assert_eq!(bits(&here), bits(&there.join().unwrap()));
}
