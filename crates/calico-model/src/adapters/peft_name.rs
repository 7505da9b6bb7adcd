//! The names of low-rank updates in PEFT's files and in a model.

/// What PEFT puts before the names of the model it wraps; once per wrapper, and some programs
/// drop it.
const WRAPPER: &str = "base_model.model.";

/// Tables of tokens that PEFT saves whole beside updates, where tokens were added: the name there,
/// and the name in a model.
const TABLES: [(&str, &str); 2] = [
    ("model.embed_tokens.weight", "llm.model.embed_tokens.weight"),
    ("lm_head.weight", "llm.lm_head.weight"),
];

/// The table of a model that has this name in PEFT's file.
pub(super) fn table(name: &str) -> Option<&'static str> {
    let mut rest = name;
    while let Some(inner) = rest.strip_prefix(WRAPPER) {
        rest = inner;
    }
    TABLES.iter().find(|(theirs, _)| *theirs == rest).map(|(_, ours)| *ours)
}

/// The table of a model that PEFT calls so where it says what was trained whole.
pub(super) fn table_of_module(module: &str) -> Option<&'static str> {
    let is_named = |theirs: &str| {
        let mut parts = theirs.trim_end_matches(".weight").rsplit('.');
        parts.next() == Some(module)
    };
    TABLES.iter().find(|(theirs, _)| is_named(theirs)).map(|(_, ours)| *ours)
}

/// Whether a tensor of a model has a row for each token.
pub(super) fn is_table(canonical: &str) -> bool {
    TABLES.iter().any(|(_, ours)| *ours == canonical)
}

/// A name in PEFT's file, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PeftName {
    /// `lora.layers.{i}.{q,v}.{a,b}`
    pub(super) canonical: String,
    /// Adapters have a name in memory, and some programs write it.
    pub(super) adapter: Option<String>,
}

impl PeftName {
    /// Reads `[base_model.model.]*model.layers.{i}.self_attn.{q,v}_proj.lora_{A,B}[.{adapter}].weight`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let mut rest = name;
        while let Some(inner) = rest.strip_prefix(WRAPPER) {
            rest = inner;
        }
        let (layer, rest) = rest.strip_prefix("model.layers.")?.split_once('.')?;
        let number: usize = layer.parse().ok()?;
        // No signs or leading zeros: a layer has one name.
        if number.to_string() != layer {
            return None;
        }
        let (projection, rest) = rest.strip_prefix("self_attn.")?.split_once('.')?;
        let projection = projection.strip_suffix("_proj").filter(|p| ["q", "v"].contains(p))?;
        let (half, rest) = rest.split_once('.')?;
        let half = match half {
            "lora_A" => "a",
            "lora_B" => "b",
            _ => return None,
        };
        let adapter = match rest.strip_suffix("weight")? {
            "" => None,
            named => {
                let adapter = named.strip_suffix('.')?;
                if adapter.is_empty() || adapter.contains('.') {
                    return None;
                }
                Some(adapter.to_owned())
            }
        };
        Some(Self { canonical: format!("lora.layers.{layer}.{projection}.{half}"), adapter })
    }

    /// The name that PEFT gives to `lora.layers.{i}.{q,v}.{a,b}`.
    pub(super) fn of(canonical: &str) -> Option<String> {
        let mut parts = canonical.strip_prefix("lora.layers.")?.split('.');
        let (layer, projection, half) = (parts.next()?, parts.next()?, parts.next()?);
        let half = half.to_uppercase();
        Some(format!(
            "{WRAPPER}model.layers.{layer}.self_attn.{projection}_proj.lora_{half}.weight"
        ))
    }

    /// The weight of the language model that the update of a half belongs to, and the other way
    /// round: `llm.model.layers.{i}.self_attn.{q,v}_proj.weight` to `lora.layers.{i}.{q,v}`.
    pub(super) fn update_of(weight: &str) -> Option<String> {
        let rest = weight.strip_prefix("llm.model.layers.")?.strip_suffix("_proj.weight")?;
        let (layer, projection) = rest.split_once(".self_attn.")?;
        ["q", "v"].contains(&projection).then(|| format!("lora.layers.{layer}.{projection}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str) -> Option<(String, Option<String>)> {
        PeftName::parse(name).map(|name| (name.canonical, name.adapter))
    }

    #[test]
    fn wrappers_and_names_of_adapters_do_not_matter() {
        let plain = "model.layers.11.self_attn.v_proj.lora_B";
        for wrappers in ["", WRAPPER, &WRAPPER.repeat(2)] {
            for adapter in [None, Some("default"), Some("trained")] {
                let spelled = adapter.map_or_else(String::new, |name| format!(".{name}"));
                let name = format!("{wrappers}{plain}{spelled}.weight");
                let want = ("lora.layers.11.v.b".to_owned(), adapter.map(str::to_owned));
                assert_eq!(parsed(&name), Some(want), "{name}");
            }
        }
    }

    #[test]
    fn what_we_write_is_what_we_read() {
        let name = PeftName::of("lora.layers.3.q.a").unwrap();
        assert_eq!(name, "base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight");
        assert_eq!(parsed(&name), Some(("lora.layers.3.q.a".into(), None)));
    }

    #[test]
    fn other_tensors_are_not_updates() {
        for name in [
            "model.layers.1.self_attn.k_proj.lora_A.weight",
            "model.layers.1.self_attn.q_proj.lora_C.weight",
            "model.layers.01.self_attn.q_proj.lora_A.weight",
            "model.layers.-1.self_attn.q_proj.lora_A.weight",
            "model.layers.1.mlp.up_proj.lora_A.weight",
            "model.layers.1.self_attn.q_proj.lora_A.a.b.weight",
            "model.layers.1.self_attn.q_proj.lora_A..weight",
            "model.layers.1.self_attn.q_proj.lora_A.bias",
            "model.layers.1.self_attn.q_proj.lora_Aweight",
            "model.layers.1.self_attn.q_proj.lora_A.defaultweight",
            "model.layers.1.self_attn.q_proj.weight",
            "vision.model.layers.1.self_attn.q_proj.lora_A.weight",
        ] {
            assert_eq!(parsed(name), None, "{name}");
        }
    }

    #[test]
    fn tables_of_tokens_are_known_in_any_wrapper() {
        for wrappers in ["", WRAPPER, &WRAPPER.repeat(2)] {
            let found = table(&format!("{wrappers}model.embed_tokens.weight"));
            assert_eq!(found, Some("llm.model.embed_tokens.weight"));
        }
        assert_eq!(table("base_model.model.lm_head.weight"), Some("llm.lm_head.weight"));
        assert_eq!(table("base_model.model.score.weight"), None);
        assert!(is_table("llm.lm_head.weight") && !is_table("llm.model.norm.weight"));
    }

    #[test]
    fn a_weight_knows_its_update() {
        let update = |name| PeftName::update_of(name);
        let found = update("llm.model.layers.4.self_attn.q_proj.weight");
        assert_eq!(found.as_deref(), Some("lora.layers.4.q"));
        assert_eq!(update("llm.model.layers.4.self_attn.k_proj.weight"), None);
        assert_eq!(update("llm.model.norm.weight"), None);
    }
}
