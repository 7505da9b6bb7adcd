use std::path::PathBuf;

use super::Recipe;

/// What a command line says instead of the recipe.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overrides {
    /// A model folder to start from.
    pub model: Option<PathBuf>,
    /// A data set folder.
    pub data: Option<PathBuf>,
    /// Where the pictures of sources are.
    pub roots: Vec<(String, PathBuf)>,
    /// Where features of frozen encoders are kept.
    pub features: Option<PathBuf>,
    /// The seed.
    pub seed: Option<u64>,
}

impl Overrides {
    /// Changes a recipe. Paths are as seen from where the program runs.
    pub(super) fn apply(&self, recipe: &mut Recipe) {
        if let Some(folder) = &self.model {
            recipe.model.folder = Some(folder.clone());
        }
        if let Some(folder) = &self.data {
            recipe.data.folder = Some(folder.clone());
        }
        recipe.data.roots.extend(self.roots.iter().cloned());
        if let Some(folder) = &self.features {
            let stored = recipe.features.take().map(|features| features.stored);
            let stored = stored.unwrap_or_default();
            recipe.features = Some(super::FeaturesConfig { folder: folder.clone(), stored });
        }
        if let Some(seed) = self.seed {
            recipe.seed = seed;
        }
    }
}
