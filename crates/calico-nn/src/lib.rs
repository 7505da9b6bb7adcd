//! Differentiable building blocks and weight sources for the models of Calico.
