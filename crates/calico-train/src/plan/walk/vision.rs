//! The vision transformers.

use calico_model::CalicoConfig;
use calico_vision::dinov2::{Facet, FeedForwardKind};

use super::layers::swiglu;
use super::layers::{Heads, Norm, Size, activation, add, attention, copy, linear, linear_of, norm};
use crate::plan::tape::{Tape, Value};

/// A vision transformer without windows.
struct Tower<'c> {
    at: &'c str,
    pictures: u64,
    tokens: u64,
    width: usize,
    heads: u64,
    mlp: FeedForwardKind,
    /// Names of the two linears of a GELU feed-forward part.
    mlp_names: [&'c str; 2],
    /// Whether the updates are scaled per channel.
    is_scaled: bool,
    has_key_bias: bool,
}

/// EVA-CLIP and its norm: the tokens before and after `ln_vision`.
pub(super) fn eva(tape: &Tape<'_>, config: &CalicoConfig, pictures: u64) -> [Value; 2] {
    let eva = &config.eva;
    let tokens = eva.num_tokens() as u64;
    let tower = Tower {
        at: "eva",
        pictures,
        tokens,
        width: eva.width,
        heads: eva.num_heads as u64,
        mlp: FeedForwardKind::Gelu { hidden: eva.mlp_hidden },
        mlp_names: ["fc1", "fc2"],
        is_scaled: false,
        has_key_bias: false,
    };
    let raw = tape.within("eva.", || {
        let patches = patches(tape, "eva", eva.patch_size, pictures * (tokens - 1), eva.width);
        let width = eva.width as u64;
        let x = tokens_of(tape, "eva", &patches, [pictures, tokens, width], tokens);
        (0..eva.depth).fold(x, |x, block| tower.block(tape, block, &x))
    });
    let width = eva.width as u64;
    let normed = tape.within("ln_vision.", || norm(tape, "ln_vision", &raw, width, Norm::Layer));
    [raw, normed]
}

/// DINOv2 up to the block that is read.
pub(super) fn dino(tape: &Tape<'_>, config: &CalicoConfig, pictures: u64) -> Value {
    let dino = &config.dino;
    let cells = dino.grid().iter().product::<usize>() as u64;
    let tokens = cells + dino.num_prefix_tokens() as u64;
    let width = dino.width as u64;
    let tower = Tower {
        at: "dino",
        pictures,
        tokens,
        width: dino.width,
        heads: dino.num_heads as u64,
        mlp: dino.ffn,
        mlp_names: ["fc1", "fc2"],
        is_scaled: true,
        has_key_bias: true,
    };
    tape.within("dino.", || {
        let patches = patches(tape, "dino", dino.patch_size, pictures * cells, dino.width);
        let stored = (1 + dino.stored_grid * dino.stored_grid) as u64;
        let mut x = tokens_of(tape, "dino", &patches, [pictures, 1 + cells, width], stored);
        if dino.num_register_tokens > 0 {
            let len = dino.num_register_tokens as u64 * width;
            let registers = tape.trained("dino.register_tokens", len);
            let inputs: Vec<&Value> = [&x].into_iter().chain(&registers).collect();
            x = tape.same(&inputs, pictures * tokens * width);
        }
        let last = dino.layer.rem_euclid(dino.depth.max(1) as i64) as usize;
        let mut x = (0..last).fold(x, |x, block| tower.block(tape, block, &x));
        x = match dino.facet {
            Facet::Token => tower.block(tape, last, &x),
            Facet::Key => tape.part(&tower.projected(tape, last, &x), x.len),
        };
        let kept = if dino.keep_prefix_tokens { tokens } else { cells };
        let x = tape.part(&x, pictures * kept * width);
        if dino.final_norm && dino.facet == Facet::Token {
            // The rows of a part are not those of a whole: the norm copies them first.
            norm(tape, "dino.norm", &copy(tape, &x), width, Norm::Layer)
        } else {
            x
        }
    })
}

/// `[B, 3, H, W]` to `[B, P, D]`.
fn patches(tape: &Tape<'_>, at: &str, side: usize, rows: u64, width: usize) -> Value {
    let inner = 3 * side * side;
    let pixels = tape.constant(rows * inner as u64);
    let cut = copy(tape, &pixels);
    linear(tape, &format!("{at}.patch_embed.proj"), &cut, Size::new(inner, width))
}

/// The class token first, and positions on all; `stored` positions are on file.
fn tokens_of(
    tape: &Tape<'_>,
    at: &str,
    patches: &Value,
    [pictures, tokens, width]: [u64; 3],
    stored: u64,
) -> Value {
    let class = tape.trained(&format!("{at}.cls_token"), width);
    let inputs: Vec<&Value> = class.iter().chain([patches]).collect();
    let x = tape.same(&inputs, pictures * tokens * width);
    let positions = tape.trained(&format!("{at}.pos_embed"), stored * width);
    let inputs: Vec<&Value> = [&x].into_iter().chain(&positions).collect();
    tape.same(&inputs, x.len)
}

impl Tower<'_> {
    fn name(&self, block: usize, part: &str) -> String {
        format!("{}.blocks.{block}.{part}", self.at)
    }

    /// Queries, keys and values side by side.
    fn projected(&self, tape: &Tape<'_>, block: usize, x: &Value) -> Value {
        let width = self.width as u64;
        let normed = norm(tape, &self.name(block, "norm1"), x, width, Norm::Layer);
        let size = Size::new(self.width, 3 * self.width);
        if self.has_key_bias {
            return linear(tape, &self.name(block, "attn.qkv"), &normed, size);
        }
        let weight = tape.trained(&self.name(block, "attn.qkv.weight"), size.inner * size.out);
        let biases = [
            tape.trained(&self.name(block, "attn.q_bias"), width),
            tape.trained(&self.name(block, "attn.v_bias"), width),
        ];
        let biases: Vec<&Value> = biases.iter().flatten().collect();
        let bias = (!biases.is_empty()).then(|| tape.same(&biases, size.out));
        linear_of(tape, &normed, size, &[weight, bias])
    }

    fn block(&self, tape: &Tape<'_>, block: usize, x: &Value) -> Value {
        let width = self.width as u64;
        let mixed = {
            let qkv = self.projected(tape, block, x);
            let size = Heads {
                batch: self.pictures,
                count: self.heads,
                queries: self.tokens,
                keys: self.tokens,
                width,
                grid: 0,
            };
            let mixed = attention(tape, &[&qkv], &[], size);
            drop(qkv);
            linear(tape, &self.name(block, "attn.proj"), &mixed, Size::new(self.width, self.width))
        };
        let x = add(tape, x, &self.scaled(tape, &self.name(block, "ls1.gamma"), mixed));
        let updated = {
            let normed = norm(tape, &self.name(block, "norm2"), &x, width, Norm::Layer);
            self.feed_forward(tape, block, &normed)
        };
        add(tape, &x, &self.scaled(tape, &self.name(block, "ls2.gamma"), updated))
    }

    fn feed_forward(&self, tape: &Tape<'_>, block: usize, x: &Value) -> Value {
        let at = self.name(block, "mlp");
        let width = self.width;
        match self.mlp {
            FeedForwardKind::Gelu { hidden } => {
                let [first, second] = self.mlp_names.map(|name| format!("{at}.{name}"));
                mlp(tape, [&first, &second], x, [width, hidden])
            }
            FeedForwardKind::SwiGlu { hidden } => {
                let inner = {
                    let size = Size::new(width, 2 * hidden);
                    let packed = linear(tape, &format!("{at}.w12"), x, size);
                    swiglu(tape, &[&packed], packed.len / 2)
                };
                linear(tape, &format!("{at}.w3"), &inner, Size::new(hidden, width))
            }
        }
    }

    fn scaled(&self, tape: &Tape<'_>, name: &str, x: Value) -> Value {
        if !self.is_scaled {
            return x;
        }
        let gamma = tape.trained(name, self.width as u64);
        let inputs: Vec<&Value> = [&x].into_iter().chain(&gamma).collect();
        tape.apply(&inputs, x.len)
    }
}

/// `second(gelu(first(x)))`.
pub(super) fn mlp(
    tape: &Tape<'_>,
    [first, second]: [&str; 2],
    x: &Value,
    [width, hidden]: [usize; 2],
) -> Value {
    let active = activation(tape, &linear(tape, first, x, Size::new(width, hidden)));
    linear(tape, second, &active, Size::new(hidden, width))
}

/// SAM's image encoder.
pub(super) fn sam(tape: &Tape<'_>, config: &CalicoConfig, pictures: u64) -> Value {
    let (sam, encoder) = (&config.sam, &config.sam.encoder);
    let (grid, width) = (sam.grid() as u64, encoder.width as u64);
    let cells = pictures * grid * grid;
    tape.within("sam.encoder.", || {
        let at = "sam.encoder";
        let x = patches(tape, at, sam.patch_size, cells, encoder.width);
        let positions = tape.trained("sam.encoder.pos_embed", grid * grid * width);
        let inputs: Vec<&Value> = [&x].into_iter().chain(&positions).collect();
        let mut x = tape.same(&inputs, x.len);
        drop(positions);
        for block in 0..encoder.depth {
            x = sam_block(tape, config, [pictures, block as u64], &x);
        }
        let size = Size::without_bias(encoder.width, sam.width);
        let weight = tape.trained("sam.encoder.neck.0.weight", size.inner * size.out);
        let out = sam.width as u64;
        let x = linear_of(tape, &x, size, &[weight, None]);
        let x = copy(tape, &norm(tape, "sam.encoder.neck.1", &x, out, Norm::Layer));
        let smooth = tape.trained("sam.encoder.neck.2.weight", 9 * out * out);
        // candle unfolds the picture for its convolution.
        let unfolded = 9 * x.len * 4;
        let flops = 2.0 * (cells * 9 * out * out) as f64;
        tape.count(flops);
        let wanted = [x.is_tracked(), smooth.is_some()];
        let back = flops * wanted.into_iter().filter(|wanted| *wanted).count() as f64;
        let inputs: Vec<&Value> = [&x].into_iter().chain(&smooth).collect();
        let x = tape.with_scratch(&inputs, x.len, back, [unfolded, unfolded]);
        let x = norm(tape, "sam.encoder.neck.3", &copy(tape, &x), out, Norm::Layer);
        copy(tape, &x)
    })
}

fn sam_block(
    tape: &Tape<'_>,
    config: &CalicoConfig,
    [pictures, block]: [u64; 2],
    x: &Value,
) -> Value {
    let (sam, encoder) = (&config.sam, &config.sam.encoder);
    let (grid, width) = (sam.grid(), encoder.width as u64);
    let at = format!("sam.encoder.blocks.{block}");
    let is_global = encoder.global_blocks.contains(&(block as usize));
    let side = if is_global { grid } else { encoder.window_size.max(1) };
    let windows = pictures * if is_global { 1 } else { grid.div_ceil(side).pow(2) as u64 };
    let tokens = (side * side) as u64;
    let heads = encoder.num_heads as u64;
    let mixed = {
        let mut map = norm(tape, &format!("{at}.norm1"), x, width, Norm::Layer);
        if !is_global {
            map = split_windows(tape, &map, [pictures, grid as u64, side as u64, width]);
        }
        let size = Size::new(encoder.width, 3 * encoder.width);
        let qkv = linear(tape, &format!("{at}.attn.qkv"), &map, size);
        drop(map);
        let table = (2 * side as u64 - 1) * (width / heads.max(1));
        let tables =
            ["h", "w"].map(|axis| tape.trained(&format!("{at}.attn.rel_pos_{axis}"), table));
        let tables: Vec<Value> = tables.into_iter().flatten().collect();
        let grid = 2 * side as u64;
        let size =
            Heads { batch: windows, count: heads, queries: tokens, keys: tokens, width, grid };
        let mixed = attention(tape, &[&qkv], &tables, size);
        drop(qkv);
        let size = Size::new(encoder.width, encoder.width);
        let mixed = linear(tape, &format!("{at}.attn.proj"), &mixed, size);
        if is_global { mixed } else { join_windows(tape, &mixed, x.len) }
    };
    let x = add(tape, x, &mixed);
    drop(mixed);
    let normed = norm(tape, &format!("{at}.norm2"), &x, width, Norm::Layer);
    let names = ["lin1", "lin2"].map(|name| format!("{at}.mlp.{name}"));
    let sizes = [encoder.width, encoder.mlp_hidden];
    add(tape, &x, &mlp(tape, [&names[0], &names[1]], &normed, sizes))
}

/// Windows of maps of `grid` by `grid` tokens, filled up with zeros. Composed, each axis is filled
/// up on its own before the windows are copied apart.
fn split_windows(tape: &Tape<'_>, map: &Value, [pictures, grid, side, width]: [u64; 4]) -> Value {
    let padded = grid.div_ceil(side) * side;
    let len = pictures * padded * padded * width;
    if tape.is_fused() {
        return tape.apply(&[map], len);
    }
    let taller = tape.same(&[map], pictures * padded * grid * width);
    copy(tape, &tape.same(&[&taller], len))
}

/// The maps that windows make up, `len` values together.
fn join_windows(tape: &Tape<'_>, windows: &Value, len: u64) -> Value {
    if tape.is_fused() {
        return tape.apply(&[windows], len);
    }
    tape.part(&copy(tape, windows), len)
}
