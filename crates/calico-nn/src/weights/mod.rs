//! Where weights come from.
//!
//! A module asks [`Weights`] for its tensors by name, shape and initial value; a
//! [`WeightSource`] answers. The constructors of the modules are therefore the one list of what
//! a model holds: [`Recorder`] runs them without memory to learn every name and shape,
//! [`Random`] gives fresh values, [`checkpoint::Checkpoint`] reads files.

use std::fmt;
use std::sync::Arc;

use candle_core::{Result, Tensor};

use crate::quantized::Matrix;

pub mod checkpoint;
mod random;
mod recorder;

pub use random::Random;
pub(crate) use random::fnv1a;
pub use recorder::Recorder;

/// How an untrained parameter starts. All draws are uniform: they need no transcendental
/// function, whose last bits differ between machines; the waves of a grid lose theirs in rounding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Init {
    /// All zero.
    Zeros,
    /// All one.
    Ones,
    /// All the same value.
    Constant(f32),
    /// Uniform in `±bound`.
    Uniform(f64),
    /// The positions of a square grid as waves (below), behind so many rows of zeros.
    ///
    /// A cell has sines and cosines of its row and of its column, a quarter of the width each, at
    /// wavelengths that grow from 2π to 20000π cells (MAE's `get_2d_sincos_pos_embed`): where
    /// nothing is known yet, neighbours at least are alike. The last axis of the tensor is the
    /// width, all others together are the zeros and the cells.
    Grid {
        /// Rows of tokens that stand for no place.
        before: usize,
    },
}

impl Init {
    /// Uniform in `±1 / sqrt(inner)`, PyTorch's default for linear layers and convolutions.
    pub fn fan_in(inner: usize) -> Self {
        Self::Uniform((inner.max(1) as f64).sqrt().recip())
    }

    /// Uniform in `±sqrt(6 / (inner + outer))` (Glorot and Bengio, 2010).
    pub fn xavier(inner: usize, outer: usize) -> Self {
        Self::Uniform((6.0 / (inner + outer).max(1) as f64).sqrt())
    }

    /// Uniform with the given standard deviation.
    pub fn std(deviation: f64) -> Self {
        Self::Uniform(3f64.sqrt() * deviation)
    }
}

/// One tensor that a model holds.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorSpec {
    /// Canonical name, dots between its parts.
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// How it starts before training.
    pub init: Init,
}

impl TensorSpec {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Answers requests for tensors.
pub trait WeightSource: Send + Sync {
    /// The tensor with this name and shape.
    fn tensor(&self, spec: &TensorSpec) -> Result<Tensor>;

    /// The matrix `[outputs, inner]` with this name, by which a linear layer multiplies. A source
    /// that knows it in fewer bits may give those.
    fn matrix(&self, spec: &TensorSpec) -> Result<Matrix> {
        self.tensor(spec).map(Matrix::Plain)
    }
}

/// A [`WeightSource`] below a prefix of names.
#[derive(Clone)]
pub struct Weights {
    source: Arc<dyn WeightSource>,
    prefix: String,
}

impl Weights {
    /// All of a source.
    pub fn new(source: Arc<dyn WeightSource>) -> Self {
        Self { source, prefix: String::new() }
    }

    /// The part below `name`.
    #[must_use]
    pub fn pp(&self, name: impl fmt::Display) -> Self {
        Self { source: Arc::clone(&self.source), prefix: self.full_name(&name) }
    }

    /// The prefix of all names asked for here.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The tensor `name` below the prefix.
    pub fn get(&self, shape: &[usize], name: &str, init: Init) -> Result<Tensor> {
        let name = self.full_name(&name);
        self.source.tensor(&TensorSpec { name, shape: shape.to_vec(), init })
    }

    /// The matrix `name` below the prefix, `[outputs, inner]`, by which a linear layer multiplies.
    pub fn matrix(&self, shape: [usize; 2], name: &str, init: Init) -> Result<Matrix> {
        let name = self.full_name(&name);
        self.source.matrix(&TensorSpec { name, shape: shape.to_vec(), init })
    }

    fn full_name(&self, name: &dyn fmt::Display) -> String {
        if self.prefix.is_empty() { name.to_string() } else { format!("{}.{name}", self.prefix) }
    }
}

impl fmt::Debug for Weights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Weights").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
