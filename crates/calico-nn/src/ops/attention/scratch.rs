//! Memory that one task uses again and again.

use calico_kernels::attention;

use super::bias::GridScratch;

/// The memory of a task, as large as its largest tile needed.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) scores: Vec<f32>,
    pub(super) gradients: Vec<f32>,
    pub(super) mixed: Vec<f32>,
    /// Keys' and values' gradients of a unit.
    pub(super) sums: [Vec<f32>; 2],
    pub(super) per_query: Vec<f32>,
    pub(super) grid: GridScratch,
    pub(super) kernel: attention::Scratch,
}

/// The first `len` values of a buffer, which grows where needed; what they hold is of the past.
pub(super) fn room(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}

/// Rows of a buffer that belong together, in the order of their tokens.
pub(super) type Rows<'a> = Vec<&'a mut [f32]>;

/// Gives each row of `width` values of a buffer to the list that `list_of` names.
pub(super) fn deal<'a>(
    buffer: &'a mut [f32],
    width: usize,
    lists: &mut [Rows<'a>],
    list_of: impl Fn(usize) -> Option<usize>,
) {
    for (index, row) in buffer.chunks_mut(width).enumerate() {
        if let Some(list) = list_of(index).and_then(|list| lists.get_mut(list)) {
            list.push(row);
        }
    }
}
