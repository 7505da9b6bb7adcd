//! From `[SEG]` states to the losses of masks.

use calico_model::CalicoConfig;
use calico_model::grounding::ProjectionKind;

use super::Batch;
use super::layers::{Heads, Norm, Size, activation, add, attention, copy, linear, norm};
use super::vision::mlp;
use crate::plan::tape::{Tape, Value};

/// Masks decoded at once.
const MASKS_AT_ONCE: u64 = 8;

/// Tokens and cells of the masks of one call.
struct Streams {
    tokens: Value,
    image: Value,
}

/// The `[SEG]` projection: states to prompts.
pub(super) fn project(tape: &Tape<'_>, config: &CalicoConfig, segs: &Value) -> Value {
    let (inner, out) = (config.llm.width, config.sam.width);
    tape.within("seg_proj.", || match config.seg_proj.kind {
        ProjectionKind::Mlp => {
            let first = linear(tape, "seg_proj.0", segs, Size::new(inner, inner));
            linear(tape, "seg_proj.2", &activation(tape, &first), Size::new(inner, out))
        }
        ProjectionKind::Linear => linear(tape, "seg_proj.0", segs, Size::new(inner, out)),
    })
}

/// The losses of `masks` masks of one picture, group by group.
pub(super) fn losses(
    tape: &Tape<'_>,
    batch: &Batch<'_>,
    [prompts, embedding]: [&Value; 2],
    masks: u64,
) -> Vec<Value> {
    let mut losses = Vec::new();
    for start in (0..masks).step_by(MASKS_AT_ONCE as usize) {
        let count = MASKS_AT_ONCE.min(masks - start);
        let width = batch.config.sam.width as u64;
        let own = tape.within("seg_proj.", || tape.apply(&[prompts], count * width));
        let logits = decode(tape, batch.config, [&own, embedding], count);
        losses.extend(tape.within("losses", || compared(tape, batch, &logits, count)));
    }
    losses
}

/// Logits at the size of the photograph, and two losses of them: f32 logits, targets and
/// gradients are the 12 bytes per pixel and mask of H.3.
fn compared(tape: &Tape<'_>, batch: &Batch<'_>, logits: &Value, masks: u64) -> [Value; 2] {
    let (side, shape) = (batch.config.sam.image_size as u64, batch.shape);
    let [height, width] = [shape.height, shape.width].map(|side| (side as u64).max(1));
    // H.3: 4 MiB per mask at 1024 pixels, then H W 4 bytes.
    let large = tape.apply(&[logits], masks * side * side);
    let longest = height.max(width);
    let cut = [height, width].map(|length| (length * side).div_ceil(longest));
    let large = if cut == [side; 2] {
        large
    } else {
        copy(tape, &tape.part(&large, masks * cut[0] * cut[1]))
    };
    let pixels = masks * height * width;
    let original = tape.apply(&[&large], pixels);
    drop(large);
    // Always in f32.
    let wide = 4 / tape.width();
    let original = if wide > 1 { tape.apply(&[&original], pixels * wide) } else { original };
    let truth = tape.constant_of(pixels, 4);
    [(); 2].map(|()| tape.apply(&[&original, &truth], masks))
}

/// The mask decoder.
fn decode(
    tape: &Tape<'_>,
    config: &CalicoConfig,
    [prompts, embedding]: [&Value; 2],
    masks: u64,
) -> Value {
    let (sam, decoder) = (&config.sam, &config.sam.decoder);
    let (width, kinds) = (sam.width as u64, decoder.num_mask_tokens as u64);
    let cells = (sam.grid() * sam.grid()) as u64;
    let dense =
        tape.within("sam.prompt.", || tape.trained("sam.prompt.no_mask_embed.weight", width));
    tape.within("sam.decoder.", || {
        let start = {
            let own = [("iou_token", 1), ("mask_tokens", kinds)].map(|(name, count)| {
                tape.trained(&format!("sam.decoder.{name}.weight"), count * width)
            });
            let inputs: Vec<&Value> = own.iter().flatten().chain([prompts]).collect();
            let tokens = tape.same(&inputs, masks * (2 + kinds) * width);
            let inputs: Vec<&Value> = [embedding].into_iter().chain(&dense).collect();
            let image = copy(tape, &tape.same(&inputs, cells * width));
            Streams { tokens, image: tape.same(&[&image], masks * cells * width) }
        };
        let positions = start.tokens.clone();
        let mut x = start;
        for layer in 0..decoder.depth {
            x = two_way(tape, config, (layer, masks), &x, &positions);
        }
        let placed = add(tape, &x.tokens, &positions);
        let placed_image = tape.shifted(&x.image);
        let at = "sam.decoder.transformer.final_attn_token_to_image";
        let read = ask(tape, config, (at, masks), [&placed, &placed_image, &x.image]);
        let sum = add(tape, &x.tokens, &read);
        let at = "sam.decoder.transformer.norm_final_attn";
        let tokens = norm(tape, at, &sum, width, Norm::Layer);
        let canvas = upscale(tape, config, &x.image, masks * cells);
        draw(tape, config, [&tokens, &canvas], [masks, cells])
    })
}

fn two_way(
    tape: &Tape<'_>,
    config: &CalicoConfig,
    (layer, masks): (usize, u64),
    x: &Streams,
    positions: &Value,
) -> Streams {
    let at = format!("sam.decoder.transformer.layers.{layer}");
    let width = config.sam.width as u64;
    let normed =
        |number: u64, x: &Value| norm(tape, &format!("{at}.norm{number}"), x, width, Norm::Layer);
    let asked = |name: &str, operands: [&Value; 3]| {
        ask(tape, config, (&format!("{at}.{name}"), masks), operands)
    };
    let tokens = if layer == 0 {
        asked("self_attn", [&x.tokens; 3])
    } else {
        let placed = add(tape, &x.tokens, positions);
        add(tape, &x.tokens, &asked("self_attn", [&placed, &placed, &x.tokens]))
    };
    let tokens = normed(1, &tokens);
    let placed_image = tape.shifted(&x.image);
    let placed = add(tape, &tokens, positions);
    let read = asked("cross_attn_token_to_image", [&placed, &placed_image, &x.image]);
    let tokens = normed(2, &add(tape, &tokens, &read));
    let names = ["lin1", "lin2"].map(|name| format!("{at}.mlp.{name}"));
    let sizes = [config.sam.width, config.sam.decoder.mlp_hidden];
    let updated = mlp(tape, [&names[0], &names[1]], &tokens, sizes);
    let tokens = normed(3, &add(tape, &tokens, &updated));
    let placed = add(tape, &tokens, positions);
    let read = asked("cross_attn_image_to_token", [&placed_image, &placed, &tokens]);
    let image = normed(4, &add(tape, &x.image, &read));
    Streams { tokens, image }
}

/// Attention with projections of its own.
fn ask(
    tape: &Tape<'_>,
    config: &CalicoConfig,
    (at, masks): (&str, u64),
    [queries, keys, values]: [&Value; 3],
) -> Value {
    let (width, decoder) = (config.sam.width, &config.sam.decoder);
    let inner = if at.ends_with("self_attn") { width } else { decoder.cross_width };
    let project = |name: &str, x: &Value| {
        linear(tape, &format!("{at}.{name}_proj"), x, Size::new(width, inner))
    };
    let (q, k, v) = (project("q", queries), project("k", keys), project("v", values));
    let size = Heads {
        batch: masks,
        count: decoder.num_heads as u64,
        queries: queries.len / (masks * width as u64).max(1),
        keys: keys.len / (masks * width as u64).max(1),
        width: inner as u64,
        grid: 0,
    };
    let mixed = attention(tape, &[&q, &k, &v], &[], size);
    linear(tape, &format!("{at}.out_proj"), &mixed, Size::new(inner, width))
}

/// The image enlarged four times; `cells` of all masks.
fn upscale(tape: &Tape<'_>, config: &CalicoConfig, image: &Value, cells: u64) -> Value {
    let width = config.sam.width;
    let doubled = |name: &str, x: &Value, [inner, out]: [usize; 2]| {
        let at = format!("sam.decoder.output_upscaling.{name}");
        let weight = tape.trained(&format!("{at}.weight"), (4 * inner * out) as u64);
        let weight = weight.map(|weight| copy(tape, &weight));
        let y =
            super::layers::linear_of(tape, x, Size::without_bias(inner, 4 * out), &[weight, None]);
        let moved = copy(tape, &y);
        drop(y);
        let bias = tape.trained(&format!("{at}.bias"), out as u64);
        let inputs: Vec<&Value> = [&moved].into_iter().chain(&bias).collect();
        tape.same(&inputs, moved.len)
    };
    let x = doubled("0", image, [width, width / 4]);
    debug_assert_eq!(x.len, cells * width as u64);
    let x = norm(tape, "sam.decoder.output_upscaling.1", &x, width as u64 / 4, Norm::Layer);
    let x = activation(tape, &x);
    activation(tape, &doubled("3", &x, [width / 4, width / 8]))
}

/// The product of every cell with the vector that each hypernetwork makes of its token.
fn draw(
    tape: &Tape<'_>,
    config: &CalicoConfig,
    [tokens, canvas]: [&Value; 2],
    [masks, cells]: [u64; 2],
) -> Value {
    let (width, kinds) = (config.sam.width, config.sam.decoder.num_mask_tokens);
    let vector = |kind: usize| {
        let at = format!("sam.decoder.output_hypernetworks_mlps.{kind}.layers");
        let mut x = tape.part(tokens, masks * width as u64);
        for (layer, out) in [width, width, width / 8].into_iter().enumerate() {
            let from = if layer == 0 { copy(tape, &x) } else { activation(tape, &x) };
            x = linear(tape, &format!("{at}.{layer}"), &from, Size::new(width, out));
        }
        x
    };
    let vectors: Vec<Value> = (0..kinds).map(vector).collect();
    let inputs: Vec<&Value> = vectors.iter().collect();
    let kinds = kinds as u64;
    let vectors = tape.same(&inputs, masks * kinds * (width as u64 / 8));
    let len = masks * kinds * 16 * cells;
    let flops = 2.0 * (len * (width as u64 / 8)) as f64;
    tape.count(flops);
    let wanted = [vectors.is_tracked(), canvas.is_tracked()];
    let back = flops * wanted.into_iter().filter(|wanted| *wanted).count() as f64;
    let all = tape.product(&[&vectors, canvas], len, back);
    // The first of the masks is the answer; cut out of each group, and put together again.
    copy(tape, &tape.part(&all, masks * 16 * cells))
}
