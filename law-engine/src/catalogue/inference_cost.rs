//! What answering costs when both compute and memory count: the cost model of test-time scaling
//! (Kinetics, arXiv 2506.05333; repository Infini-AI-Lab/Kinetics). It has nothing to fit.
//!
//! ```text
//! compute = n (2 P L_out + 2 (2 L_in + L_out) L_out h d)          FLOP
//! memory  = 2 (2 L_in + n L_out) L_out h_kv d                     bytes
//! eFLOPs  = compute + I memory
//! ```
//!
//! d is the size of one head summed over the layers. Keys and values have two bytes, trials share
//! their prompt, and reading the weights is spread over a large batch.

/// FLOP that an accelerator does while it reads a byte: the paper's I.
pub const FLOPS_PER_BYTE: f64 = 562.5;

/// A transformer, as far as the cost of its decoding knows it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decoder {
    /// P, all parameters that a token is multiplied with.
    pub params_n: f64,
    /// h, query heads of a layer.
    pub query_heads: f64,
    /// `h_kv`, key-value heads of a layer.
    pub kv_heads: f64,
    /// d, the size of a head times the number of layers.
    pub head_size: f64,
}

/// The answers to one problem.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answers {
    /// `L_in`, tokens of the prompt.
    pub prompt: f64,
    /// `L_out`, tokens of one answer.
    pub length: f64,
    /// n, answers tried.
    pub trials: f64,
}

/// A cost in the two currencies of an accelerator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    pub flops: f64,
    pub bytes: f64,
}

impl Cost {
    /// FLOP-equivalents of the memory traffic.
    #[must_use]
    pub fn memory_flops(self) -> f64 {
        FLOPS_PER_BYTE * self.bytes
    }

    /// The paper's eFLOPs.
    #[must_use]
    pub fn equivalent_flops(self) -> f64 {
        self.flops + self.memory_flops()
    }
}

/// The cost with attention to everything before.
#[must_use]
pub fn dense(decoder: Decoder, answers: Answers) -> Cost {
    let Decoder { params_n, query_heads, kv_heads, head_size } = decoder;
    let Answers { prompt, length, trials } = answers;
    let attention = 2.0 * (2.0 * prompt + length) * length * query_heads * head_size;
    Cost {
        flops: trials * (2.0 * params_n * length + attention),
        bytes: 2.0 * (2.0 * prompt + trials * length) * length * kv_heads * head_size,
    }
}

/// The cost with attention to the `budget` best tokens of each step, found for free. Every trial
/// reads its own. While fewer tokens than that exist, fewer are read; that is left out, as its sign
/// differs between the two versions of the authors' code.
#[must_use]
pub fn top_k(decoder: Decoder, answers: Answers, budget: f64) -> Cost {
    let Decoder { params_n, query_heads, kv_heads, head_size } = decoder;
    let Answers { length, trials, .. } = answers;
    let attention = |heads: f64| 4.0 * budget * length * heads * head_size;
    Cost {
        flops: trials * (2.0 * params_n * length + attention(query_heads)),
        bytes: trials * attention(kv_heads),
    }
}

/// The chance that one of `k` attempts is right, without bias, from `n` attempts of which `right`
/// were: 1 - C(n - right, k) / C(n, k). None where more attempts are asked for than were made.
#[must_use]
pub fn pass_at_k(n: u32, right: u32, k: u32) -> Option<f64> {
    if k > n || right > n {
        return None;
    }
    if k > n - right {
        return Some(1.0);
    }
    // The ratio of the binomials as a product, which neither overflows nor cancels.
    let miss = |i: u32| 1.0 - f64::from(k) / f64::from(i);
    Some(1.0 - (n - right + 1..=n).map(miss).product::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 36 layers of 32 query and 8 key-value heads of 128, the shape that the figures belong to.
    const DECODER: Decoder =
        Decoder { params_n: 8.19e9, query_heads: 32.0, kv_heads: 8.0, head_size: 128.0 * 36.0 };

    #[test]
    fn costs_of_an_eight_billion_model() {
        for (trials, tera, memory_tera) in [(1.0, 857.26, 45_073.8), (8.0, 6_858.1, 356_785.3)] {
            let cost = dense(DECODER, Answers { prompt: 200.0, length: 32_768.0, trials });
            assert!((cost.flops / 1e12 - tera).abs() < 0.05, "{cost:?}");
            assert!((cost.memory_flops() / 1e12 - memory_tera).abs() < 0.05, "{cost:?}");
            let sum = cost.flops + cost.memory_flops();
            assert_eq!(cost.equivalent_flops(), sum);
        }
    }

    #[test]
    fn reading_half_of_a_long_answer_is_dense_attention() {
        let answers = Answers { prompt: 0.0, length: 1024.0, trials: 3.0 };
        let (all, half) = (dense(DECODER, answers), top_k(DECODER, answers, 512.0));
        assert!((half.flops / all.flops - 1.0).abs() < 1e-12);
        assert!((half.bytes / all.bytes - 1.0).abs() < 1e-12);
    }

    #[test]
    fn pass_at_k_counts() {
        assert_eq!(pass_at_k(4, 1, 1), Some(0.25));
        // Of the six pairs of four attempts, three hold the right one.
        assert!((pass_at_k(4, 1, 2).unwrap() - 0.5).abs() < 1e-15);
        assert_eq!(pass_at_k(4, 3, 2), Some(1.0));
        assert_eq!(pass_at_k(4, 0, 4), Some(0.0));
        assert_eq!(pass_at_k(4, 1, 5), None);
    }
}
