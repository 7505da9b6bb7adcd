//! Which modules a file is asked for.

/// What a file is brought in for. Tensors of other modules in it are left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A merged model: everything that it holds.
    Whole,
    /// The language model, and the projection of `[SEG]` that GLaMM trained with it.
    Language,
    /// EVA-CLIP.
    Vision,
    /// The Q-Former, its queries and the norm before it: they were trained together.
    QFormer,
    /// The projection of the queries to the language model.
    ImageProjection,
    /// DINOv2.
    Dino,
    /// SAM, all of it.
    Sam,
    /// What CALICO trains: both correspondence modules, low-rank updates, SAM's decoder. They
    /// take the place of what other files hold. So do both tables of tokens, which PEFT saves
    /// beside updates where tokens were added.
    Adapters,
}

/// The table by which tokens enter the language model.
pub(super) const EMBED_TOKENS: &str = "llm.model.embed_tokens.weight";
/// The table by which they leave it.
pub(super) const LM_HEAD: &str = "llm.lm_head.weight";

/// Whether a tensor of ours has a row for each token.
pub(super) fn is_table(ours: &str) -> bool {
    [EMBED_TOKENS, LM_HEAD].contains(&ours)
}

/// A role, the option that names it, and the beginnings of the names of ours that it asks for.
type Row = (Role, &'static str, &'static [&'static str]);

const ROWS: [Row; 8] = [
    (Role::Whole, "MODEL", &[""]),
    (Role::Language, "--llm", &["llm.", "seg_proj.", "lora."]),
    (Role::Vision, "--vision", &["eva."]),
    (Role::QFormer, "--qformer", &["qformer.", "query_tokens", "ln_vision."]),
    (Role::ImageProjection, "--f-image", &["f_image."]),
    (Role::Dino, "--dino", &["dino."]),
    (Role::Sam, "--sam", &["sam."]),
    (
        Role::Adapters,
        "--adapters",
        &["cem.", "cams.", "lora.", "sam.decoder.", EMBED_TOKENS, LM_HEAD],
    ),
];

impl Role {
    /// How a user names the role.
    pub fn option(self) -> &'static str {
        self.row().1
    }

    /// Whether a file in this role is asked for the tensor of ours with this name.
    pub fn takes(self, name: &str) -> bool {
        self.row().2.iter().any(|start| name.starts_with(start))
    }

    /// The options that bring in the tensor of ours with this name.
    pub(super) fn that_take(name: &str) -> impl Iterator<Item = &'static str> {
        ROWS.into_iter().filter(move |(role, ..)| role.takes(name)).map(|(_, option, _)| option)
    }

    fn row(self) -> Row {
        let found = ROWS.into_iter().find(|(role, ..)| *role == self);
        found.unwrap_or((self, "MODEL", &[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_its_row() {
        for (role, option, starts) in ROWS {
            assert_eq!(role.option(), option);
            assert!(starts.iter().all(|start| role.takes(&format!("{start}x"))));
        }
        assert!(Role::Adapters.takes(LM_HEAD) && !Role::Adapters.takes("llm.model.norm.weight"));
        assert!(!Role::Sam.takes("llm.model.norm.weight"));
        let of_decoder: Vec<_> = Role::that_take("sam.decoder.iou_token.weight").collect();
        assert_eq!(of_decoder, ["MODEL", "--sam", "--adapters"]);
    }
}
