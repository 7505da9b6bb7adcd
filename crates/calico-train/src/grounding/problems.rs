use calico_data::loader::Selection;
use calico_data::{Dataset, Split};
use calico_language::Tokenizer;
use calico_model::CalicoConfig;
use calico_model::prompt::{PromptLayout, prompt_ids, user_message};

use crate::TrainError;

/// Samples that are looked at before the first step.
const LOOKED_AT: usize = 256;

/// Where model and data disagree, one line each: found before hours are spent.
///
/// Looks at the first samples of the train split that are selected.
pub(crate) fn problems(
    selection: &Selection,
    config: &CalicoConfig,
    tokenizer: &Tokenizer,
    dataset: &Dataset,
) -> Result<Vec<String>, TrainError> {
    // A tokenizer without this token has no word that it does not know.
    let unknown_id = tokenizer.encode("<unk>").ok().filter(|ids| ids.len() == 1);
    let (mut looked, mut long, mut torn, mut unknown) = (0, 0, 0, 0);
    for sample in dataset.samples(Split::Train)? {
        let sample = sample?;
        if !selection.takes_sample(&sample) {
            continue;
        }
        if looked == LOOKED_AT {
            break;
        }
        looked += 1;
        let message = user_message(&sample.question, sample.image_ids.len()).ok();
        let ids = message.and_then(|m| prompt_ids(&m, &config.prompt, tokenizer).ok());
        let Some(ids) = ids else {
            torn += 1;
            continue;
        };
        let layout = PromptLayout::new(&ids, config.tokens_per_image());
        long += usize::from(layout.len() >= config.llm.max_positions);
        let answer = tokenizer.encode(sample.answer.trim()).unwrap_or_default();
        let segs = answer.iter().filter(|id| **id == tokenizer.special().seg).count();
        torn += usize::from(segs != sample.region_ids.len());
        let is_unknown = |id: &u32| unknown_id.as_deref().is_some_and(|ids| ids.contains(id));
        unknown += usize::from(answer.iter().any(is_unknown));
    }
    let mut problems = Vec::new();
    let mut tell = |count: usize, what: &str| {
        if count > 0 {
            problems.push(format!("of the first {looked} samples, {count} {what}"));
        }
    };
    if looked == 0 {
        return Ok(vec!["data: the train split has no sample that the recipe selects".into()]);
    }
    // A long sample among many is skipped; many of them make no training.
    let most = looked / 20;
    tell(
        if long > most { long } else { 0 },
        &format!(
            "have prompts that do not fit into the model's context of {} positions; use a model \
             with a longer context (llm.max_positions), or fewer images per sample",
            config.llm.max_positions
        ),
    );
    tell(
        torn,
        "do not have one [SEG] token per mask with this tokenizer; model and data belong to \
         different programs",
    );
    tell(unknown, "hold words that the tokenizer does not know; use one with byte fallback");
    Ok(problems)
}
