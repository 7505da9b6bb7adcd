//! Modules by the names of their tensors.

/// The module of the language model.
pub(crate) const LANGUAGE: &str = "llm";

/// The module of a tensor: the first part of its name, two parts below `sam`.
pub fn module_of(name: &str) -> &str {
    let mut dots = name.match_indices('.').map(|(at, _)| at);
    let end = if name.starts_with("sam.") { dots.nth(1) } else { dots.next() };
    &name[..end.unwrap_or(name.len())]
}

#[cfg(test)]
mod tests {
    use super::module_of;

    #[test]
    fn a_module_is_named_by_the_first_part_and_below_sam_by_two() {
        let modules = [
            ("cem.q.weight", "cem"),
            ("cams.0.queries", "cams"),
            ("sam.decoder.iou_token.weight", "sam.decoder"),
            ("query_tokens", "query_tokens"),
            ("sam", "sam"),
        ];
        for (name, module) in modules {
            assert_eq!(module_of(name), module);
        }
    }
}
