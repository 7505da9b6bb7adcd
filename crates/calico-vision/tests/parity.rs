//! Our tensors equal those of the upstream implementations, stage by stage (`goldens/`).

use calico_testkit::{Golden, Synthetic, assert_close};
use calico_vision::dinov2::{DinoConfig, DinoV2, Facet, InputSize, PositionInterpolation};
use calico_vision::eva_clip::{EvaClip, EvaConfig};
use calico_vision::qformer::QFormer;
use calico_vision::sam::{
    ImageEncoder, MaskDecoder, PromptEncoder, Prompts, Streams, logits_in_original,
};
use candle_core::{IndexOp as _, Result, Tensor};

mod tiny;

const TOLERANCE: f64 = 2e-5;

/// Compares one stage of a golden case.
fn check(golden: &Golden, stage: &str, got: &Tensor) {
    assert_close(stage, got, &golden.output(stage), TOLERANCE);
}

fn eva_clip(case: &str, config: &EvaConfig) -> Result<()> {
    let golden = Golden::open(&format!("eva/{case}"));
    let pixels = golden.input("pixels");
    let eva = EvaClip::load(config, &Synthetic::weights().pp("eva"))?;
    let mut x = eva.embed(&pixels)?;
    check(&golden, "embeddings", &x);
    for (i, block) in eva.blocks().iter().enumerate() {
        x = block.forward(&x)?;
        check(&golden, &format!("block.{i}"), &x);
    }
    check(&golden, "tokens", &eva.forward(&pixels)?);
    Ok(())
}

#[test]
fn eva_clip_equals_upstream() -> Result<()> {
    eva_clip("tiny", &tiny::eva())
}

#[test]
fn eva_clip_with_heads_of_22_equals_upstream() -> Result<()> {
    eva_clip("head22", &EvaConfig { width: 88, mlp_hidden: 384, ..tiny::eva() })
}

#[test]
fn eva_clip_at_another_image_size_equals_upstream() -> Result<()> {
    eva_clip("interpolated", &EvaConfig { image_size: 84, stored_grid: Some(4), ..tiny::eva() })
}

fn qformer(case: &str) -> Result<()> {
    let golden = Golden::open(&format!("qformer/{case}"));
    let queries = golden.input("queries");
    let qformer = QFormer::load(&tiny::qformer(), &Synthetic::weights().pp("qformer"))?;
    let images = qformer.keys_values(&golden.input("images"))?;
    let mut x = qformer.embed(&queries, &images)?;
    check(&golden, "embeddings", &x);
    for (i, (layer, image)) in qformer.layers().iter().zip(images.layers()).enumerate() {
        x = layer.forward(&x, image)?;
        check(&golden, &format!("layer.{i}"), &x);
    }
    check(&golden, "final", &qformer.forward(&queries, &images)?);
    Ok(())
}

#[test]
fn the_qformer_equals_upstream() -> Result<()> {
    qformer("tiny")
}

#[test]
fn the_qformer_with_queries_for_each_image_equals_upstream() -> Result<()> {
    qformer("per_image")
}

fn dinov2(case: &str, config: &DinoConfig) -> Result<()> {
    let golden = Golden::open(&format!("dinov2/{case}"));
    let pixels = golden.input("pixels");
    let load = |config: &DinoConfig| DinoV2::load(config, &Synthetic::weights().pp("dino"));
    let dino = load(config)?;
    let mut x = dino.embed(&pixels)?;
    check(&golden, "embeddings", &x);
    for (i, block) in dino.blocks().enumerate() {
        x = block.forward(&x)?;
        check(&golden, &format!("block.{i}"), &x);
    }
    let all = load(&DinoConfig { keep_prefix_tokens: true, ..config.clone() })?;
    check(&golden, "final", &all.forward(&pixels)?);
    let patches = golden.output("final").i((.., config.num_prefix_tokens()..))?;
    assert_close("patches", &dino.forward(&pixels)?, &patches, TOLERANCE);
    Ok(())
}

#[test]
fn dinov2_with_registers_equals_upstream() -> Result<()> {
    dinov2("reg_swiglu", &tiny::dino())?;
    dinov2("reg_gelu", &tiny::dino_gelu())
}

#[test]
fn dinov2_with_registers_at_other_sizes_equals_upstream() -> Result<()> {
    for (case, input_size) in [
        ("reg_swiglu_70x70", InputSize::Square(70)),
        ("reg_swiglu_70x56", InputSize::HeightWidth([70, 56])),
    ] {
        dinov2(case, &DinoConfig { input_size, ..tiny::dino() })?;
    }
    Ok(())
}

#[test]
fn plain_dinov2_equals_upstream_with_both_ways_to_resize_positions() -> Result<()> {
    let plain = DinoConfig { num_register_tokens: 0, ..tiny::dino_gelu() };
    dinov2("plain_gelu", &plain)?;
    for (name, pos_interp) in
        [("offset", PositionInterpolation::Offset), ("size", PositionInterpolation::Size)]
    {
        let square = DinoConfig { input_size: InputSize::Square(70), pos_interp, ..plain.clone() };
        dinov2(&format!("plain_gelu_{name}_70x70"), &square)?;
        let tall = DinoConfig { input_size: InputSize::HeightWidth([70, 56]), ..square };
        dinov2(&format!("plain_gelu_{name}_70x56"), &tall)?;
    }
    Ok(())
}

#[test]
fn an_earlier_layer_of_dinov2_is_read_from_either_end() -> Result<()> {
    let golden = Golden::open("dinov2/reg_swiglu");
    let pixels = golden.input("pixels");
    let weights = Synthetic::weights().pp("dino");
    for layer in [1, -2] {
        let config = DinoConfig { layer, final_norm: false, ..tiny::dino() };
        let patches = golden.output("block.1").i((.., 5..))?;
        let got = DinoV2::load(&config, &weights)?.forward(&pixels)?;
        assert_close("block.1", &got, &patches, TOLERANCE);
    }
    for layer in [3, -4] {
        let config = DinoConfig { layer, ..tiny::dino() };
        assert!(DinoV2::load(&config, &weights).is_err(), "there is no layer {layer}");
    }
    Ok(())
}

#[test]
fn the_keys_of_dinov2_are_those_of_the_block_that_is_read() -> Result<()> {
    let golden = Golden::open("dinov2/reg_swiglu");
    let weights = Synthetic::weights().pp("dino");
    let config = DinoConfig { facet: Facet::Key, ..tiny::dino() };
    let dino = DinoV2::load(&config, &weights)?;
    let got = dino.forward(&golden.input("pixels"))?;

    // By hand, from upstream's tokens before the last block: the middle third of the projection.
    let norm = calico_nn::LayerNorm::load(48, 1e-6, &weights.pp("blocks.2.norm1"))?;
    let qkv = calico_nn::Linear::load(48, 3 * 48, &weights.pp("blocks.2.attn.qkv"))?;
    let tokens = norm.forward(&golden.output("block.1"))?;
    let keys = qkv.forward(&tokens)?.i((.., 5.., 48..96))?;
    assert_close("keys", &got, &keys, TOLERANCE);
    Ok(())
}

#[test]
fn the_sam_encoder_equals_upstream() -> Result<()> {
    let golden = Golden::open("sam/encoder");
    let pixels = golden.input("pixels");
    let encoder = ImageEncoder::load(&tiny::sam(), &Synthetic::weights().pp("sam.encoder"))?;
    let mut x = encoder.embed(&pixels)?;
    for (i, block) in encoder.blocks().iter().enumerate() {
        x = block.forward(&x)?;
        check(&golden, &format!("block.{i}"), &x);
    }
    check(&golden, "neck", &encoder.forward(&pixels)?);
    Ok(())
}

/// The prompt encoder and mask decoder of the tiny configuration with this epsilon.
fn sam_decoder(ln_eps: f64) -> Result<(PromptEncoder, MaskDecoder)> {
    let mut config = tiny::sam();
    config.decoder.ln_eps = ln_eps;
    let weights = Synthetic::weights().pp("sam");
    let prompt = PromptEncoder::load(&config, &weights.pp("prompt"))?;
    Ok((prompt, MaskDecoder::load(&config, &weights.pp("decoder"))?))
}

#[test]
fn the_mask_decoder_equals_upstream() -> Result<()> {
    let golden = Golden::open("sam/decoder");
    let embedding = golden.input("embedding");
    let (encoder, decoder) = sam_decoder(1e-5)?;
    check(&golden, "dense_pe", encoder.positions());
    let prompts = encoder.forward(&golden.input("prompts").squeeze(1)?)?;

    let start = decoder.start(&embedding, &prompts)?;
    let image = encoder.positions().flatten(1, 2)?.t()?.unsqueeze(0)?;
    let positions = Streams { tokens: start.tokens.clone(), image };
    let mut x = start.clone();
    for (i, layer) in decoder.transformer().layers().iter().enumerate() {
        x = layer.forward(&x, &positions)?;
        check(&golden, &format!("layer.{i}.tokens"), &x.tokens);
        check(&golden, &format!("layer.{i}.keys"), &x.image);
    }
    let end = decoder.transformer().forward(start, &positions)?;
    check(&golden, "tokens", &end.tokens);
    let canvas = decoder.upscale(&end, [8, 8])?;
    check(&golden, "upscaled", &canvas.permute((0, 3, 1, 2))?);

    let (masks, scores) = decoder.forward_all(&embedding, encoder.positions(), &prompts)?;
    check(&golden, "masks", &masks);
    check(&golden, "scores", &scores);
    let first = decoder.forward(&embedding, encoder.positions(), &prompts)?;
    check(&golden, "low_res", &first.logits.unsqueeze(1)?);
    assert_close("iou", &first.iou, &golden.output("scores").i((.., 0))?, TOLERANCE);
    Ok(())
}

#[test]
fn the_mask_decoder_with_another_epsilon_equals_upstream() -> Result<()> {
    let golden = Golden::open("sam/decoder_eps_1e-6");
    let (encoder, decoder) = sam_decoder(1e-6)?;
    let prompts = encoder.forward(&golden.input("prompts").squeeze(1)?)?;
    let embedding = golden.input("embedding");
    let masks = decoder.forward(&embedding, encoder.positions(), &prompts)?;
    // The two epsilons differ by 2.6e-5 here, so this case needs a tolerance well below.
    assert_close("low_res", &masks.logits.unsqueeze(1)?, &golden.output("low_res"), 5e-6);
    Ok(())
}

#[test]
fn masks_do_not_depend_on_how_many_are_asked_for() -> Result<()> {
    let golden = Golden::open("sam/decoder");
    let (embedding, prompts) = (golden.input("embedding"), golden.input("prompts").squeeze(1)?);
    let (encoder, decoder) = sam_decoder(1e-5)?;
    let decode = |prompts: &Prompts| decoder.forward(&embedding, encoder.positions(), prompts);
    let single = decode(&encoder.forward(&prompts)?)?;

    // Eleven prompts take two groups.
    let many = Tensor::cat(&[&prompts, &prompts, &prompts, &prompts], 0)?.narrow(0, 0, 11)?;
    let many = decode(&encoder.forward(&many)?)?;
    for (mask, again) in [(0, 9), (1, 7), (2, 8), (1, 10)] {
        let (got, want) = (many.logits.i(again)?, single.logits.i(mask)?);
        assert_close("logits", &got, &want, TOLERANCE);
    }
    assert_close("iou", &many.iou.narrow(0, 9, 2)?, &single.iou.narrow(0, 0, 2)?, TOLERANCE);

    let none = decode(&encoder.forward(&prompts.narrow(0, 0, 0)?)?)?;
    assert_eq!((none.logits.dims(), none.iou.dims()), (&[0, 32, 32][..], &[0][..]));
    Ok(())
}

#[test]
fn logits_in_the_original_equal_upstream() -> Result<()> {
    let golden = Golden::open("sam/postprocess");
    for case in ["landscape", "portrait", "large"] {
        let want = golden.output(case);
        let logits = golden.input("low_res").narrow(0, 0, want.dim(0)?)?;
        let size = |name| golden.integers(&format!("{case}.{name}"));
        let got = logits_in_original(&logits, 128, size("resized"), size("size"))?;
        assert_close(case, &got, &want, TOLERANCE);
    }
    Ok(())
}

#[test]
fn sizes_that_cannot_be_are_refused() {
    let logits = Golden::open("sam/postprocess").input("low_res");
    assert!(logits_in_original(&logits, 128, [129, 10], [20, 20]).is_err());
    assert!(logits_in_original(&logits, 128, [0, 10], [20, 20]).is_err());
    assert!(logits_in_original(&logits, 128, [10, 10], [20, 0]).is_err());
}
