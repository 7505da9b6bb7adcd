//! Training of Calico: recipes, plans, the trainer, its checkpoints and what it shows.
