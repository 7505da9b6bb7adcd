//! Muon (Jordan et al. 2024), as `torch.optim.Muon` computes it: matrices move along the nearest
//! orthogonal matrix to their momentum, so no direction waits for another.

use candle_core::{DType, Result, Tensor, Var};

use super::Moments;

/// Of the polynomial whose repetition brings every singular value near to 1 (Jordan et al. 2024).
const POLYNOMIAL: [f64; 3] = [3.4445, -4.7750, 2.0315];
/// Repetitions.
const ROUNDS: usize = 5;
/// Decay of the momentum.
const MOMENTUM: f64 = 0.95;
/// Root mean square of a change before the learning rate: that of `AdamW`'s changes, so that both
/// share a rate (arXiv 2502.16982, section 2.2).
const CHANGE: f64 = 0.2;

/// Parts of the names of matrices that are none of those below.
const OTHERS: [&str; 5] = ["embed", "lm_head", "label_", "iou_token", "mask_tokens"];

/// Whether Muon moves a tensor of this name and shape: the matrix of a linear layer, but no table
/// of embeddings, and not the layer that tells words or the labels of patches.
///
/// All layers of SAM's small heads count as hidden, the last ones too: those that turn a token into
/// weights of a mask, and those that predict overlaps
/// (`sam.decoder.iou_prediction_head.layers.*`).
pub(crate) fn is_hidden_matrix(name: &str, shape: &[usize]) -> bool {
    let is_linear = name.ends_with(".weight") || name.starts_with("lora.");
    shape.len() == 2 && is_linear && !OTHERS.iter().any(|other| name.contains(other))
}

/// Floating-point operations of the matrix products with which one matrix is moved.
pub(crate) fn step_flops(shape: &[usize]) -> f64 {
    let [rows, columns] = *shape else { return 0.0 };
    let (short, long) = (rows.min(columns) as f64, rows.max(columns) as f64);
    // The Gram matrix and the new one, and between them the square of the former.
    let of_round = 2.0 * (2.0 * short * short * long) + 2.0 * short * short * short;
    ROUNDS as f64 * of_round
}

/// Moves one matrix.
///
/// # Shapes
/// - `var`, `gradient`: `[M, N]`
pub(super) fn step(
    var: &Var,
    moments: &mut Moments,
    gradient: &Tensor,
    learning_rate: f64,
    weight_decay: f64,
) -> Result<()> {
    moments.first = ((&moments.first * MOMENTUM)? + (gradient * (1.0 - MOMENTUM))?)?;
    // Nesterov's: as if the momentum had already seen this gradient once more.
    let ahead = ((&moments.first * MOMENTUM)? + (gradient * (1.0 - MOMENTUM))?)?;
    let change = orthogonal(&ahead)?;
    let (rows, columns) = var.dims2()?;
    let length = CHANGE * (rows.max(columns) as f64).sqrt();
    let kept = (var.as_detached_tensor() * (1.0 - learning_rate * weight_decay))?;
    var.set(&(kept - (change * (learning_rate * length))?)?)
}

/// The nearest (semi-)orthogonal matrix, roughly: singular values end between 0.7 and 1.2.
fn orthogonal(matrix: &Tensor) -> Result<Tensor> {
    let (rows, columns) = matrix.dims2()?;
    let is_tall = rows > columns;
    let wide = if is_tall { matrix.t()?.contiguous()? } else { matrix.clone() };
    let length = wide.to_dtype(DType::F32)?.sqr()?.sum_all()?.sqrt()?.to_scalar::<f32>()?;
    let mut x = (wide / (f64::from(length) + 1e-7))?;
    let [a, b, c] = POLYNOMIAL;
    for _ in 0..ROUNDS {
        let gram = x.matmul(&x.t()?)?; // [m, m], m the shorter side
        let mix = ((&gram * b)? + (gram.matmul(&gram)? * c)?)?;
        x = ((&x * a)? + mix.matmul(&x)?)?;
    }
    if is_tall { x.t()?.contiguous() } else { Ok(x) }
}

#[cfg(test)]
mod tests {
    use calico_testkit::Golden;

    use super::*;

    #[test]
    fn steps_equal_those_of_pytorch() {
        let golden = Golden::open("training/muon");
        for shape in ["square", "tall", "wide"] {
            let start = golden.input(&format!("{shape}.value"));
            let var = Var::from_tensor(&start).unwrap();
            let zeros = start.zeros_like().unwrap();
            let mut moments = Moments { first: zeros.clone(), second: zeros };
            for number in 1..=3 {
                let gradient = golden.input(&format!("{shape}.gradient{number}"));
                step(&var, &mut moments, &gradient, 0.02, 0.1).unwrap();
                let expected = golden.output(&format!("{shape}.step{number}"));
                let error = (var.as_tensor() - expected).unwrap().abs().unwrap();
                let worst = error.max_all().unwrap().to_scalar::<f32>().unwrap();
                assert!(worst < 1e-5, "{shape}, step {number}: {worst}");
            }
        }
    }

    #[test]
    fn tables_and_heads_are_no_hidden_matrices() {
        let is_hidden = |name| is_hidden_matrix(name, &[4, 4]);
        assert!(is_hidden("eva.blocks.0.attn.qkv.weight"));
        assert!(is_hidden("lora.layers.0.q.a"));
        assert!(is_hidden("sam.decoder.transformer.final_attn_token_to_image.q_proj.weight"));
        assert!(!is_hidden("llm.model.embed_tokens.weight"));
        assert!(!is_hidden("sam.encoder.blocks.0.attn.rel_pos_h"));
        assert!(!is_hidden("label_heads.eva.parts.weight"));
        // Heads inside of a module move with it.
        assert!(is_hidden("sam.decoder.iou_prediction_head.layers.2.weight"));
        assert!(!is_hidden_matrix("eva.blocks.0.attn.proj.bias", &[4]));
        assert!(!is_hidden_matrix("eva.patch_embed.proj.weight", &[4, 3, 2, 2]));
    }

    #[test]
    fn the_arithmetic_of_a_step_grows_with_the_square_of_the_shorter_side() {
        // Per round: 2 x 3 products of 3 x 5, and 3 x 3 products of 3, two operations each.
        let expected = 5.0 * (2.0 * 2.0 * 45.0 + 2.0 * 27.0);
        for shape in [[3, 5], [5, 3]] {
            assert!((step_flops(&shape) - expected).abs() < 1e-9);
        }
    }
}
