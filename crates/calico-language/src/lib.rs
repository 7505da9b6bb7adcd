//! The language side of Calico: LLaMA, tokenizer, sampling.
