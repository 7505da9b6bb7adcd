//! Every forward has a backward pass: gradients equal finite differences and reach every weight.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use calico_nn::Weights;
use calico_nn::weights::{TensorSpec, WeightSource};
use calico_testkit::{Golden, Synthetic};
use calico_vision::dinov2::DinoV2;
use calico_vision::eva_clip::EvaClip;
use calico_vision::qformer::QFormer;
use calico_vision::sam::{ImageEncoder, MaskDecoder, PromptEncoder, logits_in_original};
use candle_core::{DType, Device, Result, Tensor, Var};

mod tiny;

/// A tensor of values in `[-0.5, 0.5)`, the same for the same name.
fn values(name: &str, shape: &[usize]) -> Result<Tensor> {
    Tensor::from_vec(Synthetic::values(name, shape), shape, &Device::Cpu)
}

/// A scalar that depends on every element of `x`.
fn loss(x: &Tensor) -> Result<Tensor> {
    x.mul(&values("loss", x.dims())?)?.sum_all()
}

/// Compares the derivative of `forward` along one direction with a central difference.
fn check_gradient(x: &Tensor, forward: impl Fn(&Tensor) -> Result<Tensor>) -> Result<()> {
    let var = Var::from_tensor(x)?;
    let gradients = loss(&forward(var.as_tensor())?)?.backward()?;
    let Some(gradient) = gradients.get(&var) else {
        candle_core::bail!("the gradient does not reach the input");
    };
    let direction = values("direction", x.dims())?;
    let analytic = gradient.mul(&direction)?.sum_all()?.to_scalar::<f32>()?;
    let step = 4e-3;
    let at = |step: f64| {
        let moved = (x + (&direction * step)?)?;
        // Summed in f64: the difference of two sums in f32 would drown in their rounding.
        let y = forward(&moved)?;
        let weights = values("loss", y.dims())?.to_dtype(DType::F64)?;
        y.to_dtype(DType::F64)?.mul(&weights)?.sum_all()?.to_scalar::<f64>()
    };
    let numeric = (at(step)? - at(-step)?) / (2.0 * step);
    let error = (f64::from(analytic) - numeric).abs();
    assert!(error <= 3e-3, "along one direction: {analytic}, by differences: {numeric}");
    Ok(())
}

/// Synthetic weights that are variables, by name.
#[derive(Default)]
struct Variables(Mutex<BTreeMap<String, Var>>);

impl WeightSource for Variables {
    fn tensor(&self, spec: &TensorSpec) -> Result<Tensor> {
        let var = Var::from_tensor(&Synthetic::default().tensor(spec)?)?;
        let tensor = var.as_tensor().clone();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(spec.name.clone(), var);
        Ok(tensor)
    }
}

/// The names of the weights that get no gradient, or a gradient of zero.
fn without_gradient(forward: impl FnOnce(&Weights) -> Result<Tensor>) -> Result<Vec<String>> {
    let variables = Arc::new(Variables::default());
    let gradients = loss(&forward(&Weights::new(variables.clone()))?)?.backward()?;
    let variables = variables.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut names = Vec::new();
    for (name, var) in variables.iter() {
        let reached = match gradients.get(var) {
            Some(gradient) => gradient.abs()?.max_all()?.to_scalar::<f32>()? > 0.0,
            None => false,
        };
        if !reached {
            names.push(name.clone());
        }
    }
    Ok(names)
}

#[test]
fn eva_clip_has_gradients() -> Result<()> {
    let pixels = Golden::open("eva/tiny").input("pixels");
    let eva = EvaClip::load(&tiny::eva(), &Synthetic::weights().pp("eva"))?;
    check_gradient(&pixels, |pixels| eva.forward(pixels))?;
    let missing = without_gradient(|w| EvaClip::load(&tiny::eva(), w)?.forward(&pixels))?;
    assert!(missing.is_empty(), "{missing:?}");
    Ok(())
}

#[test]
fn the_qformer_has_gradients_for_queries_and_images() -> Result<()> {
    let golden = Golden::open("qformer/tiny");
    let (queries, images) = (golden.input("queries"), golden.input("images"));
    let run = |qformer: &QFormer, queries: &Tensor, images: &Tensor| {
        qformer.forward(queries, &qformer.keys_values(images)?)
    };
    let qformer = QFormer::load(&tiny::qformer(), &Synthetic::weights().pp("qformer"))?;
    check_gradient(&queries, |queries| run(&qformer, queries, &images))?;
    check_gradient(&images, |images| run(&qformer, &queries, images))?;
    let missing =
        without_gradient(|w| run(&QFormer::load(&tiny::qformer(), w)?, &queries, &images))?;
    // A key bias moves all scores of a query alike, which the softmax does not see.
    let is_key_bias = |name: &String| name.ends_with("self.key.bias");
    assert!(missing.iter().all(is_key_bias), "{missing:?}");
    Ok(())
}

#[test]
fn dinov2_has_gradients() -> Result<()> {
    let pixels = Golden::open("dinov2/reg_swiglu").input("pixels");
    for config in [tiny::dino(), tiny::dino_gelu()] {
        let dino = DinoV2::load(&config, &Synthetic::weights().pp("dino"))?;
        check_gradient(&pixels, |pixels| dino.forward(pixels))?;
        let missing = without_gradient(|w| DinoV2::load(&config, w)?.forward(&pixels))?;
        assert_eq!(missing, ["mask_token"]);
    }
    Ok(())
}

#[test]
fn the_sam_encoder_has_gradients() -> Result<()> {
    let pixels = Golden::open("sam/encoder").input("pixels");
    let encoder = ImageEncoder::load(&tiny::sam(), &Synthetic::weights().pp("sam.encoder"))?;
    check_gradient(&pixels, |pixels| encoder.forward(pixels))?;
    let missing = without_gradient(|w| ImageEncoder::load(&tiny::sam(), w)?.forward(&pixels))?;
    assert!(missing.is_empty(), "{missing:?}");
    Ok(())
}

#[test]
fn the_mask_decoder_has_gradients_up_to_the_original_size() -> Result<()> {
    let golden = Golden::open("sam/decoder");
    let (embedding, text) = (golden.input("embedding"), golden.input("prompts").squeeze(1)?);
    let weights = Synthetic::weights().pp("sam");
    let encoder = PromptEncoder::load(&tiny::sam(), &weights.pp("prompt"))?;
    let run = |decoder: &MaskDecoder, embedding: &Tensor, text: &Tensor| {
        let prompts = encoder.forward(text)?;
        let masks = decoder.forward(embedding, encoder.positions(), &prompts)?;
        logits_in_original(&masks.logits, 128, [96, 128], [60, 80])
    };
    let decoder = MaskDecoder::load(&tiny::sam(), &weights.pp("decoder"))?;
    check_gradient(&text, |text| run(&decoder, &embedding, text))?;
    check_gradient(&embedding, |embedding| run(&decoder, embedding, &text))?;

    let missing =
        without_gradient(|w| run(&MaskDecoder::load(&tiny::sam(), w)?, &embedding, &text))?;
    // The other masks and the predicted overlap take no part in the loss.
    let is_idle = |name: &String| {
        name.starts_with("iou_prediction_head")
            || name.ends_with("k_proj.bias")
            || (name.starts_with("output_hypernetworks_mlps")
                && !name.starts_with("output_hypernetworks_mlps.0"))
    };
    assert!(missing.iter().all(is_idle), "{missing:?}");
    Ok(())
}
