//! The CALICO model: encoders, correspondence modules, language model and mask decoder as one.
