use serde::{Deserialize, Serialize};

use crate::recipe::Compute;

/// What is known of the machine that will train.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Machine {
    /// 10^9 operations per second in large matrix products, as they were measured.
    pub gflops: f64,
    /// Whether the arithmetic runs on a CPU: in f32 unless the recipe says otherwise, each
    /// operation in one pass over memory.
    pub is_cpu: bool,
}

impl Machine {
    /// Bytes of a value in the arithmetic of a recipe.
    pub(super) fn value_bytes(self, compute: Compute) -> u64 {
        match compute {
            Compute::F32 => 4,
            Compute::Bf16 => 2,
            Compute::Auto => {
                if self.is_cpu {
                    4
                } else {
                    2
                }
            }
        }
    }

    /// Whether the hand-written operations apply: on the CPU, in f32.
    pub(super) fn is_fused(self, compute: Compute) -> bool {
        self.is_cpu && self.value_bytes(compute) == 4
    }
}
