//! The Q-Former and the correspondence modules.

use calico_model::CalicoConfig;
use calico_model::correspondence::QuerySource;

use super::layers::{Heads, Norm, Size, add, attention, linear, norm};
use super::vision::mlp;
use crate::plan::tape::{Tape, Value};

/// Keys and values of the Q-Former, layer by layer.
pub(super) type KeysValues = Vec<Option<[Value; 2]>>;

/// What the adapters see.
pub(super) enum Source {
    Asked(KeysValues),
    Queries,
    Tokens(Value),
}

/// What the Q-Former's layers see of pictures.
pub(super) fn keys_values(tape: &Tape<'_>, config: &CalicoConfig, tokens: &Value) -> KeysValues {
    let q = &config.qformer;
    let size = Size::new(q.encoder_width, q.width);
    let of_layer = |layer: usize| {
        let at = format!("qformer.bert.encoder.layer.{layer}.crossattention.self");
        let project = |name: &str| linear(tape, &format!("{at}.{name}"), tokens, size);
        q.looks_at_image(layer).then(|| ["key", "value"].map(project))
    };
    tape.within("qformer.", || (0..q.depth).map(of_layer).collect())
}

/// One pass of the Q-Former: `pictures` sets of queries.
pub(super) fn pass(
    tape: &Tape<'_>,
    config: &CalicoConfig,
    queries: &Value,
    keys_values: &KeysValues,
    pictures: u64,
) -> Value {
    let q = &config.qformer;
    let (count, width) = (q.num_queries as u64, q.width as u64);
    tape.within("qformer.", || {
        let repeated = tape.same(&[queries], pictures * count * width);
        let at = "qformer.bert.embeddings.LayerNorm";
        let mut x = norm(tape, at, &repeated, width, Norm::Layer);
        drop(repeated);
        for (layer, image) in keys_values.iter().enumerate() {
            let at = format!("qformer.bert.encoder.layer.{layer}");
            let size = Size::new(q.width, q.width);
            let own = ["key", "value"]
                .map(|name| linear(tape, &format!("{at}.attention.self.{name}"), &x, size));
            let (own_heads, tokens) = (heads(config, pictures, count), config.eva.num_tokens());
            x = look(tape, &format!("{at}.attention"), &x, &own, own_heads);
            drop(own);
            if let Some(image) = image {
                let size = heads(config, pictures, tokens as u64);
                x = look(tape, &format!("{at}.crossattention"), &x, image, size);
            }
            let names =
                [format!("{at}.intermediate_query.dense"), format!("{at}.output_query.dense")];
            let sizes = [q.width, q.ffn_hidden];
            let updated = mlp(tape, [&names[0], &names[1]], &x, sizes);
            let sum = add(tape, &updated, &x);
            x = norm(tape, &format!("{at}.output_query.LayerNorm"), &sum, width, Norm::Layer);
        }
        x
    })
}

fn heads(config: &CalicoConfig, pictures: u64, keys: u64) -> Heads {
    let q = &config.qformer;
    Heads {
        batch: pictures,
        count: q.num_heads as u64,
        queries: q.num_queries as u64,
        keys,
        width: q.width as u64,
        grid: 0,
    }
}

/// `LN(out(attention(x, source)) + x)`.
fn look(tape: &Tape<'_>, at: &str, x: &Value, source: &[Value; 2], size: Heads) -> Value {
    let width = size.width as usize;
    let square = Size::new(width, width);
    let queries = linear(tape, &format!("{at}.self.query"), x, square);
    let mixed = attention(tape, &[&queries, &source[0], &source[1]], &[], size);
    drop(queries);
    let mixed = linear(tape, &format!("{at}.output.dense"), &mixed, square);
    let sum = add(tape, &mixed, x);
    norm(tape, &format!("{at}.output.LayerNorm"), &sum, size.width, Norm::Layer)
}

/// The extraction module.
pub(super) fn extract(
    tape: &Tape<'_>,
    config: &CalicoConfig,
    [global, semantic]: [&Value; 2],
    pictures: u64,
) -> Value {
    let cem = &config.cem;
    let (width, tokens) = (config.eva.width, config.eva.num_tokens() as u64);
    let wide = width as u64;
    tape.within("cem.", || {
        let normed = |wanted: bool, x: &Value, width: u64, name: &str| {
            if wanted { norm(tape, name, x, width, Norm::Layer) } else { x.clone() }
        };
        let linear = |x: &Value, inner, name: &str| {
            let mut size = Size::new(inner, width);
            size.has_bias = cem.bias;
            linear(tape, name, x, size)
        };
        let asking = normed(cem.pre_norm, global, wide, "cem.pre_norm");
        let asked = normed(cem.kv_norm, semantic, config.dino.width as u64, "cem.kv_norm");
        let (q, inner) = (linear(&asking, width, "cem.q"), config.dino.width);
        let (k, v) = (linear(&asked, inner, "cem.k"), linear(&asked, inner, "cem.v"));
        let size = Heads {
            batch: pictures,
            count: cem.num_heads as u64,
            queries: tokens,
            keys: semantic.len / (pictures * inner as u64).max(1),
            width: wide,
            grid: 0,
        };
        let mut mixed = attention(tape, &[&q, &k, &v], &[], size);
        if cem.out_proj {
            mixed = linear(&mixed, width, "cem.out");
        }
        if cem.residual {
            mixed = add(tape, global, &mixed);
        }
        normed(cem.post_norm, &mixed, wide, "cem.post_norm")
    })
}

/// The queries of the Q-Former, `[1, Q, E]`.
pub(super) fn queries(tape: &Tape<'_>, config: &CalicoConfig) -> Value {
    let [count, width] = config.queries().map(|number| number as u64);
    let frozen = || tape.constant_of(count * width, 0);
    tape.trained("query_tokens", count * width).unwrap_or_else(frozen)
}

/// Adapter `number`, on the states `hidden` of all samples, which have `pictures` images in all.
pub(super) fn adapted(
    tape: &Tape<'_>,
    config: &CalicoConfig,
    [number, pictures]: [u64; 2],
    source: &Source,
    hidden: &Value,
) -> Value {
    let [count, width] = config.queries();
    let (llm_width, answers) = (config.llm.width, pictures * count as u64);
    let number = if config.cam.share_weights { 0 } else { number };
    tape.within("cams.", || {
        let own = match config.cam.query_source {
            QuerySource::Shared => queries(tape, config),
            QuerySource::Copy => {
                let len = (count * width) as u64;
                let name = format!("cams.{number}.queries");
                tape.trained(&name, len).unwrap_or_else(|| tape.constant_of(len, 0))
            }
        };
        let base = if let Source::Tokens(tokens) = source { tokens } else { &own };
        let asked = if config.cam.use_guidance {
            let guidance = tape.apply(&[hidden], pictures * llm_width as u64);
            let at = format!("cams.{number}.adapt");
            let adapted = linear(tape, &at, &guidance, Size::new(llm_width, width));
            tape.same(&[base, &adapted], answers * width as u64)
        } else {
            base.clone()
        };
        let answer = match source {
            Source::Asked(keys_values) => pass(tape, config, &asked, keys_values, pictures),
            Source::Queries | Source::Tokens(_) => asked,
        };
        let at = format!("cams.{number}.reint");
        let added = linear(tape, &at, &answer, Size::new(width, llm_width));
        tape.apply(&[hidden, &added], hidden.len)
    })
}
