//! What became of the tensors of a model.

use std::collections::BTreeMap;

use calico_nn::quantized::MatrixFormat;
use calico_nn::weights::checkpoint::StoredForm;

/// What a model of fewer bits consists of.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QuantizeReport {
    /// By form.
    pub forms: BTreeMap<StoredForm, FormTotal>,
    /// The matrices that do not have the form that was asked for, in the order of the model.
    pub fallbacks: Vec<Fallback>,
}

/// All tensors of one form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FormTotal {
    /// Number of tensors.
    pub tensors: u64,
    /// Number of values.
    pub values: u64,
    /// Bytes in files.
    pub bytes: u64,
}

/// A matrix that does not have the form that was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Fallback {
    /// Its name.
    pub name: String,
    /// What was asked for.
    pub wanted: MatrixFormat,
    /// What it has.
    pub stored: StoredForm,
    /// Why.
    pub reason: String,
}

impl QuantizeReport {
    /// Bytes of all tensors in files.
    pub fn bytes(&self) -> u64 {
        self.forms.values().map(|form| form.bytes).sum()
    }

    pub(super) fn count(&mut self, form: StoredForm, values: usize, bytes: usize) {
        let total = self.forms.entry(form).or_default();
        total.tensors += 1;
        total.values += values as u64;
        total.bytes += bytes as u64;
    }
}
