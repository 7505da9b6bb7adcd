//! What files say of their models, put into the configuration.

use calico_formats::FileFormat;
use calico_model::CalicoConfig;
use calico_model::adapters::{LORA_CONFIG_FILE, OWN_CONFIG_FILE, peft_settings};

use super::language_config::LanguageConfig;
use super::{ImportError, ImportProblem, Source};
use crate::Recipe;

/// Puts into the configuration what the files alone can know: epsilon, rotary base and context of
/// the language model, sides of position tables, rank and alpha of low-rank updates. Sizes of
/// modules are compared, not taken over.
///
/// With it come the problems: what this program does not do, and sizes that differ.
pub(super) fn adopt(
    mut config: CalicoConfig,
    sources: &[Source],
) -> Result<(CalicoConfig, Vec<ImportProblem>), ImportError> {
    let mut problems = Vec::new();
    for source in sources {
        if source.folder().join(OWN_CONFIG_FILE).exists() && !source.makes("llm.model.layers.") {
            return Err(ImportError::OwnAdapters(source.folder().to_path_buf()));
        }
        if source.makes("llm.model.layers.") {
            let said = match source.files().files() {
                [file, ..] if file.format() == FileFormat::Gguf => {
                    Some(LanguageConfig::of_gguf(file))
                }
                _ => LanguageConfig::of_folder(source.folder())?,
            };
            if let Some(said) = said {
                said.put_into(&mut config.llm, &mut problems);
            }
        }
        if source.makes("lora.")
            && let Some(said) = peft_settings(source.folder(), config.llm.depth)?
        {
            config.lora = Some(said.lora);
            let held = &source.translation().recipes;
            let lacking = said.tables.into_iter().filter(|&table| !held.contains_key(table));
            problems.extend(lacking.map(|table| ImportProblem::Setting {
                file: source.folder().join(LORA_CONFIG_FILE).display().to_string(),
                key: "modules_to_save".to_owned(),
                found: table.to_owned(),
                expected: "tables that are in the file beside it".to_owned(),
            }));
        }
        if let Some(side) = side_of(source.recipe("eva.pos_embed"))
            && side != config.eva.grid()
        {
            config.eva.stored_grid = Some(side);
        }
        if let Some(side) = side_of(source.recipe("dino.pos_embed")) {
            config.dino.stored_grid = side;
        }
    }
    Ok((config, problems))
}

/// The side of the grid of a position table `[1, 1 + side * side, width]`, where it is a square.
fn side_of(table: Option<&Recipe>) -> Option<usize> {
    let [1, tokens, _] = table?.shape.as_slice() else { return None };
    let cells = tokens.checked_sub(1)?;
    let side = cells.isqrt();
    (side > 0 && side * side == cells).then_some(side)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_side_of_a_square_table_is_found_and_no_other() {
        let side =
            |shape: &[usize]| side_of(Some(&Recipe { shape: shape.to_vec(), parts: Vec::new() }));
        assert_eq!(side(&[1, 257, 1408]), Some(16));
        assert_eq!(side(&[1, 256, 1408]), None);
        assert_eq!(side(&[1, 1, 1408]), None);
        assert_eq!(side(&[257, 1408]), None);
        assert_eq!(side_of(None), None);
    }
}
