//! One model under the names of several programs: the same bits come out.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use calico_import::assembly::Role;
use calico_model::Preset;
use calico_model::checkpoint::init;
use calico_nn::weights::checkpoint::StoredType;
use tempfile::TempDir;

use crate::damaged::{Tensor, Tensors, read, write};
use crate::desk::Wish;

/// A model of ours, all of whose tensors have values of their own.
struct Ours {
    folder: TempDir,
    tensors: Tensors,
}

impl Ours {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = Preset::Tiny.config().unwrap();
        let path = folder.path().join("tiny");
        init(&path, &config, 3, StoredType::F32, |_| ControlFlow::Continue(())).unwrap();
        let mut tensors = read(&path.join("model.safetensors"));
        // Zeros and ones of an untrained model would hide an exchange.
        for (number, (_, _, bytes)) in tensors.values_mut().enumerate() {
            for (at, value) in bytes.chunks_mut(4).enumerate() {
                let drawn = ((number * 7919 + at * 31) % 8191) as f32 / 4096.0 - 1.0;
                value.copy_from_slice(&drawn.to_le_bytes());
            }
        }
        Self { folder, tensors }
    }

    /// The tensors whose names begin so, without that.
    fn below(&self, start: &str) -> std::vec::IntoIter<(String, Tensor)> {
        let named = |(name, tensor): (&String, &Tensor)| {
            Some((name.strip_prefix(start)?.to_owned(), tensor.clone()))
        };
        self.tensors.iter().filter_map(named).collect::<Vec<_>>().into_iter()
    }

    /// Writes a file of others, and proves that importing it in this role gives the tensors of
    /// ours whose names begin so, to the bit.
    #[track_caller]
    fn assert_same(&self, theirs: &Tensors, role: Role, starts: &[&str]) {
        let is_asked = |name: &str| starts.iter().any(|start| name.starts_with(start));
        let (file, rest) = (self.path("theirs.safetensors"), self.path("rest.safetensors"));
        write(&file, theirs);
        let mut files = vec![(role, file)];
        let others = self.tensors.iter().filter(|(name, _)| !is_asked(name));
        let others: Tensors = others.map(|(name, it)| (name.clone(), it.clone())).collect();
        if !others.is_empty() {
            write(&rest, &others);
            files.push((Role::Whole, rest));
        }
        let mut wish = Wish::new(&files, &[]);
        wish.tokenizer = Some(self.path("tiny/tokenizer.json"));
        let made = read(&wish.imported().path().join("model.safetensors"));
        let differ: Vec<&String> =
            self.tensors.iter().filter(|(name, it)| made[*name] != **it).map(|it| it.0).collect();
        assert!(differ.is_empty(), "these differ: {differ:?}");
        assert_eq!(made.len(), self.tensors.len());
        fs::remove_file(self.path("rest.safetensors")).ok();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Rows of a tensor, as one of their own.
fn rows((dtype, shape, bytes): &Tensor, range: std::ops::Range<usize>) -> Tensor {
    let width = bytes.len() / shape[0];
    let shape = [&[range.len()], &shape[1..]].concat();
    (dtype.clone(), shape, bytes[range.start * width..range.end * width].to_vec())
}

/// A tensor in equal parts, each under a name of its own.
fn split(tensor: &Tensor, names: &[String]) -> Vec<(String, Tensor)> {
    let each = tensor.1[0] / names.len();
    let part =
        |(at, name): (usize, &String)| (name.clone(), rows(tensor, at * each..(at + 1) * each));
    names.iter().enumerate().map(part).collect()
}

/// SAM by its original names.
fn sam(ours: &Ours) -> Vec<(String, Tensor)> {
    let parts =
        [("encoder", "image_encoder"), ("prompt", "prompt_encoder"), ("decoder", "mask_decoder")];
    let named = |(part, theirs): (&str, &str)| -> Vec<(String, Tensor)> {
        let all = ours.below(&format!("sam.{part}."));
        all.map(|(name, tensor)| (format!("{theirs}.{name}"), tensor)).collect()
    };
    parts.into_iter().flat_map(named).collect()
}

/// DINOv2 as transformers has it, in the older or the newer spelling.
fn dino(ours: &Ours, is_newer: bool) -> Tensors {
    let mut theirs = Tensors::new();
    for (name, tensor) in ours.below("dino.") {
        let Some((at, tail)) = name.strip_prefix("blocks.").and_then(|rest| rest.split_once('.'))
        else {
            let name = match name.as_str() {
                "pos_embed" => "embeddings.position_embeddings".to_owned(),
                token if token.ends_with("_token") || token.ends_with("_tokens") => {
                    format!("embeddings.{token}")
                }
                other => other
                    .replace("patch_embed.proj", "embeddings.patch_embeddings.projection")
                    .replace("norm.", "layernorm."),
            };
            theirs.insert(name, tensor);
            continue;
        };
        let kind = tail.rsplit('.').next().unwrap();
        let at = format!("encoder.layer.{at}");
        let names = |names: &[&str]| -> Vec<String> {
            names.iter().map(|name| format!("{at}.{name}.{kind}")).collect()
        };
        match (tail, is_newer) {
            (tail, false) if tail.starts_with("attn.qkv") => theirs.extend(split(
                &tensor,
                &names(
                    &["query", "key", "value"]
                        .map(|it| ["attention.attention", it].join("."))
                        .each_ref()
                        .map(String::as_str),
                ),
            )),
            (tail, true) if tail.starts_with("attn.qkv") => theirs.extend(split(
                &tensor,
                &names(&["attention.q_proj", "attention.k_proj", "attention.v_proj"]),
            )),
            (tail, true) if tail.starts_with("mlp.w12") => {
                theirs.extend(split(&tensor, &names(&["mlp.gate_proj", "mlp.up_proj"])));
            }
            (tail, _) => {
                let [out, last] = if is_newer {
                    ["attention.o_proj", "mlp.down_proj"]
                } else {
                    ["attention.output.dense", "mlp.weights_out"]
                };
                let tail = tail
                    .replace("attn.proj", out)
                    .replace("ls1.gamma", "layer_scale1.lambda1")
                    .replace("ls2.gamma", "layer_scale2.lambda1")
                    .replace("mlp.w12", "mlp.weights_in")
                    .replace("mlp.w3", last);
                theirs.insert(format!("{at}.{tail}"), tensor);
            }
        }
    }
    theirs
}

#[test]
fn a_merged_checkpoint_under_guessed_names_is_the_same_model() {
    let ours = Ours::new();
    for is_wrapped in [false, true] {
        let mut theirs = Tensors::new();
        let mut put = |name: String, tensor: Tensor| {
            let prefix = if is_wrapped { "base_model.model." } else { "" };
            theirs.insert(format!("{prefix}{name}"), tensor);
        };
        for (name, tensor) in ours.below("llm.") {
            let has_update = name.contains("q_proj") || name.contains("v_proj");
            let name = if has_update { name.replace("_proj.", "_proj.base_layer.") } else { name };
            put(name, tensor);
        }
        for (name, tensor) in ours.below("lora.layers.") {
            let [layer, projection, half] = name.split('.').collect::<Vec<_>>()[..] else {
                panic!()
            };
            let half = half.to_uppercase();
            let at = format!("model.layers.{layer}.self_attn.{projection}_proj");
            put(format!("{at}.lora_{half}.default.weight"), tensor);
        }
        for (start, prefix) in [
            ("seg_proj.", "model.text_hidden_fcs.0."),
            ("eva.", "model.vision_tower.visual_encoder."),
            ("qformer.", "model.vision_tower.Qformer."),
            ("ln_vision.", "model.vision_tower.ln_vision."),
            ("query_tokens", "model.vision_tower.query_tokens"),
            ("f_image.", "model.mm_projector."),
            ("dino.", "model.dinov2."),
            ("cem.", "model.cem."),
            ("cams.", "model.cams."),
        ] {
            ours.below(start).for_each(|(name, it)| put(format!("{prefix}{name}"), it));
        }
        for (name, it) in sam(&ours) {
            put(format!("model.grounding_encoder.{name}"), it);
        }
        ours.assert_same(&theirs, Role::Whole, &[""]);
    }
}

#[test]
fn correspondence_modules_as_attention_of_pytorch_are_the_same() {
    let ours = Ours::new();
    let mut theirs = Tensors::new();
    let mut bias: Option<Tensor> = None;
    for (name, tensor) in ours.below("cem.") {
        match name.as_str() {
            "q.weight" | "k.weight" | "v.weight" => {
                let name = name.replace(".weight", "_proj_weight");
                theirs.insert(format!("model.cem.{name}"), tensor);
            }
            "out.weight" | "out.bias" => {
                theirs.insert(format!("model.cem.{}", name.replace("out.", "out_proj.")), tensor);
            }
            _ => {}
        }
    }
    for part in ["q", "k", "v"] {
        let (dtype, shape, bytes) = ours.tensors[&format!("cem.{part}.bias")].clone();
        match &mut bias {
            None => bias = Some((dtype, shape, bytes)),
            Some((_, all, values)) => {
                all[0] += shape[0];
                values.extend(bytes);
            }
        }
    }
    theirs.insert("model.cem.in_proj_bias".into(), bias.unwrap());
    for (name, tensor) in ours.below("cams.") {
        let name = name.replace("adapt", "qformer_proj").replace("reint", "llm_proj");
        theirs.insert(format!("model.cams.{name}"), tensor);
    }
    ours.assert_same(&theirs, Role::Adapters, &["cem.", "cams."]);
}

#[test]
fn every_spelling_of_dinov2_is_the_same() {
    let ours = Ours::new();
    for is_newer in [false, true] {
        ours.assert_same(&dino(&ours, is_newer), Role::Dino, &["dino."]);
    }
    let chunked = ours.below("dino.").map(|(name, tensor)| {
        let name = name.replace("blocks.0.", "blocks.0.0.").replace("blocks.1.", "blocks.0.1.");
        (format!("backbone.{}", name.replace("blocks.2.", "blocks.1.2.")), tensor)
    });
    ours.assert_same(&chunked.collect(), Role::Dino, &["dino."]);
}

#[test]
fn the_language_model_as_meta_publishes_it_is_the_same() {
    let ours = Ours::new();
    let names = [
        ("model.layers.", "layers."),
        ("model.embed_tokens", "tok_embeddings"),
        ("lm_head", "output"),
        ("model.norm", "norm"),
        ("self_attn.q_proj", "attention.wq"),
        ("self_attn.k_proj", "attention.wk"),
        ("self_attn.v_proj", "attention.wv"),
        ("self_attn.o_proj", "attention.wo"),
        ("post_attention_layernorm", "ffn_norm"),
        ("input_layernorm", "attention_norm"),
        ("mlp.gate_proj", "feed_forward.w1"),
        ("mlp.down_proj", "feed_forward.w2"),
        ("mlp.up_proj", "feed_forward.w3"),
    ];
    let theirs = ours.below("llm.").map(|(name, mut tensor)| {
        let theirs = names.iter().fold(name, |name, (ours, theirs)| name.replace(ours, theirs));
        if theirs.contains(".wq.") || theirs.contains(".wk.") {
            // Four heads of 16 rows; rows that rotate together are neighbours.
            let order = (0..64).map(|row| row / 16 * 16 + row % 16 / 2 + row % 2 * 8);
            let parts = order.map(|row| rows(&tensor, row..row + 1).2).collect::<Vec<_>>();
            tensor.2 = parts.concat();
        }
        (theirs, tensor)
    });
    let theirs: Tensors = theirs.collect();
    assert!(theirs.keys().all(|name| !name.contains("proj")), "{:?}", theirs.keys());
    ours.assert_same(&theirs, Role::Language, &["llm."]);
}

#[test]
fn the_vision_tower_with_written_zeros_and_lisa_are_the_same() {
    let ours = Ours::new();
    let mut eva: Tensors = ours.below("eva.").collect();
    let zeros = ("F32".to_owned(), vec![64], vec![0; 256]);
    eva.extend((0..4).map(|at| (format!("blocks.{at}.attn.k_bias"), zeros.clone())));
    ours.assert_same(&eva, Role::Vision, &["eva."]);
    let in_lisa = sam(&ours).into_iter();
    let mut lisa: Tensors =
        in_lisa.map(|(name, tensor)| (format!("model.visual_model.{name}"), tensor)).collect();
    lisa.extend(ours.below("llm."));
    let projection = ours.below("seg_proj.");
    lisa.extend(projection.map(|(name, it)| (format!("model.text_hidden_fcs.0.{name}"), it)));
    ours.assert_same(&lisa, Role::Whole, &["llm.", "seg_proj.", "sam."]);
}
