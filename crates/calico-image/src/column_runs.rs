use crate::Size;

/// Columns that are gathered at a time: 64 bytes of 16-bit values are one line of the cache.
const COLUMNS: usize = 32;

/// Visits the runs of equal values down the columns of a row-major picture, from left to right:
/// the value, and the positions `start..end` of its run.
///
/// Runs go on from one column to the next, and two neighbours never hold the same value.
pub(crate) fn column_runs<T: Copy + Eq>(
    size: Size,
    values: &[T],
    mut visit: impl FnMut(T, u64, u64),
) {
    let (height, width) = (size.height as usize, size.width as usize);
    let Some(&first) = values.first() else { return };
    // Neighbours in a column are a row apart in memory, so a band of columns is turned first.
    let mut band = vec![first; height * width.min(COLUMNS)];
    let (mut value, mut start, mut position) = (first, 0, 0);
    for left in (0..width).step_by(COLUMNS) {
        let columns = COLUMNS.min(width - left);
        for (y, row) in values.chunks_exact(width).enumerate() {
            for (x, &found) in row[left..left + columns].iter().enumerate() {
                band[x * height + y] = found;
            }
        }
        for &found in &band[..height * columns] {
            if found != value {
                visit(value, start, position);
                (value, start) = (found, position);
            }
            position += 1;
        }
    }
    visit(value, start, position);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_go_down_the_columns_and_on_in_the_next() {
        let mut runs = Vec::new();
        column_runs(Size::new(2, 3), &[7, 8, 9, 8, 9, 9], |value, start, end| {
            runs.push((value, start, end));
        });
        assert_eq!(runs, [(7, 0, 1), (8, 1, 3), (9, 3, 6)]);
    }

    #[test]
    fn more_columns_than_one_band_are_visited_once_each() {
        let (height, width) = (3, 2 * COLUMNS + 5);
        let values: Vec<usize> = (0..height * width).collect();
        let mut expected = (0..width).flat_map(|x| (0..height).map(move |y| y * width + x));
        column_runs(Size::new(3, width as u32), &values, |value, start, end| {
            assert_eq!((Some(value), end), (expected.next(), start + 1));
        });
        assert_eq!(expected.next(), None);
    }

    #[test]
    fn a_picture_without_pixels_has_no_runs() {
        for size in [Size::new(0, 5), Size::new(5, 0)] {
            column_runs(size, &[0_u8; 0], |_, _, _| panic!("a run of nothing"));
        }
    }
}
