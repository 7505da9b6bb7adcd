use std::collections::BTreeMap;

use calico_data::loader::Selection;
use calico_data::{Dataset, Split, Stream};
use calico_model::{Calico, CalicoConfig};
use calico_nn::Weights;
use candle_core::DType;

use super::LabelClasses;
use super::check::learning_towers;
use super::label_heads::LabelHeads;
use super::label_lessons::tokens;
use super::labelled_picture::LabelledPicture;
use crate::TrainError;
use crate::features::Tower;
use crate::pictures::{Refusal, SplitImages};
use crate::recipe::StageConfig;

/// The pictures on which it is seen how well labels were learnt: the same in every validation.
#[derive(Debug, Clone)]
pub(crate) struct LabelExam {
    images: SplitImages,
    places: Vec<u64>,
    /// Those of the train split: labels that were never taught are left out.
    classes: LabelClasses,
    config: CalicoConfig,
    towers: Vec<Tower>,
}

impl LabelExam {
    /// Draws up to `most` pictures of the dev split by a seed.
    ///
    /// # Errors
    /// If a split is missing, or nothing of it is selected.
    pub(crate) fn new(
        dataset: &Dataset,
        selection: &Selection,
        config: &CalicoConfig,
        stage: &StageConfig,
        (seed, most): (u64, usize),
    ) -> Result<Self, TrainError> {
        let taught = SplitImages::open(dataset, Split::Train, &selection.sources, |_| true)?;
        let images = SplitImages::open(dataset, Split::Dev, &selection.sources, |_| true)?;
        Ok(Self {
            places: images.drawn(most, Stream::new(seed, "label exam", "")),
            images,
            classes: LabelClasses::of_images(&taught)?,
            config: config.clone(),
            towers: learning_towers(stage, config)?,
        })
    }

    /// Number of pictures.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }
}

/// By encoder and kind of label (`eva_objects`, `eva_parts`, …): the share of patches, in percent,
/// whose most likely class is the one with the largest share of the patch.
///
/// Pictures that cannot be used are left out, as are patches that teach nothing; an encoder
/// without a patch has no share.
pub(crate) fn label_accuracy(
    model: &Calico,
    weights: &Weights,
    exam: &LabelExam,
) -> Result<BTreeMap<String, f64>, TrainError> {
    let LabelExam { images, places, classes, config, towers } = exam;
    let heads = LabelHeads::load(config, classes, towers, weights)?;
    let mut counts: BTreeMap<String, [u64; 2]> = BTreeMap::new();
    for place in places {
        let picture = match LabelledPicture::load(images, *place, classes, towers, config) {
            Ok(picture) => picture,
            Err(Refusal::Bad(_)) => continue,
            Err(Refusal::Failed(error)) => return Err(error),
        };
        for (tower, heads) in heads.iter() {
            let tokens = tokens(tower, model, std::slice::from_ref(&picture))?;
            for (kind, head) in heads {
                let logits = head.forward(&tokens)?.to_dtype(DType::F32)?; // [1, P, classes]
                let likely = logits.argmax(2)?.flatten_all()?.to_vec1::<u32>()?;
                let name = format!("{}_{}", tower.name(), kind.name());
                let [right, all] = counts.entry(name).or_default();
                let targets = picture.targets(tower, *kind)?;
                for (likely, largest) in likely.into_iter().zip(targets.largest()) {
                    if let Some(largest) = largest {
                        *all += 1;
                        *right += u64::from(likely == u32::from(largest));
                    }
                }
            }
        }
    }
    let counted = counts.into_iter().filter(|(_, [_, all])| *all > 0);
    Ok(counted.map(|(name, [right, all])| (name, 100.0 * right as f64 / all as f64)).collect())
}
