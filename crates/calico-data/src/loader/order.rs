use crate::{Permutation, Stream};

/// Blocks whose rows are shuffled together.
const WINDOW: usize = 16;

/// The order of the selected rows in one epoch; any position is found without those before it.
pub(super) struct Order {
    /// The blocks in the order of the epoch.
    blocks: Vec<u32>,
    /// By window: the first position after it.
    ends: Vec<u64>,
    shuffle: Option<u64>,
    epoch: u64,
}

/// A selected row: the block, and its place among the selected rows of the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) block: u32,
    pub(super) row: u32,
}

impl Order {
    /// The order of an epoch, for blocks of so many selected rows each.
    pub(super) fn new(rows: &[u32], shuffle: Option<u64>, epoch: u64) -> Self {
        let count = rows.len() as u64;
        let blocks: Vec<u32> = match shuffle {
            None => (0..rows.len() as u32).collect(),
            Some(seed) => {
                let stream = Stream::new(seed, "loader blocks", &epoch.to_string());
                let order = Permutation::new(count, stream);
                (0..count).filter_map(|at| Some(order.at(at)? as u32)).collect()
            }
        };
        let mut end = 0;
        let window_end = |window: &[u32]| {
            end += window.iter().map(|&block| u64::from(rows[block as usize])).sum::<u64>();
            end
        };
        let ends = blocks.chunks(WINDOW).map(window_end).collect();
        Self { blocks, ends, shuffle, epoch }
    }

    /// The window that holds a position; `None` after the last.
    pub(super) fn window_of(&self, position: u64) -> Option<usize> {
        let window = self.ends.partition_point(|&end| end <= position);
        (window < self.ends.len()).then_some(window)
    }

    /// The position of the first row of a window.
    pub(super) fn start(&self, window: usize) -> u64 {
        if window == 0 { 0 } else { self.ends[window - 1] }
    }

    /// The rows of a window in their order; `rows` as given to [`new`](Self::new).
    pub(super) fn rows(&self, window: usize, rows: &[u32]) -> Vec<Place> {
        let blocks = self.blocks.chunks(WINDOW).nth(window).unwrap_or_default();
        let places = blocks
            .iter()
            .flat_map(|&block| (0..rows[block as usize]).map(move |row| Place { block, row }));
        let places: Vec<Place> = places.collect();
        let Some(seed) = self.shuffle else { return places };
        let stream = Stream::new(seed, "loader rows", &format!("{}/{window}", self.epoch));
        let order = Permutation::new(places.len() as u64, stream);
        let shuffled = (0..order.len()).filter_map(|at| places.get(order.at(at)? as usize));
        shuffled.copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(order: &Order, rows: &[u32]) -> Vec<Place> {
        (0..order.ends.len()).flat_map(|window| order.rows(window, rows)).collect()
    }

    proptest::proptest! {
        #[test]
        fn an_epoch_has_each_row_once(
            rows in proptest::collection::vec(0_u32..40, 0..60), seed: u64, epoch in 0_u64..5
        ) {
            let order = Order::new(&rows, Some(seed), epoch);
            let shuffled = all(&order, &rows);
            let files = all(&Order::new(&rows, None, epoch), &rows);
            proptest::prop_assert!(files.is_sorted());
            let mut sorted = shuffled.clone();
            sorted.sort();
            proptest::prop_assert_eq!(sorted, files);
            for position in 0..shuffled.len() as u64 {
                let window = order.window_of(position).unwrap();
                let start = order.start(window);
                let place = order.rows(window, &rows)[(position - start) as usize];
                proptest::prop_assert_eq!(place, shuffled[position as usize]);
            }
            proptest::prop_assert_eq!(order.window_of(shuffled.len() as u64), None);
        }
    }

    #[test]
    fn epochs_and_seeds_have_orders_of_their_own() {
        let rows = [4000; 40];
        let orders = [(1, 0), (1, 1), (2, 0)]
            .map(|(seed, epoch)| all(&Order::new(&rows, Some(seed), epoch), &rows));
        assert!(orders[0] != orders[1] && orders[0] != orders[2]);
        // The first hundred samples come from all over the data set.
        let mut blocks: Vec<u32> = orders[0][..100].iter().map(|place| place.block).collect();
        blocks.sort_unstable();
        blocks.dedup();
        assert!(blocks.len() > 12 && blocks[blocks.len() - 1] > 20, "{blocks:?}");
    }
}
