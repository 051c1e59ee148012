//! The kernels of the three families under one name.

use sweep_kernels::{
    GptBlock, GptSaved, Layout, LstmBlock, LstmSaved, QlstmBlock, QlstmSaved, Scratch,
};

use super::block::Gradients;

/// A whole block in one kernel; what each method does is said in `Block`.
pub(super) trait Kernel {
    /// What a forward pass leaves for the backward pass.
    type Saved: Default + Send;

    fn layout(&self) -> Layout;

    /// Elements of the state that is carried from batch to batch.
    fn state_len(&self) -> usize;

    fn active_share(&self, saved: &Self::Saved) -> f64;

    fn inputs<'a>(&self, saved: &'a Self::Saved) -> [(&'static str, &'a [f32]); 4];

    fn forward(
        &self,
        weights: &[f32],
        x: &[f32],
        state: &mut [f32],
        y: &mut [f32],
        saved: &mut Self::Saved,
        scratch: &mut Scratch,
    );

    fn backward(
        &self,
        weights: &[f32],
        x: &[f32],
        dy: &[f32],
        gradients: Gradients<'_>,
        saved: &mut Self::Saved,
        scratch: &mut Scratch,
    );
}

/// A kernel by its own methods; with a state where one is named.
macro_rules! by_its_methods {
    ($block:ty, $saved:ty, $given:ident, ($($state:ident)?), |$kernel:ident| $state_len:expr) => {
        impl Kernel for $block {
            type Saved = $saved;

            fn layout(&self) -> Layout {
                Self::layout(self)
            }

            fn state_len(&self) -> usize {
                let $kernel = self;
                $state_len
            }

            fn active_share(&self, saved: &$saved) -> f64 {
                Self::active_share(self, saved)
            }

            fn inputs<'a>(&self, saved: &'a $saved) -> [(&'static str, &'a [f32]); 4] {
                Self::inputs(self, saved)
            }

            fn forward(
                &self,
                weights: &[f32],
                x: &[f32],
                $given: &mut [f32],
                y: &mut [f32],
                saved: &mut $saved,
                scratch: &mut Scratch,
            ) {
                Self::forward(self, weights, x, $($state,)? y, saved, scratch);
            }

            fn backward(
                &self,
                weights: &[f32],
                x: &[f32],
                dy: &[f32],
                gradients: Gradients<'_>,
                saved: &mut $saved,
                scratch: &mut Scratch,
            ) {
                let Gradients { x: dx, weights: dweights } = gradients;
                Self::backward(self, weights, x, dy, dx, dweights, saved, scratch);
            }
        }
    };
}

by_its_methods!(GptBlock, GptSaved, _state, (), |_kernel| 0);
by_its_methods!(QlstmBlock, QlstmSaved, state, (state), |kernel| kernel.shape.batch
    * kernel.shape.inner());
by_its_methods!(LstmBlock, LstmSaved, state, (state), |kernel| Self::state_len(kernel));
